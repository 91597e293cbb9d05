"""Mitral hinge points, apex and long axis of an apical LV contour."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echoseg.cardiac.contour import Contour
from echoseg.errors import MeasureError

# A chord is charged this many times the mean distance between it and the border it cuts off. At 4 the best chord of a flat side
# ends at its corners when the walls turn away by more than atan(2 / 4) = 27 degrees, and a round apex of radius R earns 1.5 R at most.
FLATNESS_COST = 4.0
MIN_BASAL_ARC, MAX_BASAL_ARC = 0.06, 0.45


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
      apex at the top, tilted or mirrored. Upside-down displays must be flipped first.

    The best chord's ends are the hinge points. The apex is the contour point most distant from the annulus middle (ASE/EACVI 2015,
    LV length).

    Raises:
        MeasureError: no chord can be a base (a degenerate contour).
    """
    points = contour.points
    count = len(points)
    shortest, longest = max(2, round(MIN_BASAL_ARC * count)), round(MAX_BASAL_ARC * count)
    steps = np.arange(shortest, longest + 1)
    starts = np.arange(count)
    ends = starts[:, None] + steps[None, :]
    loop = np.concatenate([points, points])
    x, y = loop.T
    # Twice the signed area swept from the origin, up to each point: the area between an arc and its chord is then a difference.
    swept = np.concatenate([[0.0], np.cumsum(x[:-1] * y[1:] - x[1:] * y[:-1])])
    chord = loop[ends] - points[:, None]
    width = np.hypot(chord[..., 0], chord[..., 1])
    closing = x[ends] * y[:count, None] - x[:count, None] * y[ends]
    cut_off = np.abs(swept[ends] - swept[:count, None] + closing) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        # The contour runs anticlockwise on a screen, so the cavity lies to the left of the chord: (dy, -dx) in image axes.
        inward_x, inward_y = chord[..., 1] / width, -chord[..., 0] / width
        flatness = width - FLATNESS_COST * cut_off / width
    xx, xy, _, yy = np.cov(points.T, bias=True).ravel()
    variance = inward_x**2 * xx + 2 * inward_x * inward_y * xy + inward_y**2 * yy
    upwards = (1 - inward_y) / 2
    score = np.where(width > 0, flatness * variance**2 * upwards, -np.inf)
    best = int(np.nanargmax(score))
    if not score.flat[best] > 0:
        raise MeasureError("no mitral base on this contour: is it the mask of a left ventricle in an apical view?")
    start, step = np.unravel_index(best, score.shape)
    basal = np.array([start, (start + steps[step]) % count])
    hinges = points[basal]
    base = hinges.mean(axis=0)
    apex = points[np.hypot(*(points - base).T).argmax()]
    return Landmarks(hinges[np.argsort(hinges[:, 0], kind="stable")], apex, basal)
