"""Volumes in every way an object can be prompted and followed, scored beside the copied ellipse."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from scipy.ndimage import distance_transform_edt

from echoseg.datasets.case import Case
from echoseg.errors import MeasureError
from echoseg.evaluation.baselines import copied, ellipse_in
from echoseg.evaluation.dataset import box_frame, measure
from echoseg.evaluation.scores import Score
from echoseg.metrics.compare import TOLERANCE
from echoseg.model import Model
from echoseg.options import VolumeOptions
from echoseg.pipeline import segment
from echoseg.prompting.plan import PromptLike
from echoseg.prompting.recist import recist_box, recist_points
from echoseg.types import BoolMask, Box, Box3D, Point3D
from echoseg.volumetry import longest_diameters

ELLIPSE = "ellipse, copied"


def score_volume(reference: Case, model: Model, *, every_prompt: bool = False, tolerance: float = TOLERANCE) -> list[Score]:
    """Scores of every object of one case.

    Each is prompted by its exact box on the slice that shows most of it and followed by both recipes, with and without stop rules. With
    ``every_prompt`` also by its 3D box, by its longest diameter on that slice as RECIST line (as box and as points), and by one click where
    it is thickest. Beside them the ellipse in the box, copied to every slice that shows the object: it knows where the object ends.

    Raises:
        MeasureError: not a volume.
        EchosegError: the case cannot be segmented.
    """
    if reference.kind != "volume":
        raise MeasureError(f"{reference.name}: is a {reference.kind}, not a volume")
    scores = []
    for label, truth in reference.truth.items():
        if not truth.any():
            continue
        for setting, masks in _predictions(reference, label, model, every_prompt):
            scores.append(Score(reference.name, reference.subject, setting, label, measure(reference, label, masks, tolerance)))
    return scores


def _predictions(reference: Case, label: str, model: Model, every_prompt: bool) -> Iterator[tuple[str, BoolMask]]:
    truth = reference.truth[label]
    key = box_frame(reference, label)
    box = Box.around(truth[key])

    def found(prompt: PromptLike, options: VolumeOptions | None = None) -> BoolMask:
        with reference.source() as source:
            return segment(source, prompt, model, volume=options or VolumeOptions()).masks == 1

    yield "mask recipe", found({1: {key: box}})
    yield "mask recipe, no stop rules", found({1: {key: box}}, VolumeOptions(stop=None))
    yield "box recipe", found({1: {key: box}}, VolumeOptions("box"))
    yield "box recipe, no stop rules", found({1: {key: box}}, VolumeOptions("box", stop=None))
    if every_prompt:
        for setting, prompt in _other_prompts(truth, key, reference.spacing).items():
            yield setting, found(prompt())
    size = (truth.shape[1], truth.shape[2])
    yield ELLIPSE, copied(ellipse_in(box, size), truth)


def _other_prompts(truth: BoolMask, key: int, spacing: tuple[float, float] | None) -> dict[str, Callable[[], PromptLike]]:
    shown = np.flatnonzero(truth.any(axis=(1, 2)))
    around = Box.around(np.asarray(truth.any(axis=0)))
    first, end = int(shown[0]), int(shown[-1]) + 1
    found = longest_diameters(truth[key][None], spacing or (1.0, 1.0))
    assert found is not None  # the key slice shows the object
    line = (*found.long.start, *found.long.end)
    row, column = np.unravel_index(int(distance_transform_edt(np.pad(truth[key], 1))[1:-1, 1:-1].argmax()), truth[key].shape)
    return {
        "3D box": lambda: Box3D(around.x0, around.y0, first, around.x1, around.y1, end),
        "RECIST line": lambda: {1: {key: recist_box(*line)}},
        "RECIST points": lambda: {1: {key: recist_points(*line)}},
        "3D point": lambda: Point3D(float(column) + 0.5, float(row) + 0.5, key),
    }
