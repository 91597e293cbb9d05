"""One mask from a file. Label numbers are small beside intensities, so stored values count, never windowed ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from echoseg.errors import PromptError, SourceError
from echoseg.io.open import open_source
from echoseg.types import BoolMask


def read_mask(path: str | Path, frame: int = 0) -> BoolMask:
    """The mask ``(H, W)`` in an image, array or volume file or a folder of images; of a sequence, the mask of ``frame``.

    Stored values above zero are inside; of a colour image, pixels in which any channel is. Frames of a volume are its
    slices in the order that :func:`echoseg.io.open_source` gives them.

    Raises:
        SourceError: unreadable, or values that are NaN or infinite.
        PromptError: the file has several frames, but not ``frame``.
    """
    with open_source(path) as source:
        index = 0 if source.length == 1 else frame
        if not 0 <= index < len(source):
            raise PromptError(f"{Path(path).name} holds {source.length} masks, none for frame {frame}")
        values: NDArray[Any] = source.stored(index)
    if not np.isfinite(values).all():
        raise SourceError(f"{path}: the mask of frame {index} holds values that are NaN or infinite; save label numbers")
    return np.asarray((values if values.ndim == 2 else values.max(axis=2)) > 0)
