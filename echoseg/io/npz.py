"""``.npy`` and ``.npz`` files opened once what they state has been held against what they can hold."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from echoseg.io.ceiling import check_unpacked

_NPY = b"\x93NUMPY"
_MOST_ARRAYS = 10_000


def load_arrays(path: Path) -> Any:
    """As :func:`numpy.load`, without pickled objects; an ``.npy`` stays on disk.

    Raises:
        SourceError: an array unpacks to more than is allowed, see :mod:`echoseg.io.ceiling`.
        Exception: what numpy and zipfile raise on other or damaged files.
    """
    with path.open("rb") as file:
        plain = file.read(len(_NPY)) == _NPY
    if plain:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    with zipfile.ZipFile(path) as packed:
        members = packed.infolist()
        if len(members) > _MOST_ARRAYS:
            raise ValueError(f"{len(members)} arrays")
        for member in members:
            check_unpacked(member.file_size, path)
            with packed.open(member) as file:
                shape, dtype = _stated(file)
            if int(np.prod(shape, dtype=object)) * dtype.itemsize > member.file_size:
                raise ValueError(f"{member.filename} cannot hold what it states")
    return np.load(path, allow_pickle=False)


def _stated(file: Any) -> tuple[tuple[int, ...], np.dtype]:
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)
    return shape, dtype
