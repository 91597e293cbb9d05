"""A simulated annotator of volumes: from a box on one slice, then clicks anywhere, each where the error is largest."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from echoseg.datasets.case import Case
from echoseg.datasets.volume_sets import VolumeSet
from echoseg.evaluation.clicks import next_click
from echoseg.evaluation.dataset import box_frame
from echoseg.evaluation.scores import Score
from echoseg.evaluation.volume_sets import OBJECT
from echoseg.metrics.overlap import dice
from echoseg.model import Model
from echoseg.pipeline import segment
from echoseg.types import BoolMask, Box, MaskPrompt, Points, Prompt

MOST = 3
CLICKS = "corrective clicks"


def score_volume_clicks(belongs_to: VolumeSet, reference: Case, model: Model, most: int = MOST) -> Iterator[Score]:
    """One score an object: ``dice_click_0`` by its exact box on the slice that shows most of it, then ``dice_click_1`` and so on.

    Errors: as :func:`echoseg.segment`.
    """
    for label, truth in reference.truth.items():
        if truth.any():
            reached = dice_by_correction(reference, label, model, most)
            measures = {f"dice_click_{count}": value for count, value in enumerate(reached)}
            yield Score(reference.name, reference.subject, belongs_to.name, label if belongs_to.labels else OBJECT, measures)


def dice_by_correction(reference: Case, label: str, model: Model, most: int = MOST) -> list[float]:
    """3D Dice with 0 .. ``most`` corrective clicks.

    Each click falls on the slice that holds the most wrong pixels, in the middle of its largest connected error, and corrects the mask
    found there before; the object is followed anew from all that was said. A volume without error left keeps its Dice.
    """
    truth = reference.truth[label]
    key = box_frame(reference, label)
    said: dict[int, list[Prompt]] = {key: [Box.around(truth[key])]}
    clicks: dict[int, Points] = {}
    corrected: dict[int, BoolMask] = {}
    reached: list[float] = []
    while True:
        with reference.source() as source:
            found = segment(source, {1: said}, model).masks == 1
        reached.append(dice(found, truth))
        if len(reached) > most:
            return reached
        worst = int((found ^ truth).sum(axis=(1, 2)).argmax())
        click = next_click(found[worst], truth[worst])
        if click is None:
            return reached + [reached[-1]] * (most + 1 - len(reached))
        clicks[worst] = _joined(clicks.get(worst), click)
        corrected.setdefault(worst, found[worst])
        said = {**said, worst: _said(said[key][0] if worst == key else None, corrected[worst], clicks[worst])}


def _joined(before: Points | None, click: Points) -> Points:
    if before is None:
        return click
    return Points(np.concatenate([before.xy, click.xy]), np.concatenate([before.labels, click.labels]))


def _said(box: Prompt | None, mask: BoolMask, clicks: Points) -> list[Prompt]:
    """The prompts of a corrected slice: its box where it has one, else the mask that the clicks correct, where there was one."""
    if box is not None:
        return [box, clicks]
    return [MaskPrompt(mask), clicks] if mask.any() else [clicks]
