"""ED and ES stills: contour, disks, long axis and hinge points as they were measured, cropped to the object."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echoseg.cardiac.contour import Contour, endocardial_contour
from echoseg.cardiac.landmarks import Landmarks, find_landmarks
from echoseg.cardiac.view import DISKS
from echoseg.errors import MeasureError
from echoseg.report.drawing import Colour, crop_window, draw_lines, draw_text, object_colour, paint, png_bytes, square_pixels
from echoseg.types import BoolMask, Image

_AXIS_COLOUR: Colour = (255, 214, 10)
_POINT_COLOUR: Colour = (255, 255, 255)
_LONG_SIDE = 560


@dataclass(frozen=True)
class Construction:
    """What a single-plane volume by disks is built from, in source pixels (x, y).

    Attributes:
        axis: ``(2, 2)`` float64, middle of the mitral annulus and apex.
        hinges: ``(2, 2)`` float64 mitral hinge points.
        disks: ``(n, 2, 2)`` float64, the two ends of each disk's diameter, base to apex.
    """

    axis: NDArray[np.float64]
    hinges: NDArray[np.float64]
    disks: NDArray[np.float64]


def construction(mask: BoolMask, spacing: tuple[float, float] | None) -> Construction | None:
    """The construction that :mod:`echoseg.cardiac` measures on ``mask`` ``(H, W)``, or None where it finds no ventricle."""
    try:
        contour = endocardial_contour(mask, spacing)
        landmarks = find_landmarks(contour)
    except MeasureError:
        return None
    per_pixel = (spacing[1], spacing[0]) if spacing else (1.0, 1.0)
    axis = np.stack([landmarks.base, landmarks.apex])
    return Construction(axis / per_pixel, landmarks.hinges / per_pixel, _disk_ends(contour, landmarks) / per_pixel)


def still_png(frame: Image, mask: BoolMask, *, object_id: int, name: str, spacing: tuple[float, float] | None, caption: str = "") -> bytes:
    """One frame with the object's contour and, for a left ventricle, the construction of its volume.

    Args:
        frame: ``(H, W)`` or ``(H, W, 3)`` uint8.
        mask: ``(H, W)`` bool of the object; an empty one gives the plain frame.
        object_id, name: for the colour; disks, axis and hinge points are drawn when the name is ``LV``.
        spacing: ``(row_mm, col_mm)`` or None.
        caption: short text for the lower left corner.

    Returns:
        PNG, cropped to the object and its surroundings, long side 560 pixels, pixels square in millimetres.
    """
    top, bottom, left, right = crop_window(mask)
    x, y = square_pixels(spacing)
    zoom = _LONG_SIDE / max((bottom - top) * y, (right - left) * x)
    scale = (x * zoom, y * zoom)
    colour = object_colour(object_id, name)
    labels = np.where(mask, np.uint8(object_id), np.uint8(0))
    canvas = paint(frame[top:bottom, left:right], labels[top:bottom, left:right], {object_id: name}, scale=scale, fill=0.10, thickness=2)
    built = construction(mask, spacing) if name == "LV" else None
    if built is not None:
        origin = np.array([left, top], dtype=np.float64)
        draw_lines(canvas, built.disks - origin, colour, scale=scale)
        draw_lines(canvas, [built.axis - origin], _AXIS_COLOUR, scale=scale, thickness=2)
        for point in (*built.hinges, built.axis[1]):
            draw_lines(canvas, [_ring(point - origin, scale)], _POINT_COLOUR, scale=scale, thickness=2, closed=True)
    if caption:
        draw_text(canvas, (14, len(canvas) - 30), caption, (240, 243, 246), 16, bold=True)
    return png_bytes(canvas)


def _disk_ends(contour: Contour, landmarks: Landmarks) -> NDArray[np.float64]:
    """``(n, 2, 2)`` outermost crossings of the contour with the line square to the axis at each disk's middle, in the contour's units."""
    along = (landmarks.apex - landmarks.base) / landmarks.length
    across = np.array([-along[1], along[0]])
    centred = contour.points - landmarks.base
    height, offset = centred @ along, centred @ across
    next_height, next_offset = np.roll(height, -1), np.roll(offset, -1)
    ends = []
    for level in (np.arange(DISKS) + 0.5) * landmarks.length / DISKS:
        crosses = (height > level) != (next_height > level)
        share = (level - height[crosses]) / (next_height[crosses] - height[crosses])
        at = offset[crosses] + share * (next_offset[crosses] - offset[crosses])
        if len(at) >= 2:
            centre = landmarks.base + level * along
            ends.append([centre + at.min() * across, centre + at.max() * across])
    return np.array(ends).reshape(-1, 2, 2)


def _ring(centre: NDArray[np.float64], scale: tuple[float, float], radius: float = 5.0) -> NDArray[np.float64]:
    angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    return centre + radius * np.stack([np.cos(angles) / scale[0], np.sin(angles) / scale[1]], axis=1)
