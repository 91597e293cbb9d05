"""A chamber's shape, and how it changes from end-diastole to end-systole: ratios that stand beside its volume."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from echoseg.cardiac.contour import checked_mask, largest_component
from echoseg.cardiac.view import ApicalView
from echoseg.errors import MeasureError


def fractional_area_change(mask_ed: ArrayLike, mask_es: ArrayLike) -> float:
    """``100 * (EDA - ESA) / EDA`` in percent; both phases have the same pixels, so spacing does not matter.

    For the right ventricle in the RV-focused apical view, trabeculae and moderator band in the cavity; grades: ASE 2025, see
    :func:`echoseg.cardiac.guideline`.

    Args:
        mask_ed, mask_es: ``(H, W)``, bool or above zero inside.

    Raises:
        MeasureError: malformed masks, different shapes, or an empty mask.
    """
    masks = [checked_mask(mask) for mask in (mask_ed, mask_es)]
    if masks[0].shape != masks[1].shape:
        raise MeasureError(f"both phases must have the same size; got {masks[0].shape} and {masks[1].shape}")
    if not all(mask.any() for mask in masks):
        raise MeasureError("a phase has an empty mask")
    end_diastolic, end_systolic = (float(largest_component(mask).sum()) for mask in masks)
    return 100.0 * (end_diastolic - end_systolic) / end_diastolic


def border_length(view: ApicalView) -> float:
    """Length of the endocardial border from hinge point over the apex to the other hinge point, in the contour's units."""
    points, (start, end) = view.contour.points, view.landmarks.basal
    count = len(points)
    border = points[(end + np.arange((start - end) % count + 1)) % count]
    return float(np.hypot(*np.diff(border, axis=0).T).sum())


def contour_strain(ed: ApicalView, es: ApicalView) -> float:
    """``100 * (L_ES - L_ED) / L_ED`` in percent, negative when the border shortens (definition of GLS in ASE/EACVI 2015).

    Not speckle tracking: a border slides and is drawn anew in each frame, so these values must never be graded against speckle-tracking
    ranges.

    Raises:
        MeasureError: the spacing of the two phases differs.
    """
    if ed.contour.spacing != es.contour.spacing:
        raise MeasureError("both phases must have the same spacing")
    end_diastolic = border_length(ed)
    return 100.0 * (border_length(es) - end_diastolic) / end_diastolic


def sphericity_index(volume_ml: float, length_mm: float) -> float:
    """Volume over that of a sphere as wide as the long axis: ``V / (pi/6 L³)``; 1 for a sphere.

    Source: Mannaerts HF et al., Eur Heart J 2004;25:680-7 (three-dimensional sphericity index).

    Raises:
        MeasureError: a volume or length that is not positive.
    """
    if not (volume_ml > 0 and length_mm > 0):
        raise MeasureError(f"sphericity needs a positive volume and length; got {volume_ml} mL and {length_mm} mm")
    return 1000 * volume_ml / (np.pi / 6 * length_mm**3)


def length_to_width(view: ApicalView) -> float:
    """Long axis over the cavity's width at its middle, unitless; 1 for a circle, larger for a slender ventricle."""
    middle = len(view.diameters) // 2
    return view.length / float(view.diameters[middle - 1 : middle + 1].mean())
