"""The one shape every input takes: a lazily read sequence of frames with geometry and timing."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from copy import copy
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from echoseg.errors import NotRereadableError
from echoseg.types import BoolMask, Flag, Geometry, Image, Timing

Kind = Literal["clip", "volume", "image"]
Value = TypeVar("Value", bound=np.generic)
_Self = TypeVar("_Self", bound="Source")


class Source(ABC):
    """A lazily read sequence of frames.

    Attributes:
        name: short name for outputs (file name without its extensions); never a patient identifier from inside the file.
        kind: ``clip`` (time), ``volume`` (slices) or ``image`` (one frame).
        size: ``(H, W)`` of every frame.
        length: number of frames, or None when only reading to the end tells (a live iterable).
        rereadable: True when frames can be read again and in any order.
        geometry, timing, flags: see :mod:`echoseg.types`.
        details: what else was understood, for ``echoseg info``; plain JSON values, no patient identifiers.
        dicom_frames: ``(path, frame)`` of every frame of a DICOM source, in the order of the file, frames counted from 0; else empty.
        stored_in: format of a volume's file, ``NIfTI``, ``NRRD``, ``MetaImage``, ``npz`` or ``DICOM``; else empty.
    """

    name: str
    kind: Kind
    size: tuple[int, int]
    length: int | None
    rereadable: bool = True
    geometry: Geometry = Geometry()
    timing: Timing = Timing()
    flags: tuple[Flag, ...] = ()
    details: Mapping[str, object] = {}
    dicom_frames: tuple[tuple[Path, int], ...] = ()
    stored_in: str = ""

    @abstractmethod
    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[Image]:
        """Frames ``start`` to ``stop`` in order, each ``(H, W)`` or ``(H, W, 3)`` uint8, decoded as they are asked for."""

    def frame(self, index: int) -> Image:
        """One frame. Default: reads up to it; sources that can seek do better.

        Raises:
            NotRereadableError: the source can be read only once.
            IndexError: no such frame.
        """
        if not self.rereadable:
            raise NotRereadableError(f"{self.name}: frame {index} was asked for, but this source can be read only once, in order")
        for image in self.frames(index, index + 1):
            return image
        raise IndexError(f"{self.name}: no frame {index}")

    def frames_backward(self, start: int, stop: int = 0) -> Iterator[Image]:
        """Frames ``start`` down to ``stop`` (both included), in bounded memory: read forward in blocks, given out reversed.

        Raises:
            NotRereadableError: the source can be read only once.
        """
        if not self.rereadable:
            raise NotRereadableError(f"{self.name}: tracking backward needs a source that can be read again (a path or an array)")
        block = 32
        for first in range(start // block * block, -1, -block):
            low, high = max(first, stop), min(first + block, start + 1)
            if low < high:
                yield from reversed(list(self.frames(low, high)))

    def stored(self, index: int) -> NDArray[np.generic]:
        """Frame ``index`` as ``(H, W)`` or ``(H, W, 3)`` values of the file, before any window; 8-bit where only such are decoded.

        Raises:
            NotRereadableError, IndexError: as of :meth:`frame`.
        """
        return self.frame(index)

    def to_stored(self, masks: NDArray[Value]) -> NDArray[Value]:
        """Masks ``(T, H, W)`` in the order of the frames, as ``(k, j, i)`` in the order of the file; the same but for a volume."""
        return masks

    def from_stored(self, array: NDArray[Value]) -> NDArray[Value]:
        """A ``(k, j, i)`` array in the order of the file, as ``(T, H, W)`` in the order of the frames."""
        return array

    @property
    def stored_affine(self) -> NDArray[np.float64] | None:
        """``(4, 4)`` from (i, j, k) of the file to LPS mm, or None when the orientation is unknown."""
        return self.geometry.affine

    @property
    def moments(self) -> bool:
        """Whether frames are moments, a single image being one; the slices of a volume are places."""
        return self.kind != "volume"

    def sector(self) -> BoolMask | None:
        """``(H, W)`` bool mask of the ultrasound scan sector, or None for a volume, or when none was found."""
        return None

    def ultrasound(self) -> bool | None:
        """Whether the frames are ultrasound; None when neither the file nor the shape of the picture tells."""
        if self.kind == "volume":
            return False
        from echoseg.io.sector import is_wedge

        sector = self.sector()
        return True if sector is not None and is_wedge(sector) else None

    def replaced(self: _Self, **known: Any) -> _Self:
        """The same frames with other attributes, such as a stated ``geometry``; it takes the place of this source and is closed for it."""
        made = copy(self)
        vars(made).update(known)
        return made

    def close(self) -> None:
        """Release files and threads. Idempotent."""

    def __enter__(self) -> Source:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def __len__(self) -> int:
        if self.length is None:
            raise TypeError(f"{self.name}: the length is not known before the end")
        return self.length

    def times(self, count: int) -> NDArray[np.float64] | None:
        """``(count,)`` float64 seconds of the first ``count`` frames from the first, or None when timing is unknown."""
        return seconds(self.timing, count)


def seconds(timing: Timing, count: int) -> NDArray[np.float64] | None:
    """``(count,)`` float64 seconds of the first ``count`` frames: the stated times, else by the mean rate; None when neither is known."""
    if timing.times is not None and len(timing.times) >= count:
        return np.asarray(timing.times[:count], dtype=np.float64)
    return np.arange(count, dtype=np.float64) / timing.fps if timing.fps else None
