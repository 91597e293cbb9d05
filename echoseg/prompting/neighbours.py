"""Whether what the model says of the left ventricle agrees with what it says of the wall and the atrium beside it.

In every apical view the cavity's border lies against the myocardium or, at the mitral valve, against the left atrium. A model that has
never seen hearts like this one draws them apart from each other, long before it doubts its own masks.
"""

from __future__ import annotations

import cv2
import numpy as np

from echoseg.tracking import Session
from echoseg.types import BoolMask, Flag, Structure

NEIGHBOURS = ("MYO", "LA")
RING = 0.08
"""Width of the ring around the cavity that is looked at, as a share of the square root of the cavity's area."""
MIN_BORDERED = 0.93
"""Share of that ring below which the structures do not fit together. Chosen on 50 patients (docs/evidence/weights.md)."""


def neighbour_flags(session: Session, cavities: BoolMask) -> list[Flag]:
    """A flag where the cavity does not lie between the wall and the atrium that the model itself sees on the fullest frame.

    Args:
        session: over the source, of a model that knows MYO and LA; of any other nothing can be said.
        cavities: ``(T, H, W)`` what was taken for the LV's cavity. The largest counts: at end-diastole the wall is thin and whole.
    """
    if not set(NEIGHBOURS) <= set(session.model.config.structures) or not cavities.any():
        return []
    frame = int(np.count_nonzero(cavities, axis=(1, 2)).argmax())
    seen = {i: session.preview(frame, Structure(name)) for i, name in enumerate(NEIGHBOURS, start=1)}
    masks = session.tracker.result(frame, seen).masks
    share = bordered(cavities[frame], np.logical_or.reduce(list(masks.values())))
    if share >= MIN_BORDERED:
        return []
    apart = (
        f"on the fullest frame {100 * (1 - share):.0f} % of the cavity's surroundings are neither wall nor atrium by the model's own "
        "masks: the heart may be one that it cannot read, and EF may be far off"
    )
    return [Flag("walls_apart", apart)]


def bordered(cavity: BoolMask, neighbours: BoolMask) -> float:
    """Share 0..1 of a ring around ``cavity`` that ``neighbours`` cover, both ``(H, W)``; 1 for an empty cavity."""
    radius = max(2, round(RING * float(np.sqrt(np.count_nonzero(cavity)))))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    ring = cv2.dilate(cavity.astype(np.uint8), disc).astype(bool) & ~cavity
    return float(np.count_nonzero(ring & neighbours) / np.count_nonzero(ring)) if ring.any() else 1.0
