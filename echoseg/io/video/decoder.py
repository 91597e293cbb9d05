"""The libraries that can decode a video file, and what each must do: give the frames of the index, or an error."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from echoseg.errors import SourceError
from echoseg.types import Image

if TYPE_CHECKING:
    from echoseg.io.video.index import FrameIndex

Reader = Literal["pyav", "decord", "opencv"]
READERS: tuple[Reader, ...] = ("pyav", "decord", "opencv")
MODULES: dict[Reader, str] = {"pyav": "av", "decord": "decord", "opencv": "cv2"}
"""What each reader imports."""

MISSING: dict[Reader, str] = {
    "pyav": "pip install av",
    "decord": "pip install 'echoseg[video]' (its wheel is called decord2)",
    "opencv": "pip install opencv-python-headless",
}
"""How a missing reader is installed."""

_ROUNDING = 1.0  # mean difference of luma


class FrameReader(ABC):
    """Frames of one file by the numbers of its index.

    A reader gives the right frame or an error: not the neighbour of a frame that it cannot reach or decode.
    """

    @abstractmethod
    def read(self, start: int, stop: int) -> Iterator[Image]:
        """Frames ``start`` to ``stop``, ``0 <= start <= stop <= T``, as they are shown; several such iterators may run at a time.

        Raises:
            SourceError: a frame is damaged, or cannot be told from its neighbours by this reader.
        """

    def close(self) -> None:
        """Release what is held between reads. Idempotent."""


def check_reader(name: str) -> None:
    """Raises SourceError when there is no reader ``name``, or its library is not installed."""
    if name not in READERS:
        raise SourceError(f"unknown reader {name!r}; one of {', '.join(READERS)}")
    if find_spec(MODULES[name]) is None:
        raise SourceError(f"the reader {name} is not installed: {MISSING[name]}, or leave the reader out to read with pyav")


def open_reader(name: Reader, path: Path, index: FrameIndex, first: Image) -> FrameReader:
    """The reader ``name`` on a file of which PyAV has given the index and the first frame.

    Raises:
        SourceError: not installed; the file is damaged; the first frame is not what PyAV gives.
        UnsupportedSourceError: this reader cannot give the frames of this file.
    """
    check_reader(name)
    if name == "decord":
        try:
            from echoseg.io.video.decord import DecordReader
        except (ImportError, OSError) as error:  # its own library, or one that it links to
            raise SourceError(f"the reader decord does not start ({error}): {MISSING[name]}") from error
        return DecordReader(path, index, first)
    if name == "opencv":
        from echoseg.io.video.opencv import OpencvReader

        return OpencvReader(path, index, first)
    from echoseg.io.video.pyav import PyavReader

    return PyavReader(path, index)


def same_picture(one: Image, other: Image) -> bool:
    """Whether two readers decoded the same frame: one size, and a luma that differs by a grey value or less on average.

    Readers agree to the bit in most 8-bit formats. In 10-bit formats, and where an odd size halves a colour sample, they round
    and interpolate colour differently, which luma hardly sees (0.2); neighbouring frames of echo differ by 2.
    """
    return one.shape == other.shape and float(np.abs(_luma(one) - _luma(other)).mean()) <= _ROUNDING


def _luma(image: Image) -> NDArray[np.float32]:
    """ITU-R BT.601."""
    grey = image.astype(np.float32)
    return grey if image.ndim == 2 else np.asarray(grey @ np.array([0.299, 0.587, 0.114], dtype=np.float32))
