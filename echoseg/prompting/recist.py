"""A RECIST line as a prompt: one diameter that a reader has drawn across a lesion."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from echoseg.errors import PromptError
from echoseg.types import Box, Points

Ends = tuple[float, float, float, float]
"""``x0, y0, x1, y1`` of a line, in source pixels."""

LINE_POINTS = 5
_MOST_PIXELS = 2048  # of a drawn line: more are an area


def recist_box(x0: float, y0: float, x1: float, y1: float) -> Box:
    """The square centred on the line's midpoint with the line's length as its side (MedSAM2's rule), in source pixels.

    It is clipped to the image where that is known, when the object is prompted.

    Raises:
        PromptError: the two ends coincide.
    """
    side = _length(x0, y0, x1, y1)
    x, y = (x0 + x1) / 2, (y0 + y1) / 2
    return Box(x - side / 2, y - side / 2, x + side / 2, y + side / 2)


def recist_points(x0: float, y0: float, x1: float, y1: float) -> Points:
    """Five clicks on the line, MedSAM2's alternative to the box.

    MedSAM2 draws five of the line's pixels at random. Here they sit in the middle of five equal parts, so that a run can be repeated;
    the ends of the line lie on the border, where a click says nothing.

    Raises:
        PromptError: the two ends coincide.
    """
    _length(x0, y0, x1, y1)
    part = (np.arange(LINE_POINTS) + 0.5) / LINE_POINTS
    xy = np.stack([x0 + part * (x1 - x0), y0 + part * (y1 - y0)], axis=1)
    return Points(xy.astype(np.float32), np.ones(LINE_POINTS, dtype=np.int32))


def recist_lines(array: NDArray[np.generic]) -> dict[int, tuple[int, Ends]]:
    """The lines that an array of slices holds as pixels, as MedSAM2's ``recist`` arrays do: one for each number but 0.

    Args:
        array: ``(T, H, W)`` whole numbers.

    Returns:
        ``{number: (slice, ends)}``; a line ends in the middle of its two pixels that lie farthest apart.

    Raises:
        PromptError: no line, one that is not on one slice, or a single pixel.
    """
    if array.ndim != 3:
        raise PromptError(f"an array of RECIST lines has slices, rows and columns; got shape {array.shape}")
    lines = {}
    for number in np.unique(array):
        if number == 0:
            continue
        slices, rows, columns = np.nonzero(array == number)
        if len(set(slices.tolist())) > 1:
            raise PromptError(f"RECIST line {number} covers slices {slices.min()} to {slices.max()}: a line lies on one slice")
        points = np.stack([columns, rows], axis=1) + 0.5
        if len(points) > _MOST_PIXELS:
            raise PromptError(f"RECIST line {number} has {len(points)} pixels on slice {slices[0]}: that is an area, not a line")
        apart = ((points[:, None] - points[None]) ** 2).sum(axis=2)
        first, last = np.unravel_index(int(apart.argmax()), apart.shape)
        if first == last:
            raise PromptError(f"RECIST line {number} is a single pixel")
        lines[int(number)] = (int(slices[0]), (*points[first].tolist(), *points[last].tolist()))
    if not lines:
        raise PromptError("the array holds no RECIST line: all its values are 0")
    return lines


def _length(x0: float, y0: float, x1: float, y1: float) -> float:
    length = math.hypot(x1 - x0, y1 - y0)
    if length == 0:
        raise PromptError("the two ends of a RECIST line must differ")
    return length
