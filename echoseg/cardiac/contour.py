"""From a noisy LV mask to one smooth closed endocardial contour, sub-pixel, in millimetres (or pixels)."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from echoseg.errors import MeasureError
from echoseg.types import BoolMask

Spacing = tuple[float, float]
"""``(row_mm, col_mm)``, the distance between rows first."""

CONTOUR_POINTS = 240
MIN_AREA_PX = 12
# Relative to the square root of the mask's area: wide enough to average out one-pixel noise along the border, narrow
# enough to keep the mitral corners (a border of radius R moves inwards by sigma²/2R only).
SMOOTHING = 0.012


@dataclass(frozen=True)
class Contour:
    """A closed endocardial contour.

    Attributes:
        points: ``(N, 2)`` float64, x then y, equidistant along the border, anticlockwise as seen on a screen (y down).
            Millimetres when ``spacing`` is known, else pixels; (0, 0) is the image's top-left edge.
        spacing: ``(row_mm, col_mm)`` that was used, or None (pixels, taken as square).
        area_px: pixels of the cleaned mask (largest component, holes filled).
        kept: share of the given mask's pixels that the largest component holds, 0..1.
        filled: share of the cleaned mask that was holes, 0..1.
    """

    points: NDArray[np.float64]
    spacing: Spacing | None
    area_px: int
    kept: float
    filled: float

    @property
    def area(self) -> float:
        """Enclosed area in mm² (px² without spacing)."""
        return polygon_area(self.points)


def polygon_area(points: NDArray[np.float64]) -> float:
    """Unsigned area of the closed polygon ``(N, 2)``, by the shoelace formula."""
    x, y = points.T
    return abs(float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))) / 2


def checked_spacing(spacing: ArrayLike | None) -> Spacing | None:
    """``spacing`` as two positive finite floats, or None.

    Raises:
        MeasureError: not two positive finite numbers.
    """
    if spacing is None:
        return None
    try:
        values = np.asarray(spacing, dtype=np.float64)
    except (TypeError, ValueError):
        values = np.empty(0)
    if values.shape != (2,) or not np.isfinite(values).all() or (values <= 0).any():
        raise MeasureError(f"spacing is (row_mm, col_mm), two positive numbers, or None when unknown; got {spacing!r}")
    return float(values[0]), float(values[1])


def checked_mask(mask: ArrayLike, axes: str = "(H, W)") -> BoolMask:
    """``mask`` as bool of shape ``axes``; anything above zero is inside.

    Raises:
        MeasureError: another number of axes, or values that are not booleans or finite numbers.
    """
    try:
        array = np.asarray(mask)
    except ValueError:
        raise MeasureError(f"expected a mask of shape {axes}; got frames or rows of different sizes") from None
    if array.ndim != axes.count(",") + 1:
        raise MeasureError(f"expected a mask of shape {axes}; got {array.shape}")
    if array.dtype == bool:
        return array
    if array.dtype.kind not in "iuf" or (array.dtype.kind == "f" and not np.isfinite(array).all()):
        raise MeasureError(f"a mask holds booleans or finite numbers; got {array.dtype}")
    return array > 0


def bounding_box(mask: BoolMask) -> tuple[slice, slice] | None:
    """Rows and columns that hold the mask ``(H, W)``, or None when it is empty."""
    rows = np.flatnonzero(mask.any(axis=1))
    if len(rows) == 0:
        return None
    columns = np.flatnonzero(mask[rows[0] : rows[-1] + 1].any(axis=0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def largest_component(mask: BoolMask) -> BoolMask:
    """The largest 8-connected component of ``(H, W)`` with its holes filled; same shape, empty when the mask is."""
    cleaned = np.zeros(mask.shape, dtype=np.uint8)
    borders, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if len(borders) > 1:
        count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
        largest = 1 + int(stats[1:count, cv2.CC_STAT_AREA].argmax())
        borders, _ = cv2.findContours((labels == largest).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(cleaned, borders, -1, 1, cv2.FILLED)
    return cleaned.astype(bool)


def endocardial_contour(mask: ArrayLike, spacing: ArrayLike | None = None, *, points: int = CONTOUR_POINTS) -> Contour:
    """The smooth outline of the LV cavity in ``mask``.

    The largest component, holes filled, is blurred by a Gaussian that is round in millimetres (sigma: 1.2 % of the square root
    of the area, at least 0.8 pixel), and the contour is that image's level 0.5, found to a small part of a pixel. The level keeps the
    area; papillary muscles that the mask excludes as holes belong to the cavity (ASE/EACVI 2015).

    Args:
        mask: ``(H, W)`` bool, or numbers where above zero is inside.
        spacing: ``(row_mm, col_mm)``, or None when unknown (pixels taken as square).
        points: number of contour points.

    Raises:
        MeasureError: malformed or empty mask, a mask of a few pixels, or malformed spacing.
    """
    mask = checked_mask(mask)
    spacing = checked_spacing(spacing)
    box = bounding_box(mask)
    if box is None:
        raise MeasureError("the mask is empty: there is no contour to measure")
    given = mask[box]
    cleaned = largest_component(given)
    area_px = int(cleaned.sum())
    if area_px < MIN_AREA_PX:
        raise MeasureError(f"the mask has {area_px} pixels; a contour needs at least {MIN_AREA_PX}")
    row_mm, col_mm = spacing or (1.0, 1.0)
    sigma_mm = SMOOTHING * np.sqrt(area_px * row_mm * col_mm)
    sigma_x, sigma_y = max(0.8, sigma_mm / col_mm), max(0.8, sigma_mm / row_mm)
    margin = int(np.ceil(4 * max(sigma_x, sigma_y))) + 1
    padded = np.pad(cleaned, margin).astype(np.float32)
    blurred = np.asarray(cv2.GaussianBlur(padded, (0, 0), sigmaX=float(sigma_x), sigmaY=float(sigma_y)), dtype=np.float32)
    border = _level_set(blurred, 0.5)
    # Array index i is the centre of pixel i, which covers [i, i + 1).
    border += np.array([box[1].start, box[0].start]) - margin + 0.5
    border *= (col_mm, row_mm)
    kept = float((given & cleaned).sum() / given.sum())
    filled = float((cleaned & ~given).sum() / area_px)
    return Contour(_resample(border, points), spacing, area_px, kept, filled)


def _level_set(image: NDArray[np.float32], level: float) -> NDArray[np.float64]:
    """Longest closed curve ``image == level``, ``(M, 2)`` x, y in array indices, by Newton steps from the threshold's outline."""
    borders, _ = cv2.findContours((image >= level).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not borders:
        raise MeasureError("the mask is too thin to have a contour")
    xy = max(borders, key=len).reshape(-1, 2).astype(np.float32)
    slope_x = cv2.Scharr(image, cv2.CV_32F, 1, 0, scale=1 / 32)
    slope_y = cv2.Scharr(image, cv2.CV_32F, 0, 1, scale=1 / 32)
    for _ in range(3):
        value, gx, gy = (cv2.remap(field, xy[:, :1], xy[:, 1:], cv2.INTER_LINEAR)[:, 0] for field in (image, slope_x, slope_y))
        step = (level - value) / np.maximum(gx**2 + gy**2, 1e-4)
        xy = xy + np.clip(step[:, None] * np.stack([gx, gy], axis=1), -0.5, 0.5)
    return xy.astype(np.float64)


def _resample(closed: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """``count`` equidistant points along the closed curve ``(M, 2)``, anticlockwise on a screen, area unchanged to first order."""
    loop = np.concatenate([closed, closed[:1]])
    x, y = loop.T
    if np.dot(x[:-1], y[1:]) - np.dot(x[1:], y[:-1]) > 0:
        loop = loop[::-1]
    length = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(loop, axis=0).T))])
    at = np.arange(count) * length[-1] / count
    return np.stack([np.interp(at, length, loop[:, 0]), np.interp(at, length, loop[:, 1])], axis=1)
