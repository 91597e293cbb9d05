"""Wall thickness and LV mass where the myocardium was segmented.

Source: ASE/EACVI 2015 (Lang RM et al., J Am Soc Echocardiogr 2015;28:1-39), LV mass by the 2D area-length method, after Helak JW,
Reichek N, Circulation 1981;63:1398-407. Papillary muscles belong to the cavity.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from echoseg.cardiac.contour import Contour, Spacing, checked_mask, checked_spacing, endocardial_contour, largest_component
from echoseg.cardiac.landmarks import find_landmarks
from echoseg.cardiac.short_axis import MYOCARDIAL_DENSITY
from echoseg.cardiac.volume import lv_volume
from echoseg.errors import MeasureError
from echoseg.types import BoolMask

WallView = Literal["apical", "short-axis"]
MAX_BARE = 0.2
"""Share of the endocardial border without a wall above which the myocardium is not measured: its mean would be that of what is missing."""


def wall_thickness(
    cavity: ArrayLike, myocardium: ArrayLike, spacing: ArrayLike | None, view: Literal["apical", "short-axis"]
) -> NDArray[np.float64]:
    """Distance in mm from points of the endocardial border to the nearest of the epicardial, along the wall, ``(N,)``.

    In an apical view the mitral side is left out, where there is no wall. Mean, range or regions are the caller's choice.

    Args:
        cavity, myocardium: ``(H, W)``, bool or above zero inside.
        spacing: ``(row_mm, col_mm)``.
        view: ``"apical"`` or ``"short-axis"``.

    Raises:
        MeasureError: malformed or empty masks, unknown spacing, an unknown view, or no wall along more than a fifth of the border.
    """
    if view not in ("apical", "short-axis"):
        raise MeasureError(f"a wall is measured in an 'apical' or a 'short-axis' view; got {view!r}")
    inner, outer = _borders(cavity, myocardium, spacing)
    within, around = (_walled(border) if view == "apical" else border.points for border in (inner, outer))
    thickness = np.asarray(np.hypot(*(within[:, None] - around).transpose(2, 0, 1)).min(axis=1))
    bare = float(np.mean(thickness < min(inner.spacing or (0.0,)) / 2))
    if bare > MAX_BARE:
        raise MeasureError(f"the myocardium does not surround the cavity: there is no wall along {100 * bare:.0f} % of the border")
    return thickness


def lv_mass(cavity: ArrayLike, myocardium: ArrayLike, spacing: ArrayLike, length_mm: float) -> float:
    """LV mass in grams: ``1.05 * 5/6 * (A1 (L + t) - A2 L)``, ``t = sqrt(A1 / pi) - sqrt(A2 / pi)``.

    Args:
        cavity, myocardium: ``(H, W)`` at end-diastole in the parasternal short axis at the papillary muscles; ``A2`` is the cavity's area,
            ``A1`` that of both, ``t`` the mean thickness of the wall.
        spacing: ``(row_mm, col_mm)``.
        length_mm: ``L``, long axis of the cavity from an apical view at end-diastole.

    Raises:
        MeasureError: malformed or empty masks, unknown spacing, a length that is not positive, or a wall that does not surround the cavity.
    """
    if not (np.isfinite(length_mm) and length_mm > 0):
        raise MeasureError(f"LV mass needs the cavity's long axis in mm; got {length_mm}")
    wall_thickness(cavity, myocardium, spacing, "short-axis")  # refuses half a wall
    inner, outer = (border.area for border in _borders(cavity, myocardium, spacing))
    thickness = np.sqrt(outer / np.pi) - np.sqrt(inner / np.pi)
    return float(MYOCARDIAL_DENSITY * 5 / 6 * (outer * (length_mm + thickness) - inner * length_mm) / 1000)


def apical_mass(cavity: ArrayLike, myocardium: ArrayLike, spacing: ArrayLike | None, view: str) -> float:
    """LV mass in grams: 1.05 g/mL times the volume within the epicardium less that of the cavity, both by single-plane disks.

    The principle of every mass by volumes (ASE/EACVI 2015, LV mass); the guideline's 2D formulas want a short axis, :func:`lv_mass`,
    and its ranges are for those.

    Args:
        cavity, myocardium: ``(H, W)`` at end-diastole in an apical view.
        spacing: ``(row_mm, col_mm)``.
        view: ``"A4C"`` or ``"A2C"``.

    Raises:
        MeasureError: malformed or empty masks, unknown spacing or view, or a wall that does not surround the cavity.
    """
    pixel, inside, wall = _checked(cavity, myocardium, spacing)
    wall_thickness(inside, wall, pixel, "apical")  # refuses half a wall
    volumes = [lv_volume({view: (mask, pixel)}).ml for mask in (inside | wall, inside)]
    outer, inner = (volume for volume in volumes if volume is not None)
    if outer <= inner:
        raise MeasureError("the myocardium does not surround the cavity: no LV mass")
    return MYOCARDIAL_DENSITY * (outer - inner)


def _checked(cavity: ArrayLike, myocardium: ArrayLike, spacing: ArrayLike | None) -> tuple[Spacing, BoolMask, BoolMask]:
    pixel = checked_spacing(spacing)
    inside, wall = checked_mask(cavity), checked_mask(myocardium)
    if pixel is None or inside.shape != wall.shape:
        raise MeasureError("a wall needs the pixel spacing, and masks of cavity and myocardium of one size")
    if not wall.any():
        raise MeasureError("the myocardium's mask is empty")
    return pixel, inside, wall


def _borders(cavity: ArrayLike, myocardium: ArrayLike, spacing: ArrayLike | None) -> tuple[Contour, Contour]:
    """Endocardial and epicardial contour, mm."""
    pixel, inside, wall = _checked(cavity, myocardium, spacing)
    both = largest_component(inside | wall)
    if not both[largest_component(inside)].all():
        raise MeasureError("a gap lies between the myocardium and the cavity: there is no wall around it")
    return endocardial_contour(inside, pixel), endocardial_contour(both, pixel)


def _walled(border: Contour) -> NDArray[np.float64]:
    """The contour without its mitral side."""
    start, end = find_landmarks(border).basal
    count = len(border.points)
    return border.points[(end + np.arange((start - end) % count + 1)) % count]
