"""What a compressed frame says of itself, checked against the DICOM header before a native decoder sees it.

Decoders allocate by the sizes in the codestream, which need not be those of the header, and GDCM ends the process on some
damaged JPEG headers. JPEG and JPEG lossless: ITU-T T.81 annex B; JPEG-LS: T.87 annex C; JPEG 2000: T.800 annex A.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydicom.uid import UID, JPEG2000TransferSyntaxes, JPEGLossless, JPEGLosslessSV1, JPEGLSTransferSyntaxes, JPEGTransferSyntaxes

_LARGEST_FRAME = 1 << 28
"""Samples of one compressed frame, 16384 x 16384 of grey: a few bytes can claim any size, and a decoder would allocate it."""

_SOI, _DHT, _DAC, _SOS, _DQT, _DRI, _COM, _SOF_LOSSLESS, _SOF_LS, _LSE, _ADOBE, _JFIF = (
    *(0xD8, 0xC4, 0xCC, 0xDA, 0xDB, 0xDD, 0xFE, 0xC3, 0xF7, 0xF8, 0xEE, 0xE0),
)
_FRAME_HEADERS = {*range(0xC0, 0xD0), _SOF_LS} - {_DHT, 0xC8, _DAC}
_IN_A_HEADER = {*_FRAME_HEADERS, *range(0xE0, 0xF0), _DHT, _DAC, _SOS, _DQT, _DRI, _COM, _LSE}
_START_OF_J2K = b"\xff\x4f\xff\x51"  # SOC and SIZ, which must follow it
_COD = b"\xff\x52"
_MOST_TILES = 65535
_MOST_CATEGORIES = 17  # 0 to 16: lengths of differences, the symbols of a lossless Huffman table


@dataclass(frozen=True)
class CodedFrame:
    """Sizes in a codestream: ``rows``, ``columns``, ``samples`` a pixel, and ``precision``, the bits of a sample.

    ``colour`` is the space of three components as a decoder hands them out, ``RGB`` or ``YBR_FULL``; None where nothing tells.
    """

    rows: int
    columns: int
    samples: int
    precision: int
    colour: str | None = None


def check_codestream(data: bytes, transfer_syntax: UID, header: Mapping[str, Any]) -> None:
    """Nothing, when ``data`` is of the frame that ``header`` describes and safe to be decoded.

    RLE has no sizes of its own and is decoded in Python. Of JPEG lossless, which only GDCM decodes, every segment is checked.

    Args:
        data: one compressed frame.
        header: ``rows``, ``columns``, ``samples_per_pixel`` and ``bits_allocated`` as of the DICOM header.

    Raises:
        ValueError: damaged, or of other sizes; the message says in what.
    """
    coded = coded_frame(data, transfer_syntax)
    if coded is None:
        return
    stated = (header["rows"], header["columns"], header["samples_per_pixel"])
    if (coded.rows, coded.columns, coded.samples) != stated:
        sizes = f"{coded.columns} x {coded.rows} pixels of {coded.samples} samples"
        raise ValueError(f"it is compressed as {sizes}, the header states {stated[1]} x {stated[0]} of {stated[2]}")
    if not 1 <= coded.precision <= header["bits_allocated"]:
        raise ValueError(f"it is compressed with {coded.precision} bits, the header has room for {header['bits_allocated']}")
    if coded.rows * coded.columns * coded.samples > _LARGEST_FRAME:
        raise ValueError(f"a compressed frame of {coded.columns} x {coded.rows} pixels is too large")


def coded_frame(data: bytes, transfer_syntax: UID) -> CodedFrame | None:
    """What a compressed frame says of itself; None of RLE, which says nothing.

    Raises:
        ValueError: damaged.
    """
    if transfer_syntax in JPEG2000TransferSyntaxes:
        return _j2k_frame(data)
    if transfer_syntax in (*JPEGTransferSyntaxes, *JPEGLSTransferSyntaxes):
        return _jpeg_frame(data, lossless=transfer_syntax in (JPEGLossless, JPEGLosslessSV1))
    return None


def _j2k_frame(data: bytes) -> CodedFrame:
    start = data.find(_START_OF_J2K)  # at 0, but for files that wrap the codestream into JP2 boxes
    if start < 0 or len(data) < start + 45:
        raise ValueError("no JPEG 2000 header")
    right, lower, left, upper, width, height, tile_left, tile_upper, components, depth = struct.unpack_from(">8LHB", data, start + 8)
    columns, rows = right - left, lower - upper
    tiles = [-(-(right - tile_left) // max(width, 1)), -(-(lower - tile_upper) // max(height, 1))]
    if min(width, height) < 1 or tile_left > left or tile_upper > upper or not 1 <= tiles[0] * tiles[1] <= _MOST_TILES:
        raise ValueError("damaged JPEG 2000 header")
    style = data.find(_COD, start)  # SGcod: order, layers, then 1 where the first three components are transformed (T.800 A.6.1)
    transformed = style >= 0 and data[style + 8 : style + 9] == b"\x01"
    return CodedFrame(rows, columns, components, (depth & 0x7F) + 1, "RGB" if transformed and components == 3 else None)


def _jpeg_frame(data: bytes, lossless: bool) -> CodedFrame:
    found, colour = None, None
    jfif = False
    for marker, body in _segments(data):
        if marker in _FRAME_HEADERS:
            if found is not None or len(body) < 6:
                raise ValueError("damaged JPEG header")
            precision, rows, columns, samples = struct.unpack_from(">BHHB", body)
            found = CodedFrame(rows, columns, samples, precision)
            colour = colour or _by_components(body, samples)
            if lossless:
                _check_components(marker, body, samples)
        elif lossless and marker == _DHT:
            _check_huffman_tables(body)
        elif lossless and marker == _SOS:
            _check_scan(body, found)
        elif lossless and marker == _ADOBE and body.startswith(b"Adobe") and (len(body) < 12 or body[11] > 2):
            raise ValueError("unknown colour transform")
        if marker == _ADOBE and body.startswith(b"Adobe") and len(body) >= 12:
            colour = "RGB"  # with this marker decoders transform by themselves
        jfif = jfif or (marker == _JFIF and body.startswith(b"JFIF"))
    if found is None:
        raise ValueError("no JPEG header")
    if found.samples != 3:
        return found
    return replace(found, colour=colour or ("YBR_FULL" if jfif else None))


def _by_components(body: bytes, samples: int) -> str | None:
    """The colour space of three components by their names and resolutions."""
    components = [body[at : at + 3] for at in range(6, 6 + 3 * samples, 3)]
    if samples != 3 or any(len(component) != 3 for component in components):
        return None
    if len({component[1] for component in components}) > 1:
        return "YBR_FULL"  # colour is subsampled, which has no meaning in RGB
    return "RGB" if bytes(component[0] for component in components) == b"RGB" else None


def _segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Marker and body of the segments before the coded values. Bytes between segments, which T.81 does not know, are damage."""
    if data[:2] != bytes((0xFF, _SOI)):
        raise ValueError("no JPEG header")
    position, marker = 2, _SOI
    while marker != _SOS:
        if data[position : position + 1] != b"\xff":
            raise ValueError("damaged JPEG header")
        while data[position : position + 1] == b"\xff":  # any number of fill bytes
            position += 1
        marker = data[position] if position < len(data) else 0
        length = int.from_bytes(data[position + 1 : position + 3], "big")
        body = data[position + 3 : position + 1 + length]
        if marker not in _IN_A_HEADER or length < 2 or len(body) != length - 2:
            raise ValueError("damaged JPEG header")
        yield marker, body
        position += 1 + length


def _check_components(marker: int, body: bytes, samples: int) -> None:
    """Of a lossless frame: sequential with Huffman coding, one to four components of full resolution."""
    components = [body[at : at + 3] for at in range(6, len(body), 3)]
    names = {component[0] for component in components}
    if marker != _SOF_LOSSLESS or not 1 <= samples <= 4 or not len(components) == len(names) == samples or len(body) != 6 + 3 * samples:
        raise ValueError("not a lossless JPEG frame, or a damaged one")
    if len({component[1] for component in components}) != 1:
        raise ValueError("components of different resolution")


def _check_huffman_tables(body: bytes) -> None:
    """Of a lossless frame: codes that exist (T.81 C.2), for lengths of differences."""
    while body:
        counts = body[1:17]
        symbols = body[17 : 17 + sum(counts)]
        space = sum(count << (16 - length) for length, count in enumerate(counts, 1))
        if body[0] > 3 or len(counts) < 16 or len(symbols) != sum(counts) or not symbols or space > 1 << 16:
            raise ValueError("damaged Huffman table")
        if len(symbols) > _MOST_CATEGORIES or max(symbols) >= _MOST_CATEGORIES:
            raise ValueError("damaged Huffman table")
        body = body[17 + len(symbols) :]


def _check_scan(body: bytes, frame: CodedFrame | None) -> None:
    """Of a lossless frame: its components, a predictor of 1 to 7 and no point transform beyond the precision (T.81 H.1)."""
    count = body[0] if body else 0
    if frame is None or not 1 <= count <= frame.samples or len(body) != 4 + 2 * count:
        raise ValueError("damaged JPEG scan")
    predictor, last, shifts = body[-3:]
    if not 1 <= predictor <= 7 or last or shifts >> 4 or shifts & 15 >= frame.precision or max(body[2 : 2 + 2 * count : 2]) & 15:
        raise ValueError("damaged JPEG scan")
    if max(body[2 : 2 + 2 * count : 2]) > 0x3F:
        raise ValueError("damaged JPEG scan")
