"""Which tracked frames are remembered."""

from __future__ import annotations

import math
from dataclasses import dataclass

from echoseg.errors import ModelConfigError


@dataclass(frozen=True)
class MemorySelection:
    """A tracked frame is admitted to the memory of an object when both scores of its mask there reach these.

    Prompted and corrected frames are always admitted: a person answered for them. SAM 2 remembers the last frames, whatever became of the
    object on them: a black picture is remembered as well as a good one, and misleads the frames after it. SAMURAI (Yang et al. 2024, arXiv
    2411.11922) and SAM2Long (Ding et al. 2024, arXiv 2410.16268) admit a frame by the scores that the model gives anyway. This is that
    rule alone: no motion model, no tree of hypotheses.

    Attributes:
        min_iou: least predicted IoU, 0..1.
        min_object_score: the object score (a logit) must be above this; 0 admits only frames on which the object is present.

    Raises:
        ModelConfigError: min_iou outside 0..1, or a score that is not a number.

    >>> selection = echoseg.MemorySelection(min_iou=0.7)
    >>> selection.admits(iou=0.85, object_score=6.0), selection.admits(iou=0.4, object_score=6.0)
    (True, False)
    """

    min_iou: float
    min_object_score: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.min_iou <= 1:
            raise ModelConfigError(f"memory selection: the least predicted IoU lies in 0..1; got {self.min_iou:g}")
        if math.isnan(self.min_object_score):
            raise ModelConfigError("memory selection: the least object score is not a number")

    def admits(self, iou: float, object_score: float) -> bool:
        """Whether a mask of this predicted IoU and object score is good enough to be remembered."""
        return iou >= self.min_iou and object_score > self.min_object_score


def memory_selection(given: str | float) -> MemorySelection:
    """``IOU[,SCORE]``, such as ``0.6`` or ``0.6,-1``; raises ValueError for anything else."""
    try:
        iou, *score = (float(part) for part in str(given).split(","))
        return MemorySelection(iou, *score)
    except (ValueError, TypeError, ModelConfigError) as error:
        reason = f": {error}" if isinstance(error, ModelConfigError) else ""
        raise ValueError(f"{given!r} is not IOU[,SCORE], such as 0.6 or 0.6,0{reason}") from error
