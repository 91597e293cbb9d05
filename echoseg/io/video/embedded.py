"""A video that lies inside another file, in one piece or several: what FFmpeg reads in place of a file of its own."""

from __future__ import annotations

import io
import os
from bisect import bisect_right
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import BinaryIO


@dataclass(frozen=True)
class Embedded:
    """A video stream inside a file; its text is the path of that file.

    Attributes:
        path: the file.
        spans: offset and length in bytes of its pieces, in their order; at least one.
    """

    path: Path
    spans: tuple[tuple[int, int], ...] = field(repr=False)

    def __str__(self) -> str:
        return str(self.path)

    def open(self) -> io.BufferedReader:
        """The stream as a file that can be read and sought; close it after use."""
        return io.BufferedReader(_Pieces(self.path.open("rb"), self.spans))


class _Pieces(io.RawIOBase):
    """Pieces of a file as one."""

    def __init__(self, file: BinaryIO, spans: tuple[tuple[int, int], ...]) -> None:
        self._file, self._spans = file, spans
        self._starts = [0, *accumulate(length for _, length in spans)]  # the last one is the length of all
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._starts[-1]}[whence]
        self._position = max(base + offset, 0)
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if self._position >= self._starts[-1]:
            return 0
        piece = bisect_right(self._starts, self._position) - 1
        inside = self._position - self._starts[piece]
        offset, length = self._spans[piece]
        self._file.seek(offset + inside)
        got = self._file.read(min(len(buffer), length - inside))
        buffer[: len(got)] = got
        self._position += len(got)
        return len(got)

    def close(self) -> None:
        self._file.close()
        super().close()
