"""Where each compressed frame of encapsulated pixel data lies in its file (PS3.5 A.4), read from the headers of its items."""

from __future__ import annotations

import itertools
import struct
from pathlib import Path
from typing import BinaryIO

from echoseg.errors import SourceError

Span = tuple[int, int]
"""Offset in the file and length in bytes."""
_ITEM, _END_OF_SEQUENCE = 0xFFFEE000, 0xFFFEE0DD
_UNDEFINED = 0xFFFFFFFF
_STARTS_OF_IMAGE = (b"\xff\xd8", b"\xff\x4f", b"\x00\x00")  # JPEG and JPEG-LS; JPEG 2000, bare and in the boxes of a file
_END_OF_IMAGE = b"\xff\xd9"  # last marker of JPEG, JPEG-LS and JPEG 2000 codestreams


def raise_truncated(path: Path, found: int, declared: int) -> None:
    """The SourceError of a file with fewer frames than it declares."""
    raise SourceError(f"{path}: declares {declared} frames but holds {found} complete ones; the file was cut off, copy it again")


def encapsulated_spans(file: BinaryIO, path: Path, start: int, file_size: int, declared: int, each_is_one: bool) -> list[tuple[Span, ...]]:
    """The fragments of each compressed frame (PS3.5 A.4), at least ``declared`` frames.

    Args:
        start: offset of the first item. ``each_is_one``: a fragment is a frame, as in RLE.

    Raises:
        SourceError: damaged, or cut off.
    """
    items, cut_off = _items(file, path, start, file_size)
    if not items:
        raise_truncated(path, 0, declared)
    (table_offset, table_length), fragments = items[0], [item for item in items[1:] if item[1]]
    file.seek(table_offset)
    offsets = [o[0] for o in struct.iter_unpack("<L", file.read(table_length // 4 * 4))]
    if each_is_one:  # RLE (PS3.5 A.4.2)
        frames: list[tuple[Span, ...]] = [(fragment,) for fragment in fragments]
    else:
        frames = _group_fragments(file, fragments, offsets, declared)
    if cut_off or len(frames) < declared:
        raise_truncated(path, min(len(frames), declared - 1), declared)
    return frames


def fragments(file: BinaryIO, path: Path, start: int, file_size: int) -> tuple[list[Span], bool]:
    """The fragments after the offset table, empty ones left out, and whether the last one was cut off.

    Raises:
        SourceError: damaged.
    """
    items, cut_off = _items(file, path, start, file_size)
    return [item for item in items[1:] if item[1]], cut_off


def _items(file: BinaryIO, path: Path, start: int, file_size: int) -> tuple[list[Span], bool]:
    """The value of every complete item of the encapsulated pixel data, and whether the last one was cut off."""
    items: list[Span] = []
    position = start
    while position + 8 <= file_size:
        file.seek(position)
        group, element, length = struct.unpack("<HHL", file.read(8))
        tag = group << 16 | element
        if tag == _END_OF_SEQUENCE:
            return items, False
        if tag != _ITEM or length == _UNDEFINED:
            raise SourceError(f"{path}: the compressed pixel data is damaged after {max(len(items) - 1, 0)} fragments; copy the file again")
        if position + 8 + length > file_size:
            return items, True
        items.append((position + 8, length))
        position += 8 + length
    # A missing end mark alone is common and harmless; with it half of a next item header may be missing too.
    return items, False


def _group_fragments(file: BinaryIO, fragments: list[Span], offsets: list[int], declared: int) -> list[tuple[Span, ...]]:
    """Fragments to frames: one each, by the basic offset table, or by the end mark of a compressed image."""
    if len(fragments) <= declared:  # one fragment per frame; fewer means that frames are missing
        return [(fragment,) for fragment in fragments]
    first = fragments[0][0] - 8
    starts = {fragment[0] - 8 - first: position for position, fragment in enumerate(fragments)}
    if len(offsets) >= max(declared, 2) and all(offset in starts for offset in offsets) and offsets == sorted(set(offsets)):
        cuts = [starts[offset] for offset in offsets] + [len(fragments)]
        return [tuple(fragments[a:b]) for a, b in itertools.pairwise(cuts)]
    frames: list[tuple[Span, ...]] = []
    current: list[Span] = []
    for (offset, length), after in itertools.zip_longest(fragments, fragments[1:]):
        current.append((offset, length))
        tail = min(length, 10)  # an even length may be padded after the mark
        if _END_OF_IMAGE in read_span(file, (offset + length - tail, tail)) and (after is None or _starts_image(file, after)):
            frames.append(tuple(current))
            current = []
    if declared == 1 and current:  # one image without an end mark, or the rest of it
        return [tuple(fragments)] if not frames else [*frames, tuple(current)]
    return frames


def _starts_image(file: BinaryIO, fragment: Span) -> bool:
    return read_span(file, (fragment[0], 2)) in _STARTS_OF_IMAGE


def read_span(file: BinaryIO, span: Span) -> bytes:
    """The bytes of a span."""
    file.seek(span[0])
    return file.read(span[1])
