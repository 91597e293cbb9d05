"""What counts as label numbers, whichever file they come from: whole numbers 0..255, and far fewer of them than a picture has greys."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from echoseg.errors import SourceError

_MOST_LABELS = 128
"""More than any label map we know of numbers (TotalSegmentator: 117), fewer than the greys of a picture."""


def label_numbers(values: NDArray[np.generic], where: str) -> NDArray[np.uint8]:
    """``values`` as uint8 label numbers, of the same shape.

    Args:
        values: of any type.
        where: names the file in an error.

    Raises:
        SourceError: no real numbers (complex, colours), or others than the whole numbers 0..255.
    """
    if values.dtype.kind not in "buif":
        raise SourceError(f"{where}: values of type {values.dtype} are no label numbers; save one whole number 0..255 for each pixel")
    with np.errstate(invalid="ignore"):  # NaN becomes some number, and is seen to differ
        labels = values.astype(np.uint8)
    if not np.array_equal(labels, values):
        raise SourceError(f"{where}: label maps hold whole numbers 0..255; this one holds other values")
    return labels


def one_for_255(labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """``labels``, those of a black and white mask with 1 in place of 255: where 255 is the only number besides 0."""
    return (labels > 0).astype(np.uint8) if set(np.unique(labels).tolist()) <= {0, 255} else labels


def check_no_picture(labels: NDArray[np.uint8], where: str) -> None:
    """Raises SourceError where there are so many labels that they must be grey values."""
    count = len(np.unique(labels))
    if count > _MOST_LABELS:
        raise SourceError(f"{where}: holds {count} different values and looks like a picture, not a label map; give the masks drawn on it")
