"""What every library that decodes video must do: give the frames of the index, or an error."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from echoseg.types import Image

_ROUNDING = 1.0  # mean difference of luma


class VideoReader(ABC):
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
