"""A model on a reference set: every case prompted, segmented, and scored beside what the prompt gives without a model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np

from echoseg.datasets.case import Case
from echoseg.evaluation.baselines import copied, ellipse_in, ellipse_in_every_box, filled
from echoseg.evaluation.scores import Score
from echoseg.metrics.compare import TOLERANCE, compare_clips, compare_volumes
from echoseg.metrics.motion import area_correlation, matched, phase_error_ms, phases
from echoseg.metrics.overlap import dice
from echoseg.model import Model
from echoseg.pipeline import segment
from echoseg.types import BoolMask, Box

PromptKind = Literal["box", "auto"]
AUTO = ("LV", "LA", "MYO")
"""Structures asked for by ``auto``, where the reference has them."""
_OF_ALL_FRAMES = ("consistency", "ed_error_ms", "es_error_ms", "phases_found")


def score_reference(
    reference: Case, model: Model, prompts: Sequence[PromptKind] = ("box", "auto"), tolerance: float = TOLERANCE
) -> list[Score]:
    """Scores of one case: each prompt, and the baseline of its kind.

    ``box``: the exact box of the truth on the frame of :func:`box_frame`, tracked over the whole source, each structure by itself (in a
    clip of more than one frame the LV alone, where there is one). ``auto``: named structures without a human; only in clips. Baseline: in
    a clip the ellipse in the true box of every frame; else the ellipse and the box of the prompted slice, copied to every slice that shows
    the object (in a cine to every phase).

    Raises:
        EchosegError: the case cannot be segmented.
    """
    scores = []
    for setting, label, masks in _predictions(reference, model, prompts):
        measures = measure(reference, label, masks, tolerance)
        if setting not in prompts and not reference.known.all():  # a baseline drawn from the truth is empty where there is none
            measures = {name: value for name, value in measures.items() if name not in _OF_ALL_FRAMES}
        setting = f"{reference.variant}, {setting}" if reference.variant else setting
        scores.append(Score(reference.name, reference.subject, setting, label, measures))
    return scores


def measure(reference: Case, label: str, masks: BoolMask, tolerance: float = TOLERANCE) -> dict[str, float]:
    """Measures of one predicted structure ``(T, H, W)``: those of :mod:`~echoseg.metrics.compare`, and how it moves.

    Of the LV in a clip or cine also ``dice_es``, on the frame whose true cavity is smallest, and ``area_correlation``; in a clip
    ``ed_error_ms`` and ``es_error_ms`` over the phases that were found, and ``phases_found``, their part of all (see
    :mod:`~echoseg.metrics.motion`). The true ED and ES are those of the true area curve where every frame has truth, found as in the
    predicted curve; with truth on two frames, the one with the larger cavity is ED.
    """
    truth = reference.truth[label]
    if reference.kind == "volume":
        known = reference.spacing is not None and reference.slice_mm is not None
        spacing = (reference.slice_mm or 1.0, *(reference.spacing or ())) if known else None
        return compare_volumes(masks, truth, spacing, tolerance)
    measures = compare_clips(masks, truth, reference.spacing, tolerance, reference.known)
    if label == "LV" and len(truth) > 1:
        measures |= _movement(reference, masks, truth)
    return measures


def box_frame(reference: Case, label: str) -> int:
    """The frame whose true box is the prompt: of a clip the first that shows the structure, else the one that shows most of it.

    In a cine that is end-diastole.
    """
    shown = reference.shown(label)
    areas = reference.truth[label][shown].sum(axis=(1, 2))
    return int(shown[0] if reference.kind == "clip" else shown[areas.argmax()])


def _predictions(reference: Case, model: Model, prompts: Sequence[PromptKind]) -> Iterator[tuple[str, str, BoolMask]]:
    """``(setting, label, masks)`` of the case."""
    labels = [label for label in reference.truth if len(reference.shown(label))]
    tracked_clip = reference.kind == "clip" and len(reference.frames) > 1
    boxed = ["LV"] if tracked_clip and "LV" in labels else labels
    if "box" in prompts:
        for label in boxed:
            frame = box_frame(reference, label)
            box = Box.around(reference.truth[label][frame])
            with reference.source() as source:
                yield "box", label, segment(source, box, model, frame_index=frame).masks == 1
    asked = [label for label in AUTO if label in labels]
    if "auto" in prompts and reference.kind == "clip" and asked:
        with reference.source() as source:
            found = segment(source, f"auto:{','.join(asked)}", model)
        for object_id, label in found.names.items():
            yield "auto", label, found.masks == object_id
    for label in boxed:
        for setting, masks in _baselines(reference, label):
            yield setting, label, masks


def _baselines(reference: Case, label: str) -> Iterator[tuple[str, BoolMask]]:
    """What the prompt gives without a model: ``(setting, masks)``."""
    truth = reference.truth[label]
    if reference.kind == "clip":
        yield "ellipse in the true box", ellipse_in_every_box(truth)
        return
    box, size = Box.around(truth[box_frame(reference, label)]), (truth.shape[1], truth.shape[2])
    for name, mask in (("ellipse", ellipse_in(box, size)), ("box", filled(box, size))):
        # a cine shows its slice in every phase
        yield f"{name}, copied", copied(mask, truth) if reference.kind == "volume" else np.broadcast_to(mask, truth.shape)


def _movement(reference: Case, masks: BoolMask, truth: BoolMask) -> dict[str, float]:
    known, times = np.flatnonzero(reference.known), reference.times()
    true_areas = truth.sum(axis=(1, 2))
    measures = {"area_correlation": area_correlation(masks[known], truth[known])}
    if len(known) > 1:
        smallest = known[true_areas[known].argmin()]
        measures["dice_es"] = dice(masks[smallest], truth[smallest])
    if times is None or reference.kind != "clip":
        return measures
    if len(known) == len(truth):
        true_ed, true_es = phases(true_areas, times)
    elif len(known) == 2:
        small, large = known[np.argsort(true_areas[known])]
        true_ed, true_es = (int(large),), (int(small),)
    else:
        return measures
    found_ed, found_es = phases(masks.sum(axis=(1, 2)), times)
    ed, es = matched(found_ed, true_ed), matched(found_es, true_es)
    count = len(true_ed) + len(true_es)
    return {
        **measures,
        "ed_error_ms": phase_error_ms(ed, times),
        "es_error_ms": phase_error_ms(es, times),
        "phases_found": (len(ed) + len(es)) / count if count else float("nan"),
    }
