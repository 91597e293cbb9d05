"""How much the result depends on how carefully the prompt was given: a sloppy box, another seed frame."""

from __future__ import annotations

import numpy as np

from echoseg.datasets.case import Case
from echoseg.metrics.overlap import dice
from echoseg.model import Model
from echoseg.pipeline import segment
from echoseg.tracking import Session
from echoseg.types import BoolMask, Box

JITTERS = (0.0, 0.05, 0.10, 0.20)
REPEATS = 5
SEED_FRAMES = 5


def jittered(box: Box, jitter: float, size: tuple[int, int], rng: np.random.Generator) -> Box:
    """The box with each side moved by up to ``jitter`` of its width (or height), in or out, uniformly, and kept within the frame.

    Args:
        jitter: 0..0.25, so that no box turns inside out.
        size: ``(H, W)`` of the frame.
    """
    width, height = box.x1 - box.x0, box.y1 - box.y0
    x0, y0, x1, y1 = np.array([box.x0, box.y0, box.x1, box.y1]) + rng.uniform(-jitter, jitter, 4) * [width, height, width, height]
    return Box(max(x0, 0.0), max(y0, 0.0), min(x1, float(size[1])), min(y1, float(size[0])))


def dice_by_jitter(session: Session, frame: int, truth: BoolMask, rng: np.random.Generator) -> dict[float, float]:
    """Mean Dice on one frame for each of :data:`JITTERS`, over :data:`REPEATS` boxes (one where the box is exact).

    Args:
        truth: ``(H, W)``, not empty.
    """
    size, exact = (truth.shape[0], truth.shape[1]), Box.around(truth)
    return {
        jitter: float(
            np.mean(
                [
                    dice(session.prompt(1, frame, jittered(exact, jitter, size, rng)).masks[1], truth)
                    for _ in range(REPEATS if jitter else 1)
                ]
            )
        )
        for jitter in JITTERS
    }


def dice_by_seed_frame(reference: Case, label: str, model: Model) -> dict[float, float]:
    """Mean Dice of the clip when the exact box is given on another frame; up to :data:`SEED_FRAMES` of them, evenly spread.

    The seeded frame itself does not count.

    Returns:
        ``{place of the seed frame in the clip, 0 first .. 1 last: Dice}``; empty for a still.
    """
    shown = reference.shown(label)
    if len(shown) < 2:
        return {}
    truth = reference.truth[label]
    out = {}
    for seed in np.unique(shown[np.linspace(0, len(shown) - 1, SEED_FRAMES).round().astype(int)]):
        with reference.source() as source:
            masks = segment(source, Box.around(truth[seed]), model, frame_index=int(seed)).masks == 1
        others = [dice(masks[frame], truth[frame]) for frame in shown if frame != seed]
        out[float(seed / (len(truth) - 1))] = float(np.mean(others))
    return out
