"""The header of a MetaImage file (.mha, .mhd), read by us: what it states of voxels, and a header of our own that says the same.

https://itk.org/Wiki/ITK/MetaIO/Documentation. ITK reads ``key = value`` and ``key : value``, with blanks before the key.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from echoseg.errors import SourceError, UnsupportedSourceError
from echoseg.io.volume.stored import AT_THE_END, StoredVoxels, data_file, header_lines, one_whole_number, whole_numbers

_TYPES = {
    **dict.fromkeys(("MET_CHAR", "MET_ASCII_CHAR"), "i1"),
    "MET_UCHAR": "u1",
    "MET_SHORT": "i2",
    "MET_USHORT": "u2",
    **dict.fromkeys(("MET_INT", "MET_LONG"), "i4"),
    **dict.fromkeys(("MET_UINT", "MET_ULONG"), "u4"),
    "MET_LONG_LONG": "i8",
    "MET_ULONG_LONG": "u8",
    "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}
_PLACE = ("ElementSpacing", "ElementSize", "TransformMatrix", "Rotation", "Orientation", "Offset", "Position", "Origin", "CenterOfRotation")
_OURS = ("NDims", "DimSize", "ElementType", "ElementNumberOfChannels", "BinaryData", "CompressedData", "CompressedDataSize", "HeaderSize")
_ORDER = ("BinaryDataByteOrderMSB", "ElementByteOrderMSB")
_KEYS = {key.lower(): key for key in (*_PLACE, *_OURS, *_ORDER, "ElementDataFile")}
_LINE = re.compile(rb"[ \t]*([A-Za-z]\w*)[ \t]*[=:][ \t]*(.*?)[ \t\r]*", re.DOTALL)
_LISTS = re.compile(r"LIST\b|.*%[0-9]*d")
_NUMBERS = re.compile(r"[-+0-9.eE \t]{1,2000}")
MOST_CHANNELS = 4096
LARGEST = 1 << 31


def read_metaimage_header(path: Path, start: bytes) -> StoredVoxels:
    """What a MetaImage header states.

    Args:
        path: of the header.
        start: the beginning of the file, with the whole header in it.

    Raises:
        SourceError: damaged, or its data file is missing.
        UnsupportedSourceError: voxels in several files, outside of the folder, or no numbers.
    """
    fields, end = _fields(path, start)
    dimension = one_whole_number(path, "NDims", fields.get("NDims", ""), 2, 4)
    sizes = whole_numbers(path, "DimSize", fields.get("DimSize", ""), 1, LARGEST)
    if len(sizes) != dimension:
        raise SourceError(f"{path}: not a readable volume (its header states {len(sizes)} sizes of {fields['NDims']} dimensions)")
    channels = one_whole_number(path, "ElementNumberOfChannels", fields.get("ElementNumberOfChannels", "1"), 1, MOST_CHANNELS)
    kind = fields.get("ElementType", "")
    if kind not in _TYPES:
        raise UnsupportedSourceError(f"{path}: voxels of type {kind[:40]!r} are no grey values; save one real number per voxel")
    most_significant = any(_true(fields.get(key, "False")) for key in _ORDER)
    place = "".join(f"{key} = {_numbers(path, key, fields[key])}\n" for key in _PLACE if key in fields)
    own = f"ObjectType = Image\nNDims = {dimension}\n{place}DimSize = {' '.join('1' * dimension)}\nElementType = MET_UCHAR\n"
    own += f"ElementNumberOfChannels = {channels}\nElementDataFile = LOCAL\n"
    found = StoredVoxels(
        path,
        data=path,
        start=end,
        shape=(*reversed(sizes), channels) if channels > 1 else tuple(reversed(sizes)),
        dtype=np.dtype((">" if most_significant else "<") + _TYPES[kind]),
        own=own,
        component_axis=0 if channels > 1 else None,
    )
    return _placed(found, fields)


def _placed(found: StoredVoxels, fields: dict[str, str]) -> StoredVoxels:
    """With the file and the encoding that the header names."""
    name, path = fields["ElementDataFile"], found.path
    if _LISTS.match(name):
        raise UnsupportedSourceError(f"{path}: its voxels lie in a list of files; save it as one file")
    if name.upper() != "LOCAL":
        found = replace(found, data=data_file(path, name), start=0)
    skip = one_whole_number(path, "HeaderSize", fields.get("HeaderSize", "0"), AT_THE_END, LARGEST)
    if skip > 0:
        found = replace(found, start=skip)
    if not _true(fields.get("BinaryData", "True")):
        return replace(found, encoding="text")
    if _true(fields.get("CompressedData", "False")):
        stated = fields.get("CompressedDataSize")
        packed = None if stated is None else one_whole_number(path, "CompressedDataSize", stated, 1, 1 << 62)
        return replace(found, encoding="deflate", packed_length=packed)
    return replace(found, start=AT_THE_END) if skip == AT_THE_END else found


def _fields(path: Path, start: bytes) -> tuple[dict[str, str], int]:
    """The fields that count, and where the header ends: behind the line that names the data."""
    fields: dict[str, str] = {}
    for line, position in header_lines(start):
        match = _LINE.fullmatch(line)
        key = _KEYS.get(match[1].decode().lower()) if match else None
        if match is None or key is None:
            continue
        if key in fields:
            raise SourceError(f"{path}: not a readable volume (its header states {key} twice)")
        fields[key] = match[2].decode("utf-8", "surrogateescape")
        if key == "ElementDataFile":
            return fields, position
    raise SourceError(f"{path}: not a readable volume (its header names no ElementDataFile); it may be cut off, copy it again")


def _true(text: str) -> bool:
    return text[:1] in ("T", "t", "1")


def _numbers(path: Path, key: str, text: str) -> str:
    if not _NUMBERS.fullmatch(text):
        raise SourceError(f"{path}: not a readable volume ({key} in its header is {text[:40]!r})")
    return text
