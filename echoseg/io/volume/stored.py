"""What the header of a volume states of its voxels, and the voxels themselves, read by us and not by a library."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import BinaryIO, Literal

import numpy as np
from numpy.typing import NDArray

from echoseg.errors import SourceError, UnsupportedSourceError
from echoseg.io.ceiling import check_unpacked
from echoseg.io.inflate import DEFLATE_HIGHEST_RATIO, DamagedStreamError, inflated

Encoding = Literal["raw", "deflate", "text"]
AT_THE_END = -1
"""``skip`` of raw voxels that are the last bytes of their file."""

_SHORTEST_NUMBER = 2  # bytes of a number in text, with what parts it from the next
_LARGEST = 1 << 62
_WHOLE = re.compile(r"-?[0-9]{1,19}")


def header_lines(start: bytes) -> Iterator[tuple[bytes, int]]:
    """The lines of what a file begins with, without their ends, and where the next line begins."""
    position = 0
    while position < len(start):
        stop = start.find(b"\n", position)
        line, position = (start[position:], len(start)) if stop < 0 else (start[position:stop], stop + 1)
        yield line, position


@dataclass(frozen=True)
class StoredVoxels:
    """Where and how the voxels of a file lie, as its header states it.

    Attributes:
        path: the file that is named in errors.
        data: the file that holds the voxels, ``path`` or another one in its folder.
        start: of the voxels, or of their compressed stream, in ``data``; or :data:`AT_THE_END`.
        shape: ``(..., K, J, I)``, the axis that changes fastest last.
        dtype: with its byte order.
        own: a header of ours for one voxel of the same components in the same place, without its bytes.
        component_axis: which axis, the fastest being 0, holds the values of one voxel; or None.
        skip: bytes that stand before the voxels in the unpacked stream.
        packed_length: bytes of the compressed stream; None: all to the end.
    """

    path: Path
    data: Path
    start: int
    shape: tuple[int, ...]
    dtype: np.dtype
    own: str
    component_axis: int | None = None
    encoding: Encoding = "raw"
    skip: int = 0
    packed_length: int | None = None

    @property
    def components(self) -> int:
        """Values of one voxel."""
        return 1 if self.component_axis is None else self.shape[-1 - self.component_axis]

    def read(self) -> NDArray[np.generic]:
        """The voxels, ``shape``, in the byte order of this machine.

        Raises:
            SourceError: fewer than stated, damaged, or more than may be unpacked, see :mod:`echoseg.io.ceiling`.
        """
        count = int(np.prod(self.shape, dtype=object))
        length = count * self.dtype.itemsize
        size = self.data.stat().st_size
        if length > _LARGEST or count < 1:
            raise SourceError(f"{self.path}: its header states {count} voxels; it is damaged")
        held = {"raw": 1, "deflate": DEFLATE_HIGHEST_RATIO, "text": self.dtype.itemsize / _SHORTEST_NUMBER}[self.encoding]
        if length > held * (size - max(self.start, 0) + _SHORTEST_NUMBER * (self.encoding != "raw")):
            raise SourceError(f"{self.path}: was cut off, it cannot hold the {count} voxels of its header; copy it again")
        if self.encoding != "raw":
            check_unpacked(length, self.path)
        with self.data.open("rb") as file:
            file.seek(size - length if self.start == AT_THE_END else self.start)
            values = self._values(file, count, length)
        return values.astype(self.dtype.newbyteorder("="), copy=False).reshape(self.shape)

    def _values(self, file: BinaryIO, count: int, length: int) -> NDArray[np.generic]:
        if self.encoding == "deflate":
            try:
                return inflated(file, length, skip=self.skip, packed_length=self.packed_length).view(self.dtype)
            except DamagedStreamError as error:
                raise SourceError(f"{self.path}: not a readable volume ({error})") from error
        values = np.fromfile(file, self.dtype, count) if self.encoding == "raw" else self._numbers(file.read(), count)
        if len(values) < count:
            raise SourceError(f"{self.path}: was cut off, it holds {len(values)} of the {count} voxels of its header; copy it again")
        return values

    def _numbers(self, text: bytes, count: int) -> NDArray[np.generic]:
        words = text.replace(b",", b" ").split()[:count]
        try:
            values = np.array(words, dtype="S").astype(np.float64 if self.dtype.kind == "f" else np.int64)
            return values.astype(self.dtype)
        except (ValueError, OverflowError) as error:
            raise SourceError(f"{self.path}: not a readable volume (voxels that are no numbers)") from error


def data_file(path: Path, name: str) -> Path:
    """The file that the header in ``path`` calls ``name``, with its links followed: a regular file in the folder of the header, or below.

    Raises:
        UnsupportedSourceError: it lies elsewhere: a header may name any file of the machine.
        SourceError: it is missing, or no regular file.
    """
    outside = UnsupportedSourceError(f"{path}: names a data file outside of its own folder, which is not read; put both side by side")
    for parts in (PurePosixPath(name), PureWindowsPath(name)):
        if parts.is_absolute() or parts.drive or ".." in parts.parts:
            raise outside
    try:
        found = (path.parent / name).resolve()
        if not found.is_relative_to(path.parent.resolve()):
            raise outside
        regular = found.is_file()
    except (OSError, ValueError, RuntimeError):  # a name that no file can have, links in a circle
        regular = False
    if not regular:
        raise SourceError(f"{path}: its data file {PurePosixPath(name).name[:80]!r} is missing; copy it beside the header")
    return found


def one_whole_number(path: Path, field: str, text: str, low: int, high: int) -> int:
    """The number of a field that holds one; errors as :func:`whole_numbers`, and for several."""
    number, *more = whole_numbers(path, field, text, low, high)
    if more:
        raise SourceError(f"{path}: not a readable volume ({field} in its header is {text[:40]!r})")
    return number


def whole_numbers(path: Path, field: str, text: str, low: int, high: int) -> tuple[int, ...]:
    """The numbers of a field.

    Raises:
        SourceError: not whole, none, or out of ``low..high``.
    """
    words = text.split()
    numbers = tuple(int(word) for word in words if _WHOLE.fullmatch(word))
    if not words or len(numbers) < len(words) or not all(low <= number <= high for number in numbers):
        raise SourceError(f"{path}: not a readable volume ({field} in its header is {text[:40]!r})")
    return numbers
