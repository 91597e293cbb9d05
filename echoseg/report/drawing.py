"""How a mask is drawn on an image, everywhere: one palette, one contour, one fill.

Images are ``(H, W, 3)`` uint8 RGB. Points are ``(x, y)`` in source pixels as in :mod:`echoseg.types`: pixel ``i`` covers ``[i, i + 1)``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
from contourpy import contour_generator
from matplotlib import get_data_path
from numpy.typing import NDArray
from PIL import Image as PillowImage
from PIL import ImageDraw, ImageFont

from echoseg.types import BoolMask, Image

Colour = tuple[int, int, int]
Scale = float | tuple[float, float]
"""Size of a drawing relative to its image: one factor, or one for x and one for y (pixels that are not square in millimetres)."""

# Light, saturated colours that stay apart from grey tissue, from Doppler red and blue, and from each other for colour-blind readers.
STRUCTURE_COLOURS: Mapping[str, Colour] = {
    "LV": (38, 222, 200),
    "LA": (255, 176, 59),
    "MYO": (214, 130, 255),
    "RV": (140, 205, 80),
    "RA": (255, 125, 125),
}
OTHER_COLOURS: tuple[Colour, ...] = (
    (38, 222, 200),
    (255, 176, 59),
    (214, 130, 255),
    (140, 205, 80),
    (255, 125, 125),
    (90, 170, 255),
    (245, 225, 80),
)
ED_COLOUR: Colour = (88, 166, 255)
ES_COLOUR: Colour = (255, 107, 107)

Window = tuple[int, int, int, int]
"""A part of an image: top, bottom, left, right; bottom and right are edges."""

_SUBPIXEL_BITS = 4
# A Gaussian of this width rounds pixel corners, yet a lone pixel keeps 0.52 of its weight: every pixel centre
# stays on its own side of the 0.5 contour, so the drawing never hides or invents a pixel.
_ROUNDING_SIGMA = 0.55


def object_colour(object_id: int, name: str | None = None) -> Colour:
    """The fixed colour of an object: by structure name where it has one of ours, else by id (ids 8 apart share a colour)."""
    return STRUCTURE_COLOURS.get(name or "", OTHER_COLOURS[(object_id - 1) % len(OTHER_COLOURS)])


def as_rgb(image: Image) -> Image:
    """A contiguous ``(H, W, 3)`` copy of an ``(H, W)`` or ``(H, W, 3)`` uint8 image."""
    return np.repeat(image[..., None], 3, axis=2) if image.ndim == 2 else np.array(image, order="C")


def outlines(mask: BoolMask) -> list[NDArray[np.float64]]:
    """Closed contours of a mask with sub-pixel vertices.

    Args:
        mask: ``(H, W)`` bool; may touch the image edge, have holes and several parts.

    Returns:
        One ``(N, 2)`` float64 array of (x, y) per outer boundary and per hole, first point repeated last. Empty list for an empty mask.
    """
    ys, xs = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if len(ys) == 0:
        return []
    margin = 2  # so that contours close, and the blur sees background
    top, left = int(ys[0]), int(xs[0])
    part = np.pad(mask[top : ys[-1] + 1, left : xs[-1] + 1].astype(np.float32), margin)
    smooth = cv2.GaussianBlur(part, (5, 5), _ROUNDING_SIGMA)
    lines = contour_generator(z=smooth).lines(0.5)
    # contourpy puts sample i at coordinate i; its pixel's centre lies at i + 0.5 in our convention.
    return [np.asarray(line) + (left - margin + 0.5, top - margin + 0.5) for line in lines]


def draw_lines(
    canvas: Image, lines: Iterable[NDArray[np.float64]], colour: Colour, *, scale: Scale = 1.0, thickness: int = 1, closed: bool = False
) -> None:
    """Draws anti-aliased polylines ``(N, 2)`` in source pixels onto a canvas that is ``scale`` times the source, in place."""
    fixed = [_fixed_point(line, scale) for line in lines]
    if fixed:
        cv2.polylines(canvas, fixed, closed, colour, thickness, cv2.LINE_AA, _SUBPIXEL_BITS)


def paint(
    image: Image, label_map: NDArray[np.uint8], names: Mapping[int, str], *, scale: Scale = 1.0, fill: float = 0.22, thickness: int = 1
) -> Image:
    """The image with every object as a translucent fill and a crisp contour.

    Args:
        image: ``(H, W)`` or ``(H, W, 3)`` uint8.
        label_map: ``(H, W)`` uint8, 0 background, else object id.
        names: ``{object_id: name}``, for the colours.
        scale: size of the result relative to the image, see :data:`Scale`.
        fill: opacity of the fill, 0..1.
        thickness: contour width in pixels of the result.

    Returns:
        ``(round(H * scale_y), round(W * scale_x), 3)`` uint8 RGB, a new array.
    """
    canvas = resized(as_rgb(image), scale)
    present = np.flatnonzero(np.bincount(label_map.ravel(), minlength=1)[1:]) + 1
    for object_id in present.tolist():
        colour = object_colour(object_id, names.get(object_id))
        lines = outlines(label_map == object_id)
        if fill > 0:
            coverage = np.zeros(canvas.shape[:2], dtype=np.uint8)
            cv2.fillPoly(coverage, [_fixed_point(line, scale) for line in lines], 255, cv2.LINE_AA, _SUBPIXEL_BITS)
            x, y, width, height = cv2.boundingRect(coverage)
            part = slice(y, y + height), slice(x, x + width)  # a ventricle is a small part of a frame
            weight = coverage[part][..., None].astype(np.float32) * (fill / 255)
            canvas[part] = np.rint(canvas[part] * (1 - weight) + np.array(colour, dtype=np.float32) * weight)
        draw_lines(canvas, lines, colour, scale=scale, thickness=thickness, closed=True)
    return canvas


def resized(image: Image, scale: Scale) -> Image:
    """The image at ``scale`` times its size (cubic when larger, area average when smaller)."""
    x, y = factors(scale)
    if x == y == 1:
        return image
    size = (max(1, round(image.shape[1] * x)), max(1, round(image.shape[0] * y)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_CUBIC if min(x, y) >= 1 else cv2.INTER_AREA), dtype=np.uint8)


def factors(scale: Scale) -> tuple[float, float]:
    """A scale as (x factor, y factor)."""
    return scale if isinstance(scale, tuple) else (scale, scale)


def square_pixels(spacing: tuple[float, float] | None) -> tuple[float, float]:
    """(x factor, y factor), the smaller one 1, that makes pixels square in millimetres; (1, 1) when unknown or within 2 % already."""
    if spacing is None or abs(spacing[0] / spacing[1] - 1) < 0.02:
        return 1.0, 1.0
    finest = min(spacing)
    return spacing[1] / finest, spacing[0] / finest


def crop_window(mask: BoolMask, *, margin: float = 0.35, at_least: float = 0.0) -> Window:
    """The object and its surroundings; the whole image when the mask ``(H, W)`` is empty.

    Args:
        margin: added on each side, relative to the longer side of the object's box.
        at_least: smallest side of the window relative to the image's side, so that context stays visible.
    """
    height, width = mask.shape
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if len(rows) == 0:
        return 0, height, 0, width
    room = margin * max(rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1)
    return *_widened(rows, room, at_least, height), *_widened(columns, room, at_least, width)


def png_bytes(image: Image) -> bytes:
    """An ``(H, W, 3)`` uint8 image as PNG."""
    buffer = BytesIO()
    PillowImage.fromarray(image).save(buffer, format="PNG")
    return buffer.getvalue()


def draw_text(
    canvas: Image, position: tuple[float, float], text: str, colour: Colour, size: int, *, bold: bool = False, anchor: str = "la"
) -> None:
    """Writes anti-aliased text onto ``canvas`` in place; ``anchor`` as in Pillow ("la" left ascender, "mm" middle, "ra" right ...)."""
    font = _font(size, bold)
    left, top, right, bottom = (int(v) for v in font.getbbox(text, anchor=anchor))
    x0, y0 = max(0, int(position[0]) + left - 1), max(0, int(position[1]) + top - 1)
    x1, y1 = int(position[0]) + right + 2, int(position[1]) + bottom + 2
    patch = canvas[y0:y1, x0:x1]
    if patch.size == 0:
        return
    drawn = PillowImage.fromarray(patch)  # only the text's own box is copied, not the frame
    ImageDraw.Draw(drawn).text((int(position[0]) - x0, int(position[1]) - y0), text, fill=colour, font=font, anchor=anchor)
    canvas[y0:y1, x0:x1] = np.asarray(drawn)


def text_width(text: str, size: int, *, bold: bool = False) -> int:
    """Width in pixels of ``text`` as :func:`draw_text` writes it."""
    return int(np.ceil(_font(size, bold).getlength(text)))


@lru_cache(maxsize=32)
def _font(size: int, bold: bool) -> ImageFont.FreeTypeFont:
    # The font that matplotlib carries: the same on every machine, and that of the curves.
    return ImageFont.truetype(Path(get_data_path(), "fonts", "ttf", "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"), size)


def _fixed_point(line: NDArray[np.float64], scale: Scale) -> NDArray[np.int32]:
    # OpenCV puts pixel centres at whole numbers, we put them at + 0.5.
    return np.rint((line * factors(scale) - 0.5) * (1 << _SUBPIXEL_BITS)).astype(np.int32).reshape(-1, 1, 2)


def _widened(occupied: NDArray[np.intp], room: float, at_least: float, side: int) -> tuple[int, int]:
    room = max(room, (at_least * side - (occupied[-1] + 1 - occupied[0])) / 2)
    return max(0, int(np.floor(occupied[0] - room))), min(side, int(np.ceil(occupied[-1] + 1 + room)))
