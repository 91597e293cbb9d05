"""One object on one frame as it is stored and sent: run lengths, box and scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np

from echoseg.annotate.rle import decode, encode
from echoseg.types import BoolMask


@dataclass(frozen=True)
class FrameMask:
    """What is known of one object on one frame.

    Attributes:
        frame, object: which.
        counts: COCO run lengths of the mask.
        bbox: x0, y0, x1, y1 in pixels, edges; None of an empty mask.
        iou: predicted IoU in 0..1, None where nobody predicted it. ``score``: object score logit, likewise.
    """

    frame: int
    object: int
    counts: str
    bbox: tuple[int, int, int, int] | None
    iou: float | None = None
    score: float | None = None

    @classmethod
    def of(cls, frame: int, object_id: int, mask: BoolMask, iou: float | None = None, score: float | None = None) -> FrameMask:
        """Of a mask ``(H, W)``; a score that is not finite is unknown."""
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        box = (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1) if len(rows) else None
        return cls(int(frame), int(object_id), encode(mask), box, _known(iou), _known(score))

    @classmethod
    def stored(cls, row: Sequence[Any]) -> FrameMask:
        """What :meth:`row` wrote."""
        frame, object_id, counts, bbox, iou, score = row
        return cls(frame, object_id, counts, None if bbox is None else tuple(bbox), iou, score)

    def row(self) -> list[Any]:
        """Its fields as plain JSON values."""
        return [self.frame, self.object, self.counts, None if self.bbox is None else list(self.bbox), self.iou, self.score]

    def mask(self, size: tuple[int, int]) -> BoolMask:
        """The mask ``(H, W)``."""
        return decode(self.counts, size)

    def sent(self, size: tuple[int, int]) -> dict[str, Any]:
        """As it goes to a client."""
        return {
            "frame": self.frame,
            "object": self.object,
            "bbox": None if self.bbox is None else list(self.bbox),
            "rle": {"size": list(size), "counts": self.counts},
            "iou": self.iou,
            "score": self.score,
        }


def _known(value: float | None) -> float | None:
    return None if value is None or not isfinite(value) else round(float(value), 4)
