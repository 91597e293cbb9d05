"""Function of both ventricles from a short-axis cine MR: volumes of every phase, ED and ES, EF, mass.

Source: Schulz-Menger J et al., J Cardiovasc Magn Reson 2020;22:19, see :mod:`echoseg.cardiac.short_axis`: slices times distance, and
end-diastole and end-systole as the phases of the largest and the smallest cavity. Both ventricles are measured at the phases of the LV.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from echoseg.cardiac.contour import checked_spacing
from echoseg.cardiac.ef import ejection_fraction
from echoseg.cardiac.short_axis import MYOCARDIAL_DENSITY
from echoseg.errors import MeasureError


@dataclass(frozen=True)
class Ventricle:
    """A ventricle's cavity over the beat.

    Attributes:
        ef: ejection fraction in percent; needs no spacing.
        edv_ml, esv_ml: in mL, None when a distance is unknown.
        relative: ``(P,)`` volume of each phase over that at ED.
    """

    ef: float
    edv_ml: float | None
    esv_ml: float | None
    relative: NDArray[np.float64]

    @property
    def sv_ml(self) -> float | None:
        """Stroke volume in mL, None when a distance is unknown."""
        return None if self.edv_ml is None or self.esv_ml is None else self.edv_ml - self.esv_ml


@dataclass(frozen=True)
class CineFunction:
    """``ed`` and ``es`` phases; the LV, the RV where it is drawn at ED; the LV's ``mass_g`` at ED, None when a distance is unknown or no
    myocardium is drawn."""

    ed: int
    es: int
    lv: Ventricle
    rv: Ventricle | None
    mass_g: float | None


def cine_function(labels: ArrayLike, spacing: ArrayLike | None = None, slice_mm: float | None = None) -> CineFunction:
    """Function from label maps ``(P, Z, H, W)`` of the phases of one stack: 1 LV cavity, 2 its myocardium, 3 RV cavity.

    Args:
        labels: every phase, the slices of each in the same order. Which slice is the most basal is the business of who drew the masks.
        spacing: ``(row_mm, col_mm)``, or None: no mL, no grams.
        slice_mm: between slice centres (thickness plus gap), or None: likewise.

    Raises:
        MeasureError: malformed labels or spacing, or no LV in them.

    >>> beat = np.zeros((2, 1, 8, 8), np.uint8)
    >>> beat[0, 0, 2:6, 2:6] = beat[1, 0, 3:5, 3:5] = 1
    >>> cine_function(beat).lv.ef, cine_function(beat).lv.edv_ml, cine_function(beat, (1.0, 1.0), 10.0).lv.edv_ml
    (75.0, None, 0.16)
    """
    phases = np.asarray(labels)
    if phases.ndim != 4 or phases.dtype.kind not in "iu":
        raise MeasureError(f"a cine's label maps are whole numbers (P, Z, H, W); got {phases.dtype} of shape {phases.shape}")
    pixel = checked_spacing(spacing)
    if slice_mm is not None and not (np.isfinite(slice_mm) and slice_mm > 0):
        raise MeasureError(f"slices lie a positive distance apart, not {slice_mm} mm")
    voxel = None if pixel is None or slice_mm is None else float(pixel[0] * pixel[1] * slice_mm / 1000)
    lv, myocardium, rv = ((phases == value).sum(axis=(1, 2, 3)).astype(np.float64) for value in (1, 2, 3))
    if not lv.any():
        raise MeasureError("there is no LV in any phase of the cine")
    ed, es = int(lv.argmax()), int(lv.argmin())
    mass = None if voxel is None or not myocardium[ed] else MYOCARDIAL_DENSITY * voxel * float(myocardium[ed])
    return CineFunction(ed, es, _ventricle(lv, ed, es, voxel), _ventricle(rv, ed, es, voxel) if rv[ed] else None, mass)


def _ventricle(voxels: NDArray[np.float64], ed: int, es: int, voxel: float | None) -> Ventricle:
    at_ed, at_es = float(voxels[ed]), float(voxels[es])
    edv, esv = (None, None) if voxel is None else (at_ed * voxel, at_es * voxel)
    return Ventricle(ejection_fraction(at_ed, at_es), edv, esv, voxels / at_ed)
