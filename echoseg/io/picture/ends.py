"""Where the moving picture begins and ends: title cards, black and frozen frames before and after it are no part of it."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from echoseg.types import Image

_SIDE = 32
_SAMPLES = 6
_LEAST_FRAMES = 8
"""Frames of the whole clip below which nothing is left out."""
_ALIKE = 0.6
"""Correlation of the middle's frames with their median; below, there is no picture to tell others from."""
_OTHER = 0.4
"""Correlation with that median below which a frame shows something else."""
_DARK = 0.35
"""Brightness, as a share of the middle's, below which a frame is faded out."""
_STILL = 1.0
"""Grey levels of a 32 x 32 picture by which two frames in a row differ at most where the clip is frozen,"""
_STILL_RUN = 6
"""over so many frames or more: repeated frames of another frame rate are fewer."""
_MOST = 0.6
"""Share of the clip that may be left out; more, and the rest is not the clip."""


def moving_part(frame: Callable[[int], Image], length: int) -> tuple[int, int]:
    """``(first, stop)`` of the frames that show the moving picture; ``(0, length)`` where nothing stands out at the ends.

    Args:
        frame: gives a frame by its index.
        length: number of frames.
    """
    if length < _LEAST_FRAMES:
        return 0, length
    pictures: dict[int, NDArray[np.float32]] = {}

    def seen(index: int) -> NDArray[np.float32]:
        if index not in pictures:
            image = frame(index)
            grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) if image.ndim == 3 else image
            pictures[index] = cv2.resize(grey, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
        return pictures[index]

    middle = np.unique(np.linspace(0.3 * (length - 1), 0.7 * (length - 1), _SAMPLES).round().astype(int))
    usual = np.median([seen(int(index)) for index in middle], axis=0)
    if usual.std() < 1 or np.median([_alike(seen(int(index)), usual) for index in middle]) < _ALIKE:
        return 0, length
    shows = {index: _shows(seen(index), usual) for index in (0, length - 1)}
    first, stop = 0, length
    if not shows[0]:
        while first < length and not _shows(seen(first), usual):
            first += 1
    if not shows[length - 1]:
        while stop > first and not _shows(seen(stop - 1), usual):
            stop -= 1
    first, stop = _without_frozen(seen, first, stop, middle)
    return (first, stop) if stop - first >= max((1 - _MOST) * length, 2) else (0, length)


def _without_frozen(seen: Callable[[int], NDArray[np.float32]], first: int, stop: int, middle: NDArray[np.int_]) -> tuple[int, int]:
    """Without the frames at the ends that repeat one; a clip that stands still in its middle, too, is left as it is."""
    if all(np.abs(seen(int(a)) - seen(int(a) + 1)).max() <= _STILL for a in middle[::2]):
        return first, stop
    start, end = first, stop
    while start + 1 < stop and np.abs(seen(start) - seen(start + 1)).max() <= _STILL:
        start += 1
    while end - 2 >= start and np.abs(seen(end - 1) - seen(end - 2)).max() <= _STILL:
        end -= 1
    return (start if start - first >= _STILL_RUN else first), (end if stop - end >= _STILL_RUN else stop)


def _shows(picture: NDArray[np.float32], usual: NDArray[np.float32]) -> bool:
    return _alike(picture, usual) >= _OTHER and float(picture.mean()) >= _DARK * float(usual.mean())


def _alike(picture: NDArray[np.float32], usual: NDArray[np.float32]) -> float:
    """Pearson's correlation; 0 for a picture of one grey."""
    if picture.std() < 1e-3 or usual.std() < 1e-3:
        return 0.0
    return float(np.corrcoef(picture.ravel(), usual.ravel())[0, 1])
