"""Which bits of a cell hold the value (PS3.5 8.1.1): HighBit says where they end, and the pixels whether that is true."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from echoseg.io.dicom.values import number
from echoseg.types import Flag, Severity


def bit_shift(dataset: Dataset, first: NDArray[np.generic]) -> tuple[int, Flag | None]:
    """How far down the values of an uncompressed image must be shifted, and what is to be said of it.

    The shift is HighBit + 1 - BitsStored: 0 since 2014, more in older files. The pixels decide where it cannot be: values that fill the
    lower bits alone are there already, values that reach beyond the upper bit and leave all lower ones empty are not.

    Args:
        dataset: the header.
        first: stored values of a frame, whole cells of BitsAllocated.
    """
    allocated, stored, high = (int(number(dataset, keyword) or 0) for keyword in ("BitsAllocated", "BitsStored", "HighBit"))
    if number(dataset, "HighBit") is None or not 0 < stored < allocated or first.dtype.itemsize * 8 != allocated:
        return 0, None
    free = allocated - stored
    cells = first.view(f"u{first.dtype.itemsize}")
    used = int(np.bitwise_or.reduce(cells, axis=None))
    stated = high + 1 - stored
    if 0 < stated <= free:
        if used < 1 << stored and used:
            return 0, _wrong(high, stored, "the values fill the lower bits alone and are taken as they are")
        told = f"The values end at bit {high} and have {stored} bits: they were shifted down by {stated}, as the header says."
        return stated, Flag("bits_shifted", told, Severity.INFO)
    if used >= 1 << stored and used & ((1 << free) - 1) == 0 and not _is_signed(dataset):
        return free, _wrong(high, stored, f"the values fill the upper bits alone and were shifted down by {free}")
    if stated != 0:
        return 0, _wrong(high, stored, "the values are taken as they are")
    return 0, None


def shifted(values: NDArray[np.generic], shift: int, stored: int) -> NDArray[np.generic]:
    """The ``stored`` bits above the lowest ``shift`` ones, signed where ``values`` are."""
    kind = values.dtype
    cells = (values.view(f"u{kind.itemsize}") >> shift) & ((1 << stored) - 1)
    if kind.kind == "i":
        above = kind.itemsize * 8 - stored  # the sign comes down with the value
        return np.asarray((cells << above).view(kind) >> above)
    return np.asarray(cells.astype(kind))


def _is_signed(dataset: Dataset) -> bool:
    return bool(number(dataset, "PixelRepresentation"))


def _wrong(high: int, stored: int, what: str) -> Flag:
    return Flag("high_bit_wrong", f"The header states {stored} bits that end at bit {high}, the pixels are of another kind: {what}.")
