"""The prompt-free head against experts: overlap of each structure in whole stacks, and EF of both ventricles by relative volumes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from echoseg.cardiac.cine import cine_function
from echoseg.datasets.case import Case
from echoseg.evaluation.scores import Score
from echoseg.metrics.overlap import dice
from echoseg.model import Model
from echoseg.model.volumetric_head import CLASSES, VolumetricHead
from echoseg.prompting.short_axis import short_axis

NO_PROMPT = "no prompt"
_PHASE = re.compile(r"_frame\d+$")


def head_scores(cases: Iterable[Case], model: Model, head: VolumetricHead) -> Iterator[Score]:
    """3D Dice of each structure in each stack, then the EF of each patient whose stacks are of two phases or more.

    Args:
        cases: volumes with truth named ``LV``, ``MYO`` and ``RV``; ``patient001_frame01`` is a phase of ``patient001``. ED and ES are the
            phases of the experts' largest and smallest cavity.
        model, head: the encoder, and the head for it.
    """
    found: dict[str, list[tuple[NDArray[np.uint8], NDArray[np.uint8]]]] = {}
    for case in cases:
        patient = _PHASE.sub("", case.name)
        labels, truth = short_axis(model, head, np.asarray(case.frames, np.uint8)).labels, _numbered(case)
        found.setdefault(patient, []).append((labels, truth))
        for value, name in enumerate(CLASSES[1:], start=1):
            if (truth == value).any():
                yield Score(case.name, patient, NO_PROMPT, name, {"dice": dice(labels == value, truth == value)})
    for patient, phases in found.items():
        if len(phases) > 1:
            yield from _ejection(patient, *(np.stack(each) for each in zip(*phases, strict=True)))


def _ejection(patient: str, labels: NDArray[np.uint8], truth: NDArray[np.uint8]) -> Iterator[Score]:
    """EF of both ventricles at the experts' phases, in points."""
    experts = cine_function(truth)
    chosen = [experts.ed, experts.es]
    for name, value in (("LV", 1), ("RV", 3)):
        if not (truth[experts.ed] == value).any():
            continue
        volumes = [(stack[chosen] == value).sum(axis=(1, 2, 3)).astype(float) for stack in (labels, truth)]
        ours, theirs = (100 * (1 - at_es / at_ed) if at_ed else np.nan for at_ed, at_es in volumes)
        measures = {"ef": ours, "ef_true": theirs, "ef_error": ours - theirs, "ef_abs_error": abs(ours - theirs)}
        yield Score(patient, patient, NO_PROMPT, f"{name} EF", measures)


def _numbered(case: Case) -> NDArray[np.uint8]:
    """The truth with the numbers of :data:`CLASSES`."""
    truth = np.zeros(np.asarray(case.labels).shape, np.uint8)
    for value, name in enumerate(CLASSES[1:], start=1):
        if name in case.truth:
            truth[case.truth[name]] = value
    return truth
