"""The header of a NRRD file (.nrrd, .nhdr), read by us: what it states of voxels, and a header of our own that says the same.

http://teem.sourceforge.net/nrrd/format.html
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from echoseg.errors import SourceError, UnsupportedSourceError
from echoseg.io.volume.metaimage import LARGEST, MOST_CHANNELS
from echoseg.io.volume.stored import AT_THE_END, Encoding, StoredVoxels, data_file, header_lines, one_whole_number, whole_numbers

_TYPES = {
    **dict.fromkeys(("signed char", "int8", "int8_t"), "i1"),
    **dict.fromkeys(("uchar", "unsigned char", "uint8", "uint8_t"), "u1"),
    **dict.fromkeys(("short", "short int", "signed short", "signed short int", "int16", "int16_t"), "i2"),
    **dict.fromkeys(("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"), "u2"),
    **dict.fromkeys(("int", "signed int", "int32", "int32_t"), "i4"),
    **dict.fromkeys(("uint", "unsigned int", "uint32", "uint32_t"), "u4"),
    **dict.fromkeys(("longlong", "long long", "long long int", "signed long long", "signed long long int", "int64", "int64_t"), "i8"),
    **dict.fromkeys(("ulonglong", "unsigned long long", "unsigned long long int", "uint64", "uint64_t"), "u8"),
    "float": "f4",
    "double": "f8",
}
_ENCODINGS: dict[str, Encoding] = {
    "raw": "raw",
    **dict.fromkeys(("gzip", "gz"), "deflate"),
    **dict.fromkeys(("ascii", "text", "txt"), "text"),
}
_ALIASES = {"datafile": "data file", "lineskip": "line skip", "byteskip": "byte skip", "axismins": "axis mins", "centerings": "centers"}
_PLACE = ("space", "space dimension", "space directions", "space origin", "spacings", "axis mins", "centers", "kinds")
_KNOWN = {"type", "dimension", "sizes", "encoding", "endian", "data file", "line skip", "byte skip", *_PLACE}
_PLACED = re.compile(r"[-+\w.,()\"?* \t]{1,4000}")
_GRID_KINDS = ("domain", "space", "time", "???", "none")
_FIELD = re.compile(rb"([A-Za-z][A-Za-z ]*?):(?!=)[ \t]*(.*?)[ \t]*")
_LISTS = re.compile(r"LIST\b|.*%[0-9]*d")
_MOST_LINES = 1 << 20


def read_nrrd_header(path: Path, start: bytes) -> StoredVoxels:
    """What a NRRD header states; arguments and errors as of :func:`echoseg.io.volume.metaimage.read_metaimage_header`."""
    fields, end = _fields(path, start)
    dimension = one_whole_number(path, "dimension", fields.get("dimension", ""), 2, 5)
    sizes = whole_numbers(path, "sizes", fields.get("sizes", ""), 1, LARGEST)
    if len(sizes) != dimension:
        raise SourceError(f"{path}: not a readable volume (its header states {len(sizes)} sizes of {fields['dimension']} dimensions)")
    kind = fields.get("type", "").lower()
    if kind not in _TYPES:
        raise UnsupportedSourceError(f"{path}: voxels of type {kind[:40]!r} are no grey values; save one real number per voxel")
    axis = _component_axis(path, fields.get("kinds"), len(sizes))
    if axis is not None and sizes[axis] > MOST_CHANNELS:
        raise UnsupportedSourceError(f"{path}: {sizes[axis]} values per voxel; save one real number per voxel")
    own = f"NRRD0005\ntype: uchar\ndimension: {len(sizes)}\nencoding: raw\n"
    own += f"sizes: {' '.join(str(size) if number == axis else '1' for number, size in enumerate(sizes))}\n"
    for key in _PLACE:
        if key in fields:
            if not _PLACED.fullmatch(fields[key]):
                raise SourceError(f"{path}: not a readable volume ({key} in its header is {fields[key][:40]!r})")
            own += f"{key}: {fields[key]}\n"
    encoding = _encoding(path, fields)
    dtype = np.dtype(_order(path, fields, _TYPES[kind], encoding))
    return _placed(StoredVoxels(path, path, end, tuple(reversed(sizes)), dtype, f"{own}\n", axis, encoding), fields)


def _component_axis(path: Path, kinds: str | None, dimension: int) -> int | None:
    """Which axis, the fastest being 0, holds the values of one voxel: that whose kind is none of space and time; or None."""
    stated = [] if kinds is None else kinds.lower().split()
    if len(stated) not in (0, dimension):
        raise SourceError(f"{path}: not a readable volume (its header states {len(stated)} kinds of {dimension} axes)")
    axes = [number for number, kind in enumerate(stated) if kind not in _GRID_KINDS]
    if len(axes) > 1 or "complex" in stated:
        raise UnsupportedSourceError(f"{path}: voxels of kinds {kinds!r} are no grey values; save one real number per voxel")
    return axes[0] if axes else None


def _order(path: Path, fields: dict[str, str], kind: str, encoding: Encoding) -> str:
    stated = fields.get("endian", "").lower()
    if stated not in ("little", "big") and kind[1] != "1" and encoding != "text":
        raise SourceError(f"{path}: not a readable volume (its header does not say in which order bytes are: endian is {stated[:40]!r})")
    return (">" if stated == "big" else "<") + kind


def _encoding(path: Path, fields: dict[str, str]) -> Encoding:
    stated = fields.get("encoding", "").lower()
    if stated not in _ENCODINGS:
        raise UnsupportedSourceError(f"{path}: its voxels are encoded as {stated[:40]!r}; save it as raw or gzip")
    return _ENCODINGS[stated]


def _placed(found: StoredVoxels, fields: dict[str, str]) -> StoredVoxels:
    """With the file that the header names, and what stands before the voxels skipped."""
    path = found.path
    if "data file" in fields:
        if _LISTS.match(fields["data file"]):
            raise UnsupportedSourceError(f"{path}: its voxels lie in a list of files; save it as one file")
        found = replace(found, data=data_file(path, fields["data file"]), start=0)
    lines = one_whole_number(path, "line skip", fields.get("line skip", "0"), 0, _MOST_LINES)
    skip = one_whole_number(path, "byte skip", fields.get("byte skip", "0"), AT_THE_END, LARGEST)
    if lines:
        found = replace(found, start=_behind_lines(found, lines))
    if found.encoding == "deflate":
        if skip == AT_THE_END:
            raise UnsupportedSourceError(f"{path}: its compressed voxels have no stated place (byte skip is -1); save it again")
        return replace(found, skip=skip)
    return replace(found, start=AT_THE_END if skip == AT_THE_END else found.start + skip)


def _behind_lines(found: StoredVoxels, lines: int) -> int:
    with found.data.open("rb") as file:
        file.seek(found.start)
        for _ in range(lines):
            file.readline(LARGEST)
        return file.tell()


def _fields(path: Path, start: bytes) -> tuple[dict[str, str], int]:
    """The fields that count, and where the header ends: behind the first empty line, or with the file."""
    fields: dict[str, str] = {}
    for line, position in header_lines(start):
        if not (stated := line.removesuffix(b"\r")):
            return fields, position
        match = _FIELD.fullmatch(stated)
        key = match[1].decode().lower() if match else ""
        key = _ALIASES.get(key, key)
        if match is None or key not in _KNOWN:
            continue
        if key in fields:
            raise SourceError(f"{path}: not a readable volume (its header states {key} twice)")
        fields[key] = match[2].decode("utf-8", "surrogateescape")
    if "data file" not in fields:
        raise SourceError(f"{path}: not a readable volume (no empty line ends its header); it may be cut off, copy it again")
    return fields, len(start)
