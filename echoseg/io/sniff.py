"""What a file is, by its content; the name only decides where content cannot."""

from __future__ import annotations

import gzip
import re
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Literal

from echoseg.errors import SourceError, UnsupportedSourceError

Content = Literal["dicom", "video", "image", "array", "volume"]

_MAGIC: tuple[tuple[int, bytes, Content], ...] = (
    (128, b"DICM", "dicom"),
    (0, b"\x89PNG\r\n\x1a\n", "image"),
    (0, b"\xff\xd8\xff", "image"),
    (0, b"II*\x00", "image"),
    (0, b"MM\x00*", "image"),
    (0, b"II+\x00", "image"),
    (0, b"BM", "image"),
    (0, b"\x00\x00\x00\x0cjP  \r\n\x87\n", "image"),
    (8, b"WEBP", "image"),
    (0, b"GIF8", "video"),
    (4, b"ftyp", "video"),
    (4, b"moov", "video"),
    (4, b"mdat", "video"),
    (4, b"wide", "video"),
    (4, b"free", "video"),
    (4, b"skip", "video"),
    (0, b"\x1aE\xdf\xa3", "video"),
    (8, b"AVI ", "video"),
    (0, b"\x00\x00\x01\xba", "video"),
    (0, b"\x00\x00\x01\xb3", "video"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "video"),
    (0, b"FLV\x01", "video"),
    (0, b"OggS", "video"),
    (0, b"\x93NUMPY", "array"),
    (0, b"NRRD", "volume"),
    (344, b"n+1\x00", "volume"),
    (4, b"n+2\x00", "volume"),
)
_GZIP = b"\x1f\x8b"
_NIFTI_MARK_END = 348
_HEAD = 512
_DICOM_GROUPS = (b"\x02\x00", b"\x08\x00")  # first tag of a DICOM file without preamble, little endian
DICOM_SUFFIXES = {"", ".dcm", ".ima", ".dicom"}
_LONG_VRS = {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}
_VRS = _LONG_VRS | {vr.encode() for vr in re.findall("..", "AEASATCSDADSDTFDFLISLOLTPNSHSLSSSTTMUIULUS")}
_UNDEFINED = 0xFFFFFFFF
_KNOWN: tuple[tuple[Callable[[bytes, str], bool], str], ...] = (
    (lambda head, name: head[:4] in (b"PK\3\4", b"PK\5\6"), "a ZIP archive; unpack it and give the folder, or a file of it"),
    (lambda head, name: head[:4] in (b"7z\xbc\xaf", b"Rar!") or head[257:262] == b"ustar", "an archive of files; unpack it first"),
    (lambda head, name: head[:2] == _GZIP, "packed by gzip, which is read of NIfTI alone; unpack it first"),
    (
        lambda head, name: head[344:348] == b"ni1\0" or (name.endswith((".hdr", ".img")) and 348 in _sizes(head)),
        "one of the two files of a NIfTI or Analyze pair (.hdr and .img); save it as one file, .nii",
    ),
    (
        lambda head, name: name.endswith(".img"),
        "the voxels of a pair of files (.hdr and .img) without their header; save it as one file, .nii",
    ),
    (lambda head, name: head[:4] == b"\0\0\0\1", "a bare video stream without a container, which has no times; put it into one (mp4, mkv)"),
    (lambda head, name: head[:4] == b"%PDF", "a PDF document"),
    (lambda head, name: head.lstrip()[:1] in (b"<", b"{"), "text (a web page, XML or JSON), as a failed download leaves it"),
)
"""What else comes in place of images, and what to do with it."""

_LONGEST_FIRST = 1 << 16  # bytes: the first elements are identifiers
_ENOUGH_ELEMENTS = 3


def sniff(path: Path) -> Content:
    """What kind of content a file holds.

    Raises:
        SourceError: the file cannot be opened or is empty.
        UnsupportedSourceError: none of the kinds echoseg reads.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError as error:
        raise SourceError(f"{path}: cannot be opened ({error.strerror})") from error
    if not head:
        raise SourceError(f"{path}: the file is empty (0 bytes); copy it again from where it came")
    for offset, magic, content in _MAGIC:
        if head[offset : offset + len(magic)] == magic:
            return content
    name = path.name.lower()
    if head[:2] == b"PK" and name.endswith(".npz"):
        return "array"
    if head[:2] == _GZIP and is_nifti(path):
        return "volume"
    if name.endswith((".mha", ".mhd")) and (b"NDims" in head or b"ObjectType" in head):
        return "volume"
    if name.endswith((".ts", ".mts", ".m2ts")) and b"\x47" in (head[:1], head[4:5]):
        return "video"
    if head[:1] == b"P" and head[1:2] in b"123456" and name.endswith((".pgm", ".ppm", ".pbm", ".pnm")):
        return "image"
    if is_bare_dicom(head) or (head[:2] in _DICOM_GROUPS and path.suffix.lower() in DICOM_SUFFIXES):
        return "dicom"
    told = next((told for is_so, told in _KNOWN if is_so(head, name)), "the content is none that echoseg reads, whatever the name says")
    raise UnsupportedSourceError(
        f"{path}: {told}; give DICOM, mp4, avi, mov, mkv, webm, gif, PNG, JPEG, TIFF, npy, npz, NIfTI, NRRD or MetaImage"
    )


def _sizes(head: bytes) -> set[int]:
    """The first number of a header, in both byte orders."""
    return {int.from_bytes(head[:4], "little"), int.from_bytes(head[:4], "big")}


def looks_like_dicom(path: Path) -> bool:
    """True when the content is DICOM, with its mark or without; false also when it cannot be opened."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return False
    return head[128:132] == b"DICM" or is_bare_dicom(head)


def is_bare_dicom(head: bytes) -> bool:
    """Whether the bytes are the beginning of a data set without preamble and mark, as older software writes it.

    Its first elements are of group 0002 or 0008, in ascending order, each with a length that fits (PS3.5 7.1), in either byte order and
    with or without value representations.
    """
    return any(_elements(head, order, explicit) >= _ENOUGH_ELEMENTS for order in "<>" for explicit in (True, False))


def _elements(head: bytes, order: str, explicit: bool) -> int:
    """How many elements follow each other from the start; 0 where the first is of no group that a data set begins with."""
    position, last, count = 0, -1, 0
    while position + 12 <= len(head):
        group, element = struct.unpack_from(f"{order}HH", head, position)
        vr, tag = head[position + 4 : position + 6], group << 16 | element
        if (count == 0 and group not in (2, 8)) or (explicit and vr not in _VRS) or tag <= last:
            return count
        long = explicit and vr in _LONG_VRS
        short = explicit and not long
        length = struct.unpack_from(order + ("H" if short else "L"), head, position + (6 if short else 8 if long else 4))[0]
        if length > _LONGEST_FIRST:
            return count + (length == _UNDEFINED)
        count, last, position = count + 1, tag, position + (12 if long else 8) + length
    return count


def is_nifti(path: Path) -> bool:
    """True when a file, unpacked if it is a gzip file, starts with a NIfTI header, or is called as one; false when it cannot be opened."""
    try:
        with path.open("rb") as file:
            head = file.read(_NIFTI_MARK_END)
            if head[:2] == _GZIP:
                file.seek(0)
                head = _unpacked_head(file)
    except OSError:
        return False
    return _has_nifti_mark(head) or path.name.lower().endswith((".nii", ".nii.gz"))


def _has_nifti_mark(head: bytes) -> bool:
    return head[344:348] == b"n+1\x00" or head[4:8] == b"n+2\x00"


def _unpacked_head(file: BinaryIO) -> bytes:
    """The first bytes of a gzip file, fewer where it is damaged."""
    try:
        with gzip.open(file) as unpacked:
            return unpacked.read(_NIFTI_MARK_END)
    except (OSError, EOFError, zlib.error):
        return b""
