"""A grid of frames or slices with their contours: ``preview.png`` of a volume, and one picture that stands for a clip."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil, sqrt

import numpy as np
from numpy.typing import NDArray

from echoseg.report.drawing import Window, draw_lines, draw_text, paint, png_bytes, square_pixels
from echoseg.types import Image

_GAP = 4
_PAPER = 14
_LINE = (255, 255, 255)


def contact_sheet(
    frames: Sequence[Image],
    label_maps: Sequence[NDArray[np.uint8]],
    names: Mapping[int, str],
    *,
    captions: Sequence[str] = (),
    lines: Sequence[Sequence[NDArray[np.float64]]] = (),
    columns: int | None = None,
    spacing: tuple[float, float] | None = None,
    window: Window | None = None,
    tile: int = 240,
) -> bytes:
    """The frames in a grid, row by row, each with its contours.

    Args:
        frames: N >= 1 images ``(H, W)`` or ``(H, W, 3)`` uint8, all of one size.
        label_maps: N ``(H, W)`` uint8.
        names: ``{object_id: name}``, for the colours.
        captions: N short texts, or none.
        lines: N lists of polylines ``(M, 2)`` in source pixels to draw on top, or none.
        columns: tiles per row; None makes the sheet about 4:3.
        spacing: ``(row_mm, col_mm)`` or None; pixels that are not square are shown as the anatomy is.
        window: the part of each frame to show, or None for all of it.
        tile: long side of a tile in pixels.

    Returns:
        PNG.
    """
    x, y = square_pixels(spacing)
    top, bottom, left, right = window or (0, frames[0].shape[0], 0, frames[0].shape[1])
    zoom = tile / max((bottom - top) * y, (right - left) * x)
    part = np.s_[top:bottom, left:right]
    pictures = [
        paint(frame[part], labels[part], names, scale=(x * zoom, y * zoom), fill=0.18)
        for frame, labels in zip(frames, label_maps, strict=True)
    ]
    for picture, drawn in zip(pictures, lines, strict=False):
        draw_lines(picture, [line - (left, top) for line in drawn], _LINE, scale=(x * zoom, y * zoom))
    for picture, caption in zip(pictures, captions, strict=False):
        draw_text(picture, (7, 5), caption, (240, 243, 246), 11)
    tall, wide = pictures[0].shape[:2]
    across = columns or _columns(len(pictures), tall / wide)
    down = ceil(len(pictures) / across)
    sheet = np.full((down * (tall + _GAP) + _GAP, across * (wide + _GAP) + _GAP, 3), _PAPER, dtype=np.uint8)
    for index, picture in enumerate(pictures):
        top, left = (index // across) * (tall + _GAP) + _GAP, (index % across) * (wide + _GAP) + _GAP
        sheet[top : top + tall, left : left + wide] = picture
    return png_bytes(sheet)


def _columns(count: int, tile_aspect: float) -> int:
    """Tiles per row for a sheet of about 4:3, or a little off it where that leaves fewer empty places."""
    ideal = sqrt(count * 4 / 3 * tile_aspect)
    near = [n for n in range(max(1, round(ideal) - 1), round(ideal) + 2) if n <= count]
    return min(near, key=lambda n: (-count % n, abs(n - ideal)), default=count)


def sheet_frames(label_maps: NDArray[np.uint8], count: int) -> list[int]:
    """Up to ``count`` frame indices, evenly spread over those that hold an object (over all where none does).

    Args:
        label_maps: ``(T, H, W)`` uint8.
    """
    occupied = [index for index, labels in enumerate(label_maps) if labels.any()] or list(range(len(label_maps)))
    picks = np.rint(np.linspace(0, len(occupied) - 1, min(count, len(occupied)))).astype(int)
    return [occupied[pick] for pick in picks.tolist()]
