"""RECIST lines from MedSAM2's files: an ``.npz`` whose array ``recist`` holds the lines as pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from echoseg.errors import SourceError
from echoseg.io.npz import load_arrays

KEY = "recist"


def read_recist_array(path: str | Path) -> NDArray[np.generic]:
    """The array ``recist`` ``(T, H, W)`` of an ``.npz`` file, whole numbers, 0 where there is no line.

    Raises:
        SourceError: missing, damaged, without such an array, or with one of another kind. Pickled objects are never loaded.
    """
    path = Path(path)
    if not path.is_file():
        raise SourceError(f"{path}: no such file; check the path")
    try:
        with load_arrays(path) as archive:
            if KEY not in archive.files:
                raise SourceError(f"{path}: holds {', '.join(archive.files) or 'nothing'}, but no array called {KEY!r} with the lines")
            array: NDArray[np.generic] = archive[KEY]
    except SourceError:
        raise
    except Exception as error:  # numpy raises ValueError, EOFError, OSError, BadZipFile, zlib.error, AttributeError, ...
        raise SourceError(f"{path}: not a readable .npz file ({error})") from error
    if array.ndim != 3 or array.dtype.kind not in "bui":
        raise SourceError(f"{path}: {KEY} should be whole numbers of shape (slices, H, W), not {array.dtype} of shape {array.shape}")
    return array
