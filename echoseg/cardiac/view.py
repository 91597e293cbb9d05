"""One apical view of the left ventricle, measured: contour, landmarks, disk diameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from echoseg.cardiac.contour import Contour, endocardial_contour
from echoseg.cardiac.disks import disk_diameters
from echoseg.cardiac.landmarks import Landmarks, find_landmarks, opposite


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
