"""Volumes by counting voxels."""

from __future__ import annotations

import numpy as np

from echoseg.types import BoolMask, Geometry

MM3_PER_ML = 1000.0


def voxel_ml(geometry: Geometry) -> float | None:
    """Millilitres of one voxel, or None when a spacing is unknown or differs from slice to slice.

    By the affine's determinant where there is one, which holds for sheared axes (tilted gantry), too.
    """
    if geometry.slice_shares is not None:
        return None
    if geometry.affine is not None:
        return float(abs(np.linalg.det(geometry.affine[:3, :3]))) / MM3_PER_ML
    if geometry.spacing is None or geometry.slice_spacing is None:
        return None
    return geometry.spacing[0] * geometry.spacing[1] * geometry.slice_spacing / MM3_PER_ML


def volume_ml(mask: BoolMask, geometry: Geometry) -> float | None:
    """Volume of a ``(T, H, W)`` mask in mL, or None when a spacing is unknown: never guessed.

    Slices of different distances count each with its share of the stack.

    >>> cube = np.ones((10, 10, 10), bool)
    >>> volume_ml(cube, Geometry(spacing=(1.0, 1.0), slice_spacing=2.0)), volume_ml(cube, Geometry())
    (2.0, None)
    """
    if geometry.slice_shares is not None and geometry.spacing is not None:
        areas = np.count_nonzero(mask, axis=(1, 2)) * (geometry.spacing[0] * geometry.spacing[1])
        return float(areas @ geometry.slice_shares) / MM3_PER_ML
    unit = voxel_ml(geometry)
    return None if unit is None else float(np.count_nonzero(mask)) * unit
