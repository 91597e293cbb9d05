"""What counts as label numbers, whichever file they come from: whole numbers, far fewer of them than a picture has greys.

A label map holds 0..255. Atlases number higher (FreeSurfer: 1035, 2035): such labels are renumbered from 1 on, in ascending order, and
the table goes with them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from echoseg.errors import SourceError
from echoseg.types import Flag, Severity

_MOST_LABELS = 128
"""More than any label map we know of numbers (TotalSegmentator: 117), fewer than the greys of a picture."""

_RINGING = 16
"""Pixels from a border within which JPEG leaves greys: two of its blocks."""

_FEW_LEVELS = 4
_PLAIN = 0.5
"""Share of the pixels of such a mask that are black or its brightest white."""
_HIGHEST = 255
_LISTED = 20


def renumbered(values: NDArray[Any], where: str) -> tuple[NDArray[np.uint8], dict[int, int]]:
    """``values`` as uint8 label numbers, and ``{label: number in the file}``, empty where they stand as they are.

    Args:
        values: of any type.
        where: names the file in an error.

    Raises:
        SourceError: no real numbers (complex, colours), others than whole numbers from 0 on, or more than 255 of them beside 0.
    """
    if values.dtype.kind not in "buif":
        raise SourceError(f"{where}: values of type {values.dtype} are no label numbers; save one whole number 0..255 for each pixel")
    with np.errstate(invalid="ignore"):  # NaN becomes some number, and is seen to differ
        labels = values.astype(np.uint8)
    if np.array_equal(labels, values):
        return labels, {}
    held = np.unique(values)
    if held.dtype.kind == "f" and not (np.isfinite(held).all() and np.array_equal(held, np.rint(held))):
        raise SourceError(f"{where}: label maps hold whole numbers 0..255; this one holds other values, such as {_odd(held):g}")
    if held[0] < 0:
        raise SourceError(f"{where}: label maps hold whole numbers 0..255; this one holds other values, from {held[0]:g} on")
    held = held[held > 0]
    if len(held) > _HIGHEST:
        raise SourceError(
            f"{where}: holds {len(held)} different values and looks like a picture, not a label map; give the masks drawn on it"
        )
    labels = np.where(values > 0, np.searchsorted(held, values) + 1, 0).astype(np.uint8)
    return labels, {place: int(number) for place, number in enumerate(held, start=1)}


def _odd(held: NDArray[np.generic]) -> float:
    return next(float(value) for value in held if not np.isfinite(value) or value != np.rint(value))


def renumbered_flag(numbers: Mapping[int, int]) -> tuple[Flag, ...]:
    """A flag with the table of labels that were renumbered; none where there is no table."""
    if not numbers:
        return ()
    listed = [f"{number} is {label}" for label, number in numbers.items()]
    more = f" and {len(listed) - _LISTED} more, each object is named by its number" if len(listed) > _LISTED else ""
    message = f"The label map numbers above 255, so its labels were renumbered: {', '.join(listed[:_LISTED])}{more}."
    return (Flag("labels_renumbered", message, Severity.INFO),)


def one_for_255(labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """``labels``, those of a black and white mask with 1 in place of 255: where 255 is the only number besides 0."""
    return (labels > 0).astype(np.uint8) if set(np.unique(labels).tolist()) <= {0, 255} else labels


def check_no_picture(labels: NDArray[np.uint8], where: str) -> None:
    """Raises SourceError where there are so many labels that they must be grey values."""
    count = len(np.unique(labels))
    if count > _MOST_LABELS:
        raise SourceError(f"{where}: holds {count} different values and looks like a picture, not a label map; give the masks drawn on it")


def has_soft_edges(labels: NDArray[np.uint8]) -> bool:
    """Whether ``(T, H, W)`` is black and white with greys by the borders alone, of several levels on either side, as JPEG leaves them.

    No label map numbers both sides of every border so.
    """
    values = np.unique(labels)
    dark, bright = values[(values > 0) & (values < 128)], values[values > 127]
    if min(len(dark), len(bright)) < _FEW_LEVELS:
        return False
    if np.isin(labels, (0, values[-1])).mean() < _PLAIN:
        return False
    for frame in labels:
        white = (frame > 127).astype(np.uint8)
        away = np.maximum(cv2.distanceTransform(white, cv2.DIST_L2, 5), cv2.distanceTransform(1 - white, cv2.DIST_L2, 5))
        flat = away > _RINGING if white.any() else np.ones_like(white, bool)
        if len({*np.unique(frame[flat & (white == 0)]), 0}) > 1 or len(np.unique(frame[flat & (white == 1)])) > 1:
            return False
    return True


def marks_the_surroundings(inside: NDArray[np.uint8]) -> bool:
    """Whether every frame ``(T, H, W)`` that holds both is inside along its whole border: an object drawn black on white."""
    mixed = inside[(inside.min(axis=(1, 2)) == 0) & (inside.max(axis=(1, 2)) > 0)]
    return len(mixed) > 0 and all(frame[[0, -1]].all() and frame[:, [0, -1]].all() for frame in mixed)


def assumed(how: str) -> Flag:
    """The flag on a mask in values that are no label numbers."""
    return Flag("mask_assumed", f"The file of the mask holds no label numbers: it was assumed that {how}.")


SOFT_EDGES = assumed("a black and white mask with soft edges, so that grey levels from 128 on are inside")

SURROUNDINGS = Flag(
    "mask_inverted",
    "White, which is taken for the object, fills the whole border of the picture: invert the mask if the object is drawn in black.",
)
