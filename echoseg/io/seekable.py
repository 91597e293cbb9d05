"""What every source that can be read again shares: bounds, reading ahead, the sector found once."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Generator, Iterator

import numpy as np

from echoseg.io.prefetch import Readers
from echoseg.io.source import Source
from echoseg.io.warned import heard, with_new
from echoseg.types import BoolMask, Image


class SeekableSource(Source):
    """A source of known length whose frames can be read in any order; a subclass gives :meth:`_read`.

    Attributes:
        reads_ahead: True when frames are decoded by a background thread; False where reading costs next to nothing.
    """

    length: int
    reads_ahead: bool = True

    def __init__(self) -> None:
        self._readers: Readers[Image] = Readers()
        self._sector: BoolMask | None = None
        self._sector_known = False
        self._moving: tuple[int, int] | None = None

    @abstractmethod
    def _read(self, start: int, stop: int) -> Iterator[Image]:
        """Frames ``start`` to ``stop``, ``0 <= start <= stop <= length``; several such readers may run at a time."""

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[Image]:
        if start < 0:
            raise IndexError(f"{self.name}: frames are counted from 0, not from the end; got {start}")
        stop = self.length if stop is None else min(stop, self.length)
        frames = self._quietly(self._read(min(start, stop), stop))
        return self._readers.ahead(frames) if self.reads_ahead and stop - start > 1 else frames

    def frame(self, index: int) -> Image:
        if not 0 <= index < self.length:
            raise IndexError(f"{self.name}: no frame {index}, there are {self.length}")
        return next(self._quietly(self._read(index, index + 1)))

    def _quietly(self, frames: Iterator[Image]) -> Iterator[Image]:
        """The frames; what a library warns of while it decodes them becomes a flag of this source."""
        try:
            while True:
                with heard() as flags:
                    image = next(frames, None)
                if flags:
                    self.flags = with_new(self.flags, flags)
                if image is None:
                    return
                yield image
                del image  # while the caller works, this frame must not be held here
        finally:
            if isinstance(frames, Generator):
                frames.close()

    def sector(self) -> BoolMask | None:
        if self.kind == "volume":
            return None
        if not self._sector_known:
            from echoseg.io.sector import SECTOR_FRAMES, find_sector

            first, stop = self.moving()
            self._sector, self._sector_known = find_sector(self.frames(first, min(first + SECTOR_FRAMES, stop))), True
        return self._sector

    def moving(self) -> tuple[int, int]:
        """``(first, stop)`` of the frames of a clip between title cards, black and frozen ends; all frames where there are none."""
        if self._moving is None:
            from echoseg.io.picture.ends import moving_part

            self._moving = moving_part(self.frame, self.length) if self.kind == "clip" else (0, self.length)
        return self._moving

    def close(self) -> None:
        self._readers.close()


def sample_indices(length: int, count: int) -> list[int]:
    """At most ``count`` frame indices spread evenly over ``length`` frames, first and last included, ascending."""
    return sorted({int(i) for i in np.linspace(0, length - 1, min(count, length)).round()})
