"""Ejection fraction of a short-axis stack of cine MR: from experts' contours, from one box a slice through a model, from the head."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from echoseg.cardiac import StackEjection, stack_ef
from echoseg.datasets.case import Case
from echoseg.errors import MeasureError
from echoseg.model import Model
from echoseg.model.volumetric_head import VolumetricHead
from echoseg.options import VolumeOptions
from echoseg.pipeline import segment
from echoseg.prompting.short_axis import short_axis
from echoseg.types import BoolMask, Box


def phases(slices: Sequence[Case]) -> tuple[int, int]:
    """ED and ES frames of the stack: those on which most slices have their larger and their smaller contour.

    Raises:
        MeasureError: no slice is contoured at two phases.
    """
    pairs = []
    for cine in slices:
        known = np.flatnonzero(cine.known)
        if len(known) == 2:
            small, large = known[np.argsort(cine.truth["LV"][known].sum(axis=(1, 2)))]
            pairs.append((int(large), int(small)))
    if not pairs:
        raise MeasureError("no slice of the stack is contoured at both end-diastole and end-systole")
    return Counter(pairs).most_common(1)[0][0]


def expert_ejection(slices: Sequence[Case]) -> StackEjection:
    """Volumes and EF by summing the contoured slices; a slice without a contour at ES holds no cavity there.

    Args:
        slices: of one patient, base to apex or the reverse, see :func:`echoseg.datasets.sunnybrook.short_axis_cines`.

    Raises:
        MeasureError: slices of several patients, unknown spacing, or no slice contoured at both phases.
    """
    ed, es = phases(slices)
    return _ejection(slices, np.stack([cine.truth["LV"][ed] for cine in slices]), np.stack([cine.truth["LV"][es] for cine in slices]))


def predicted_ejection(slices: Sequence[Case], model: Model) -> StackEjection:
    """The same from the model: the exact box of the contour at ED, tracked through the slice's phases, outlines made convex.

    Errors as :func:`expert_ejection`; SourceError, PromptError as :func:`echoseg.segment`.
    """
    ed, es = phases(slices)
    masks = [_tracked(cine, ed, model) for cine in slices]
    return _ejection(slices, np.stack([found[ed] for found in masks]), np.stack([found[es] for found in masks]), convex=True)


def drawn_ejection(slices: Sequence[Case], model: Model, head: VolumetricHead) -> StackEjection:
    """The same from the prompt-free head, which sees the stack at the experts' ED and ES. Errors as :func:`expert_ejection`."""
    drawn = [short_axis(model, head, np.stack([cine.frames[phase] for cine in slices])).labels == 1 for phase in phases(slices)]
    return _ejection(slices, drawn[0], drawn[1])


def _tracked(cine: Case, ed: int, model: Model) -> BoolMask:
    contour = cine.truth["LV"][ed]
    if not contour.any():
        return np.zeros(cine.truth["LV"].shape, bool)
    with cine.source() as source:
        # Phases, not slices: the cavity does not end where it shrinks.
        return segment(source, Box.around(contour), model, frame_index=ed, volume=VolumeOptions(stop=None)).masks == 1


def _ejection(slices: Sequence[Case], ed: NDArray[np.bool_], es: NDArray[np.bool_], convex: bool = False) -> StackEjection:
    if len({cine.subject for cine in slices}) != 1:
        raise MeasureError("a stack is the slices of one patient: give one patient's folder")
    first = slices[0]
    if first.spacing is None or first.slice_mm is None:
        raise MeasureError(f"{first.subject}: the distance of pixels or slices is unknown: no volumes")
    return stack_ef(ed, es, first.spacing, first.slice_mm, convex=convex)
