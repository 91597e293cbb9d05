"""What a file is, by its content; the name only decides where content cannot."""

from __future__ import annotations

import gzip
import zlib
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
_DICOM_GROUPS = (b"\x02\x00", b"\x08\x00")  # first tag of a DICOM file without preamble, little endian


def sniff(path: Path) -> Content:
    """What kind of content a file holds.

    Raises:
        SourceError: the file cannot be opened or is empty.
        UnsupportedSourceError: none of the kinds echoseg reads.
    """
    try:
        with path.open("rb") as file:
            head = file.read(512)
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
    if head[:2] in _DICOM_GROUPS and path.suffix.lower() in ("", ".dcm", ".ima", ".dicom"):
        return "dicom"
    raise UnsupportedSourceError(
        f"{path}: the content is none that echoseg reads, whatever the name says; "
        "give DICOM, mp4, avi, mov, mkv, webm, gif, PNG, JPEG, TIFF, npy, npz, NIfTI, NRRD or MetaImage"
    )


def folder_content(folder: Path) -> tuple[list[Path], list[Path]]:
    """The images (by suffix) and the DICOM files (by content) right in a folder, each in natural order; hidden files do not count.

    Raises:
        SourceError: the folder cannot be listed.
    """
    from natsort import natsorted

    from echoseg.io.images import IMAGE_SUFFIXES

    try:
        files = [path for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")]
    except OSError as error:
        raise SourceError(f"{folder}: cannot be listed ({error.strerror})") from error
    files = natsorted(files, key=lambda path: path.name)
    images = [path for path in files if path.suffix.lower() in IMAGE_SUFFIXES]
    return images, [path for path in files if path.suffix.lower() not in IMAGE_SUFFIXES and looks_like_dicom(path)]


def looks_like_dicom(path: Path) -> bool:
    """True when the file has the DICOM mark; false also when it cannot be opened."""
    try:
        with path.open("rb") as file:
            return file.read(132)[128:] == b"DICM"
    except OSError:
        return False


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
