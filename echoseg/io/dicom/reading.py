"""``dcmread`` of files that are not ours: a deflated data set is counted before pydicom unpacks the whole of it."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import pydicom
from pydicom.dataset import FileDataset
from pydicom.filereader import read_file_meta_info
from pydicom.uid import DeflatedExplicitVRLittleEndian

from echoseg.errors import SourceError
from echoseg.io.ceiling import check_unpacked, most_bytes

_META = 1 << 12  # the transfer syntax stands in the first group
_BEFORE_GROUP, _GROUP_LENGTH = 132, 12
_BLOCK = 1 << 20


def dcmread(path: Path, **options: Any) -> FileDataset:
    """As :func:`pydicom.dcmread`, of a path; raises SourceError besides, see :func:`check_deflated`."""
    check_deflated(path)
    return pydicom.dcmread(path, **options)


def check_deflated(path: Path) -> None:
    """Nothing, where a file is not deflated, or unpacks to no more than is allowed.

    Raises:
        SourceError: more, see :mod:`echoseg.io.ceiling`; or where its data set begins cannot be told.
    """
    with path.open("rb") as file:
        if str(DeflatedExplicitVRLittleEndian).encode() not in file.read(_META):
            return
        try:
            length = int(read_file_meta_info(path).FileMetaInformationGroupLength)
        except Exception as error:  # each value has its own
            raise SourceError(f"{path}: not a readable DICOM file ({type(error).__name__}); damaged or cut off, copy it again") from error
        file.seek(_BEFORE_GROUP + _GROUP_LENGTH + length)
        unpacker, unpacked, packed = zlib.decompressobj(-zlib.MAX_WBITS), 0, b""
        try:
            while unpacked <= most_bytes() and not unpacker.eof:
                packed = unpacker.unconsumed_tail or file.read(_BLOCK)
                if not packed:
                    return
                unpacked += len(unpacker.decompress(packed, _BLOCK))
        except zlib.error as error:
            raise SourceError(f"{path}: not a readable DICOM file (its deflated part is damaged); copy it again") from error
    check_unpacked(unpacked, path)
