"""Fractional area change of a chamber, such as the right ventricle in the RV-focused apical view."""

from __future__ import annotations

from numpy.typing import ArrayLike

from echoseg.cardiac.contour import checked_mask, largest_component
from echoseg.errors import MeasureError


def fractional_area_change(mask_ed: ArrayLike, mask_es: ArrayLike) -> float:
    """``100 * (EDA - ESA) / EDA`` in percent; both phases have the same pixels, so spacing does not matter.

    For the right ventricle, trabeculae and moderator band in the cavity: normal >= 35 % (ASE/EACVI 2015).

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
