"""Deflated bytes, as zlib or gzip wrap them, unpacked into a length that is known before and held against their check sum."""

from __future__ import annotations

import zlib
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

DEFLATE_HIGHEST_RATIO = 1032
"""Deflate packs no tighter, 258 bytes in 2 bits (RFC 1951 3.2.5): what states more was cut off, or lies."""

_BLOCK = 1 << 18
_GZIP = b"\x1f\x8b"
_EITHER = 47  # zlib's window bits for both wrappings


class DamagedStreamError(Exception):
    """Bytes that do not unpack to what was stated; the message is the end of a sentence."""


def inflated(file: BinaryIO, length: int, *, skip: int = 0, packed_length: int | None = None) -> NDArray[np.uint8]:
    """``(length,)`` bytes.

    Args:
        file: at the beginning of the stream; one of gzip may have several members.
        length: what must come out, no more and no less.
        skip: unpacked bytes before, which are dropped.
        packed_length: bytes that belong to the stream; None: all to the end of the file.

    Raises:
        DamagedStreamError: no such stream, fewer or more bytes, or a check sum that does not fit.
    """
    found = np.empty(length, np.uint8)
    filled, packed, unpacker = -skip, b"", zlib.decompressobj(_EITHER)
    try:
        while True:
            if unpacker.eof:
                packed = unpacker.unused_data
                if filled >= length or not packed.startswith(_GZIP):
                    break
                unpacker = zlib.decompressobj(_EITHER)
            if not packed:
                packed = file.read(_BLOCK if packed_length is None else min(_BLOCK, packed_length))
                packed_length = None if packed_length is None else packed_length - len(packed)
                if not packed:
                    raise DamagedStreamError("its compressed data end too early: it was cut off")
            got = unpacker.decompress(packed, _BLOCK)
            packed = unpacker.unconsumed_tail
            if filled + len(got) > length:
                raise DamagedStreamError("its compressed data hold more than the header states")
            first = min(max(-filled, 0), len(got))
            found[filled + first : filled + len(got)] = np.frombuffer(got, np.uint8)[first:]
            filled += len(got)
    except zlib.error as error:
        raise DamagedStreamError(f"its compressed data are damaged ({error})") from error
    if filled < length:
        raise DamagedStreamError("its compressed data hold less than the header states")
    return found
