"""What a file is, by its content; the name only decides where content cannot."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

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
    if head[:2] == b"\x1f\x8b" and name.endswith(".nii.gz"):
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


def looks_like_dicom(path: Path) -> bool:
    """True when the file has the DICOM mark; false also when it cannot be opened."""
    try:
        with path.open("rb") as file:
            return file.read(132)[128:] == b"DICM"
    except OSError:
        return False
