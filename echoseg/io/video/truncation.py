"""Does a file promise more bytes than it has? Asked of the container's own structure, before anything is decoded.

Decoders play what is left of a cut-off file without complaint; a study measured on half a clip is wrong in silence.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO


def missing_bytes(path: Path) -> int:
    """Bytes that the top-level structure of a video file promises beyond its end; 0 when complete or when it does not say.

    Understood: MP4/MOV boxes (ISO 14496-12), RIFF/AVI chunks, Matroska/WebM segments (RFC 8794), the GIF end mark
    (counted as one byte).
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(12)
        if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
            return _boxes_end(file, size) - size
        if head[:4] == b"RIFF":
            return _riff_end(file, size) - size
        if head[:4] == b"\x1aE\xdf\xa3":
            return _segment_end(file, size) - size
        if head[:3] == b"GIF":
            file.seek(-min(size, 16), 2)
            return 0 if b"\x3b" in file.read().rstrip(b"\x00")[-1:] else 1
    return 0


def _boxes_end(file: BinaryIO, size: int) -> int:
    position = 0
    while position < size:
        file.seek(position)
        head = file.read(16)
        if len(head) < 8:
            return position + 8
        length = struct.unpack(">L", head[:4])[0]
        if length == 1 and len(head) == 16:
            length = struct.unpack(">Q", head[8:])[0]
        if length == 0:  # to the end of the file, whatever that is
            return size
        if length < 8:  # not a box; leave it to the decoder
            return size
        position += length
    return position


def _riff_end(file: BinaryIO, size: int) -> int:
    """OpenDML files hold several RIFF chunks, one after the other; a length of 0 means that the writer never finished."""
    position = 0
    while position < size:
        file.seek(position)
        head = file.read(8)
        if head[:4] != b"RIFF" or len(head) < 8:
            return size
        length = struct.unpack("<L", head[4:])[0]
        if length == 0:
            return size
        position += 8 + length + length % 2
    return size if position == size + 1 else position  # the padding byte of the last chunk is often left out


def _segment_end(file: BinaryIO, size: int) -> int:
    """The EBML header, then the segment; each is an id, a length of 1 to 8 bytes, and that many bytes."""
    position = 0
    for _ in range(2):
        file.seek(position)
        head = file.read(12)
        if len(head) < 12:
            return size
        id_length = 9 - head[0].bit_length()
        width = 9 - head[id_length].bit_length()
        if id_length > 4 or width > 8:
            return size
        value = int.from_bytes(head[id_length : id_length + width], "big") & ((1 << 7 * width) - 1)
        if value == (1 << 7 * width) - 1:  # unknown length: a live recording
            return size
        position += id_length + width + value
    return position
