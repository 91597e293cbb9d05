"""What a clip looks like at a glance: a few small grey pictures of its scan sector."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from echoseg.io.source import Source
from echoseg.types import BoolMask, Image

SIDE = 64
FRAMES = 8


def thumbnails(source: Source, count: int = FRAMES) -> NDArray[np.uint8] | None:
    """``(N, SIDE, SIDE)`` uint8 of ``count`` frames spread evenly over the source, or of all when there are fewer.

    None for a source that can be read only once, or whose length is not known: a glance would use it up.

    >>> thumbnails(echoseg.open_source(np.zeros((20, 48, 64), np.uint8))).shape
    (8, 64, 64)
    """
    if not source.rereadable or source.length is None:
        return None
    wanted = np.unique(np.linspace(0, source.length - 1, min(count, source.length)).round().astype(int))
    region = source.sector()
    return np.stack([thumbnail(source.frame(int(index)), region) for index in wanted])


def thumbnail(frame: Image, region: BoolMask | None) -> NDArray[np.uint8]:
    """The box around ``region`` ``(H, W)`` of a frame ``(H, W)`` or ``(H, W, 3)`` as grey, stretched to ``(SIDE, SIDE)``.

    None, or an empty region: the whole frame.
    """
    grey = np.asarray(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) if frame.ndim == 3 else frame, np.uint8)
    if region is not None and region.any():
        rows, columns = np.flatnonzero(region.any(axis=1)), np.flatnonzero(region.any(axis=0))
        grey = grey[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    shrinks = grey.shape[0] * grey.shape[1] > SIDE * SIDE
    small = cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return np.asarray(small, np.uint8)
