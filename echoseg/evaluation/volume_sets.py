"""Sets of volumes as they are met in use: each object by its exact box on one slice, beside the ellipse in it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from echoseg.datasets.case import Case
from echoseg.datasets.volume_sets import VolumeSet
from echoseg.evaluation.baselines import copied, ellipse_in
from echoseg.evaluation.dataset import box_frame
from echoseg.evaluation.scores import Score
from echoseg.metrics.overlap import dice
from echoseg.model import Model
from echoseg.options import VolumeOptions
from echoseg.pipeline import segment
from echoseg.types import Box

OBJECT = "object"
"""The label of objects that are told apart by numbers only."""


def score_in_set(belongs_to: VolumeSet, reference: Case, model: Model, options: VolumeOptions | None = None) -> Iterator[Score]:
    """One score an object: ``dice`` from the exact box on the slice that shows most of it, followed both ways, and that of the
    ``ellipse`` in the box, copied to every slice that shows the object, which knows where the object ends.

    Of a volume the Dice is that of all its voxels. Of a cine it is that of end-systole, the frame whose true cavity is smallest; its box is
    the one at end-diastole.

    Args:
        options: how objects are followed; None: as in use. In a cine no stop rule holds: the object does not end.

    Raises:
        EchosegError: the case cannot be segmented.
    """
    following = VolumeOptions(stop=None) if reference.kind == "cine" else options or VolumeOptions()
    for label, truth in reference.truth.items():
        shown = reference.shown(label)
        if not len(shown) or (reference.kind == "cine" and len(shown) < 2):
            continue
        key = box_frame(reference, label)
        box = Box.around(truth[key])
        with reference.source() as source:
            found = segment(source, box, model, frame_index=key, volume=following).masks == 1
        ellipse = copied(ellipse_in(box, (truth.shape[1], truth.shape[2])), truth)
        counted = slice(None) if reference.kind != "cine" else shown[np.argmin(truth[shown].sum(axis=(1, 2)))]
        measures = {"dice": dice(found[counted], truth[counted]), "ellipse": dice(ellipse[counted], truth[counted])}
        named = label if belongs_to.labels or reference.kind == "cine" else OBJECT
        yield Score(reference.name, reference.subject, belongs_to.name, named, measures)
