"""Volumes from a short-axis stack (cine MR, CT): slices times distance.

Source: Schulz-Menger J et al., "Standardized image interpretation and post-processing in cardiovascular magnetic resonance - 2020 update",
J Cardiovasc Magn Reson 2020;22:19. Nothing is extrapolated beyond the outermost contours. That papillary muscles belong to the cavity is
our choice, not that paper's rule, and which slice is the most basal is the business of who drew the masks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import ArrayLike

from echoseg.cardiac.contour import checked_mask, checked_spacing, largest_component
from echoseg.cardiac.ef import ejection_fraction
from echoseg.errors import MeasureError
from echoseg.types import BoolMask

MYOCARDIAL_DENSITY = 1.05
"""Grams per millilitre (ASE/EACVI 2015)."""


@dataclass(frozen=True)
class StackVolume:
    """A volume by slice summation.

    Attributes:
        ml: volume in mL.
        slices: indices of the slices that hold the structure.
        gaps: indices of empty slices between them, counted with the mean area of the nearest filled slice on either side.
        options: how it was computed; plain JSON values.
    """

    ml: float
    slices: tuple[int, ...]
    gaps: tuple[int, ...]
    options: Mapping[str, object]


def stack_volume(masks: ArrayLike, spacing: ArrayLike, slice_spacing: float, *, hollow: bool = False, convex: bool = False) -> StackVolume:
    """Sum of the slices' areas times the distance between slice centres.

    Args:
        masks: ``(Z, H, W)`` of one phase, in slice order, bool or above zero inside.
        spacing: ``(row_mm, col_mm)``.
        slice_spacing: mm between slice centres (thickness plus gap).
        hollow: keep holes and all pieces (myocardium); otherwise each slice's largest component with its holes filled (cavity).
        convex: fill that component up to its convex hull. For masks that follow the blood: notches that papillary muscles and trabeculae
            cut into them belong to the cavity. A convex outline, as readers draw it, stays as it is.

    Raises:
        MeasureError: malformed or empty masks, unknown or malformed spacing, or ``hollow`` and ``convex`` together.
    """
    stack = checked_mask(masks, "(Z, H, W)")
    pixel = checked_spacing(spacing)
    try:
        distance = float(slice_spacing)
    except (TypeError, ValueError):
        distance = np.nan
    if pixel is None or not (np.isfinite(distance) and distance > 0):
        raise MeasureError("a stack's volume needs the pixel spacing and a positive distance between slices in mm")
    if hollow and convex:
        raise MeasureError("a myocardium is hollow, and its hull would fill it: give hollow or convex, not both")
    slices = stack if hollow else [largest_component(mask) for mask in stack]
    areas = np.array([(convex_hull(mask) if convex else mask).sum() for mask in slices]) * pixel[0] * pixel[1]
    filled = np.flatnonzero(areas)
    if len(filled) == 0:
        raise MeasureError("the structure is in no slice of the stack")
    inside = np.arange(filled[0], filled[-1] + 1)
    gaps = np.setdiff1d(inside, filled)
    total = float(np.interp(inside, filled, areas[filled]).sum())
    options = {
        "sum": "slice area x slice distance",
        "slice_spacing_mm": distance,
        "papillary_muscles": "in the cavity",
        "outline": "convex hull" if convex else "as drawn",
    }
    return StackVolume(total * distance / 1000, tuple(filled.tolist()), tuple(gaps.tolist()), options)


def convex_hull(mask: BoolMask) -> BoolMask:
    """``(H, W)`` bool, the pixels whose centre lies in the convex hull of the mask's pixel centres.

    Pixels of a convex shape are their own hull: nothing is added where there is no notch.
    """
    if mask.sum() < 3:
        return mask.copy()
    ys, xs = np.nonzero(mask)
    outline = cv2.convexHull(np.stack([xs, ys], axis=1).astype(np.int32))[:, 0].astype(np.int64)
    following = np.roll(outline, -1, axis=0)
    rows, columns = slice(ys.min(), ys.max() + 1), slice(xs.min(), xs.max() + 1)
    y, x = np.mgrid[rows, columns]
    turns = [(x1 - x0) * (y - y0) - (y1 - y0) * (x - x0) for (x0, y0), (x1, y1) in zip(outline, following, strict=True)]
    filled = np.zeros(mask.shape, dtype=bool)
    filled[rows, columns] = np.all(np.stack(turns) >= 0, axis=0) | np.all(np.stack(turns) <= 0, axis=0)
    return filled


@dataclass(frozen=True)
class StackEjection:
    """``ef`` in percent; ``edv_ml``, ``esv_ml``, ``sv_ml`` in mL; the volumes they rest on."""

    ef: float
    edv_ml: float
    esv_ml: float
    sv_ml: float
    ed: StackVolume
    es: StackVolume


def stack_ef(masks_ed: ArrayLike, masks_es: ArrayLike, spacing: ArrayLike, slice_spacing: float, *, convex: bool = False) -> StackEjection:
    """Ejection fraction from the cavity's masks ``(Z, H, W)`` at two phases. Arguments and errors as :func:`stack_volume`."""
    ed, es = (stack_volume(masks, spacing, slice_spacing, convex=convex) for masks in (masks_ed, masks_es))
    return StackEjection(ejection_fraction(ed.ml, es.ml), ed.ml, es.ml, ed.ml - es.ml, ed, es)


def stack_mass(masks: ArrayLike, spacing: ArrayLike, slice_spacing: float) -> float:
    """Myocardial mass in grams: volume of the myocardium ``(Z, H, W)`` times 1.05 g/mL. Errors as :func:`stack_volume`."""
    return MYOCARDIAL_DENSITY * stack_volume(masks, spacing, slice_spacing, hollow=True).ml
