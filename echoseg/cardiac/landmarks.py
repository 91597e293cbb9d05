"""Mitral hinge points, apex and long axis of an apical LV contour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echoseg.cardiac.contour import Contour
from echoseg.errors import MeasureError

# A chord is charged this many times the mean distance between it and the border it cuts off. At 4 the best chord of a flat side
# ends at its corners when the walls turn away by more than atan(2 / 4) = 27 degrees, and a round apex of radius R earns 1.5 R at most.
FLATNESS_COST = 4.0
# Shares of the contour's length.
MIN_BASAL_ARC, MAX_BASAL_ARC = 0.06, 0.45
# Every second point first, then all points near the best chord.
COARSE = 2
REACH = 2
"""Frames on either side of a frame whose landmarks are asked when they are held steady."""

Points = NDArray[np.float64]
Indices = NDArray[np.intp]


@dataclass(frozen=True)
class Landmarks:
    """The points that orient a left ventricle, in the contour's units.

    Attributes:
        hinges: ``(2, 2)`` float64, the two mitral hinge points (x, y), the one further left in the image first.
        apex: ``(2,)`` float64.
        basal: ``(2,)`` int, contour indices of the hinges: the mitral side runs from ``basal[0]`` forward to ``basal[1]``.
    """

    hinges: NDArray[np.float64]
    apex: NDArray[np.float64]
    basal: NDArray[np.intp]

    @property
    def base(self) -> NDArray[np.float64]:
        """Middle of the mitral annulus, ``(2,)``."""
        return np.asarray(self.hinges.mean(axis=0))

    @property
    def length(self) -> float:
        """Long axis: annulus middle to apex."""
        return float(np.hypot(*(self.apex - self.base)))


def find_landmarks(contour: Contour) -> Landmarks:
    """Hinge points, apex and long axis.

    The base is the flat side of the contour. A chord between two contour points scores the product of

    - its length, less ``FLATNESS_COST`` times the mean distance to the border it cuts off;
    - the square of the contour's variance square to it: the base lies across the long axis;
    - ``(1 + cos) / 2`` of the angle from the top of the image to the side of the chord where the ventricle lies: apical views show the
      apex at the top, tilted or mirrored. Upside-down displays must be flipped first, see :func:`upside_down`.

    The best chord's ends are the hinge points. The apex is the contour point most distant from the annulus middle (ASE/EACVI 2015,
    LV length).

    Raises:
        MeasureError: no chord can be a base (a degenerate contour).
    """
    start, end, _ = _best_chord(contour.points, *_coarse_chords(len(contour.points)))
    near = np.arange(-COARSE, COARSE + 1)
    start, end, _ = _best_chord(contour.points, start + near[:, None], end + near)
    return landmarks_at(contour, start, end)


def upside_down(contour: Contour) -> float:
    """Score of the best base with the ventricle below it, over that of the best base with the ventricle above: the first is how
    :func:`find_landmarks` would read the contour upside-down. Above 1 the apex is at the bottom of the image.

    Raises:
        MeasureError: no chord can be a base (a degenerate contour).
    """
    chords = _coarse_chords(len(contour.points))
    *_, upright = _best_chord(contour.points, *chords)
    *_, turned = _best_chord(contour.points, *chords, apex_up=False)
    return turned / upright


def landmarks_at(contour: Contour, start: int, end: int, apex: int | None = None) -> Landmarks:
    """Landmarks with the mitral side from contour index ``start`` forward to ``end``, and the apex at its index or most distant."""
    basal = np.array([start, end]) % len(contour.points)
    hinges = contour.points[basal]
    if apex is None:
        apex = int(np.hypot(*(contour.points - hinges.mean(axis=0)).T).argmax())
    return Landmarks(hinges[np.argsort(hinges[:, 0], kind="stable")], contour.points[apex], basal)


def opposite(contour: Contour, landmarks: Landmarks) -> Landmarks:
    """The same base, and for apex the point straight across from the middle of the annulus, where its perpendicular leaves the contour."""
    start, end = landmarks.basal
    chord = contour.points[end] - contour.points[start]
    along, across = np.array([chord[1], -chord[0]]) / np.hypot(*chord), chord / np.hypot(*chord)
    height, offset = (contour.points - landmarks.base) @ along, (contour.points - landmarks.base) @ across
    far = np.flatnonzero(height > height.max() / 2)
    return landmarks_at(contour, int(start), int(end), int(far[np.abs(offset[far]).argmin()]))


def steadied(found: Mapping[int, tuple[Contour, Landmarks]]) -> dict[int, tuple[Contour, Landmarks]]:
    """Each landmark moved to the contour point nearest to its running median over five frames; contours stay as they are.

    Args:
        found: ``{frame: (contour, landmarks)}``; frames may be missing.
    """

    def nearest(contour: Contour, places: list[NDArray[np.float64]]) -> int:
        return int(np.hypot(*(contour.points - np.median(places, axis=0)).T).argmin())

    result = {}
    for frame, (contour, landmarks) in found.items():
        around = [found[near] for near in range(frame - REACH, frame + REACH + 1) if near in found]
        start, end = (nearest(contour, [c.points[marks.basal[side]] for c, marks in around]) for side in (0, 1))
        apex = nearest(contour, [marks.apex for _, marks in around])
        distinct = len({start, end, apex}) == 3
        result[frame] = (contour, landmarks_at(contour, start, end, apex) if distinct else landmarks)
    return result


def _coarse_chords(count: int) -> tuple[Indices, Indices]:
    """Contour indices ``(N, 1)`` and ``(N, M)`` between which a first base is looked for, on a contour of ``count`` points."""
    starts = np.arange(0, count, COARSE)[:, None]
    arcs = np.arange(round(MIN_BASAL_ARC * count), round(MAX_BASAL_ARC * count) + 1, COARSE)
    return starts, starts + arcs


def _best_chord(points: Points, start: Indices, end: Indices, *, apex_up: bool = True) -> tuple[int, int, float]:
    """The best of the chords between contour indices ``start`` and ``end`` (``end`` may pass the last point; the two broadcast), and its
    score."""
    count = len(points)
    x, y = points.T
    # Twice the area swept from the origin up to each point of two turns: between an arc and its chord lies a difference of two.
    sweep = np.tile(x * np.roll(y, -1) - np.roll(x, -1) * y, 2)
    swept = np.concatenate([[0.0], np.cumsum(sweep)])
    start, end = np.broadcast_arrays(start % count, start % count + end - start)
    x0, y0, x1, y1 = x[start], y[start], x[end % count], y[end % count]
    width = np.hypot(x1 - x0, y1 - y0)
    cut_off = np.abs(swept[end] - swept[start] + x1 * y0 - x0 * y1) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        flatness = width - FLATNESS_COST * cut_off / width
        # The contour runs anticlockwise on a screen, so the ventricle lies to the left of the chord: (dy, -dx) in image axes.
        inward_x, inward_y = (y1 - y0) / width, (x0 - x1) / width
    xx, xy, _, yy = np.cov(points.T, bias=True).ravel()
    variance = inward_x**2 * xx + 2 * inward_x * inward_y * xy + inward_y**2 * yy
    upwards = -inward_y if apex_up else inward_y
    score = np.where(width > 0, flatness * variance**2 * (1 + upwards) / 2, -np.inf)
    best = int(score.argmax())
    if not score.flat[best] > 0:
        raise MeasureError("no mitral base on this contour: is it the mask of a left ventricle in an apical view?")
    return int(start.flat[best]), int(end.flat[best]), float(score.flat[best])
