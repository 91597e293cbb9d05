"""One apical view of the left ventricle, measured: contour, landmarks, disk diameters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from echoseg.cardiac.contour import Contour, endocardial_contour
from echoseg.cardiac.disks import disk_diameters
from echoseg.cardiac.landmarks import Landmarks, find_landmarks


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


def measure_view(mask: ArrayLike, spacing: ArrayLike | None = None) -> ApicalView:
    """Contour, landmarks and disk diameters of an apical LV mask ``(H, W)``.

    Raises:
        MeasureError: malformed or empty mask, malformed spacing, or no mitral base on the contour.
    """
    contour = endocardial_contour(mask, spacing)
    landmarks = find_landmarks(contour)
    return ApicalView(contour, landmarks, disk_diameters(contour, landmarks), contour.area)
