"""Longest in-plane diameter and the longest one perpendicular to it, as RECIST 1.1 and WHO use them.

RECIST 1.1 (Eisenhauer et al. 2009) takes the longest diameter of a lesion in the plane of the images, and of a lymph node the longest
one perpendicular to that (the short axis). WHO (Miller et al. 1981) multiplies the two. Both are caliper lengths: they end on
the object's border and may cross what lies outside a hollow one, hence they are measured on the convex hull of the border.

The border runs midway between pixels inside and outside (the 0.5 level of marching squares, as in pyradiomics' maximum 2D
diameter). Measured on discs of 6 to 50 pixels radius, the longest diameter reads 0.6 to 0.9 pixel long: the largest of many
distances finds the border's stairs.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull

from echoseg.errors import MeasureError
from echoseg.types import BoolMask

_EQUAL = 1e-9

Points = NDArray[np.float64]
"""``(N, 2)`` x, y."""


@dataclass(frozen=True)
class Axis:
    """A straight line on a slice: its ends ``(x, y)`` in source pixels (pixel ``i`` covers ``[i, i + 1)``) and its length in mm."""

    start: tuple[float, float]
    end: tuple[float, float]
    mm: float


@dataclass(frozen=True)
class Diameters:
    """Two perpendicular diameters on one slice.

    Attributes:
        slice: index of the slice on which the longest diameter is longest.
        long: the longest diameter.
        short: the longest diameter perpendicular to it on that slice.
    """

    slice: int
    long: Axis
    short: Axis

    @property
    def product_mm2(self) -> float:
        """WHO's bidimensional product in mm²."""
        return self.long.mm * self.short.mm


def longest_diameters(mask: BoolMask, spacing: tuple[float, float] | None) -> Diameters | None:
    """The diameters of the object ``mask`` ``(T, H, W)`` on the slice where they are longest.

    Args:
        spacing: ``(row_mm, col_mm)`` of the slices.

    Returns:
        None for an empty mask, or when the spacing is unknown: which diameter is longest depends on it.

    Raises:
        MeasureError: not a three-dimensional mask.

    >>> mask = np.zeros((3, 40, 40), bool)
    >>> mask[1, 10:20, 5:35] = True  # 10 rows of 1 mm, 30 columns of 0.5 mm
    >>> found = longest_diameters(mask, spacing=(1.0, 0.5))
    >>> found.slice, round(found.long.mm, 1)
    (1, 17.6)
    """
    if mask.ndim != 3:
        raise MeasureError(f"diameters are measured on (T, H, W) masks; got shape {mask.shape}")
    occupied = np.flatnonzero(mask.any(axis=(1, 2)))
    if spacing is None or len(occupied) == 0:
        return None
    scale = np.array([spacing[1], spacing[0]])
    hulls = {int(index): _hull(_border(mask[index]) * scale) for index in occupied}
    longest = {index: _farthest(hull) for index, hull in hulls.items()}
    best = max(longest, key=lambda index: (_length(*longest[index]), -index))
    start, end = longest[best]
    across = _longest_across(hulls[best], start, end)
    return Diameters(best, _axis(start, end, scale), _axis(*across, scale))


def _border(mask: BoolMask) -> Points:
    """Points midway between pixels inside and their four neighbours outside, ``(N, 2)`` x, y in pixels."""
    padded = np.pad(mask, 1)
    inside = padded[1:-1, 1:-1]
    found = []
    for row, column in ((-1, 0), (1, 0), (0, -1), (0, 1)):
        outside = ~padded[1 + row : padded.shape[0] - 1 + row, 1 + column : padded.shape[1] - 1 + column]
        rows, columns = np.nonzero(inside & outside)
        found.append(np.stack([columns + 0.5 + column / 2, rows + 0.5 + row / 2], axis=1))
    return np.concatenate(found)


def _hull(points: Points) -> Points:
    # Always a polygon: even a single pixel has four border points around it.
    return np.asarray(points[ConvexHull(points).vertices], dtype=np.float64)


def _farthest(hull: Points) -> tuple[Points, Points]:
    """The two corners farthest apart; of several equal pairs the first."""
    apart = ((hull[:, None] - hull[None]) ** 2).sum(axis=2)
    a, b = np.unravel_index(int(apart.argmax()), apart.shape)
    return hull[a], hull[b]


def _longest_across(hull: Points, start: Points, end: Points) -> tuple[Points, Points]:
    """The longest chord of the hull perpendicular to ``start``-``end``.

    The chord's length is concave and piecewise linear along the long axis, with its breaks at the corners: the maximum is at one. Where
    many are equal, as in a block, that through the middle of the long axis is taken.
    """
    along = (end - start) / _length(start, end)
    across = np.array([-along[1], along[0]])
    t, s = (hull - start) @ along, (hull - start) @ across
    next_t, next_s = np.roll(t, -1), np.roll(s, -1)
    best: tuple[float, float, float, float] = (-1.0, 0.0, 0.0, 0.0)
    for at in (_length(start, end) / 2, *t):
        # where the polygon's edges cross the perpendicular line at `at`
        touches = (np.minimum(t, next_t) <= at) & (at <= np.maximum(t, next_t))
        span = np.where(next_t == t, 1.0, next_t - t)
        crossing = np.where(next_t == t, s, s + (next_s - s) * (at - t) / span)
        values = np.concatenate([crossing[touches], next_s[touches & (next_t == t)]])
        low, high = float(values.min()), float(values.max())
        if high - low > best[0] + _EQUAL:
            best = (high - low, float(at), low, high)
    _, at, low, high = best
    return start + at * along + low * across, start + at * along + high * across


def _length(start: Points, end: Points) -> float:
    return hypot(end[0] - start[0], end[1] - start[1])


def _axis(start: Points, end: Points, scale: Points) -> Axis:
    first, last = (start / scale).tolist(), (end / scale).tolist()
    return Axis((first[0], first[1]), (last[0], last[1]), _length(start, end))
