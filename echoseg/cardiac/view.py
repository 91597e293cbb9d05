"""One apical view of the left ventricle, measured: contour, landmarks, disk diameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from echoseg.cardiac.contour import Contour, endocardial_contour
from echoseg.cardiac.landmarks import Landmarks, find_landmarks, opposite

DISKS = 20
"""Of the method of disks (modified Simpson's rule)."""


class ViewShape(Protocol):
    """What volumes are computed from: a measured view, or its numbers alone.

    Attributes:
        length: long axis. ``area``: cavity area. ``diameters``: ``(20,)`` float64, see :class:`ApicalView`.
        spaced: whether lengths are in mm and areas in mm², else in pixels.
    """

    @property
    def length(self) -> float: ...
    @property
    def area(self) -> float: ...
    @property
    def diameters(self) -> NDArray[np.float64]: ...
    @property
    def spaced(self) -> bool: ...


@dataclass(frozen=True)
class ApicalView:
    """Geometry of one mask; lengths in mm and areas in mm² when ``contour.spacing`` is known, else in pixels.

    Attributes:
        contour: smooth endocardial border.
        landmarks: hinge points, apex, long axis.
        diameters: ``(20,)`` float64 widths at the middle of each disk, base to apex.
        area: cavity area.
    """

    contour: Contour
    landmarks: Landmarks
    diameters: NDArray[np.float64]
    area: float

    @property
    def length(self) -> float:
        """Long axis: annulus middle to apex."""
        return self.landmarks.length

    @property
    def spaced(self) -> bool:
        """Whether lengths are in mm."""
        return self.contour.spacing is not None


def measure_atrium(mask: ArrayLike, spacing: ArrayLike | None = None) -> ApicalView:
    """As :func:`measure_view` for the mask ``(H, W)`` of a left atrium in an apical view: a ventricle upside-down, its base at the top of
    the image. The long axis is the perpendicular from the middle of the annulus to the roof; a slanted roof has a corner farther away.

    Raises:
        MeasureError: as :func:`measure_view`.
    """
    contour = endocardial_contour(np.flipud(np.asarray(mask)), spacing)
    landmarks = opposite(contour, find_landmarks(contour))
    return ApicalView(contour, landmarks, disk_diameters(contour, landmarks), contour.area)


def measure_view(mask: ArrayLike, spacing: ArrayLike | None = None) -> ApicalView:
    """Contour, landmarks and disk diameters of an apical LV mask ``(H, W)``.

    Raises:
        MeasureError: malformed or empty mask, malformed spacing, or no mitral base on the contour.
    """
    contour = endocardial_contour(mask, spacing)
    landmarks = find_landmarks(contour)
    return ApicalView(contour, landmarks, disk_diameters(contour, landmarks), contour.area)


def disk_diameters(contour: Contour, landmarks: Landmarks, disks: int = DISKS) -> NDArray[np.float64]:
    """Cavity width at the middle of each disk, ``(disks,)`` base to apex, in the contour's units.

    The long axis is cut into ``disks`` equal parts; a width is the length inside the contour of the line square to the axis at a part's
    middle. (At a part's edge instead, half an ellipsoid would come out 3.7 % larger or smaller.)
    """
    axis = landmarks.apex - landmarks.base
    length = np.hypot(*axis)
    along, across = axis / length, np.array([-axis[1], axis[0]]) / length
    centred = contour.points - landmarks.base
    height, offset = centred @ along, centred @ across
    next_height, next_offset = np.roll(height, -1), np.roll(offset, -1)
    levels = (np.arange(disks)[:, None] + 0.5) * length / disks
    # +1 where the border crosses the level upwards, -1 downwards: summed, the crossings give the length inside, however many there are.
    crossing = (next_height > levels).astype(np.int8) - (height > levels)
    with np.errstate(divide="ignore", invalid="ignore"):
        at = offset + (levels - height) / (next_height - height) * (next_offset - offset)
    return np.abs(np.where(crossing != 0, crossing * at, 0.0).sum(axis=1))
