"""Distances between the borders of two masks, through SimpleITK.

The border of a mask are its pixels that have a face in common with the background or with the image's edge; distances run from centre to
centre of border pixels, in millimetres when the spacing is. These are the definitions of Metrics Reloaded (Maier-Hein et al., Nat Methods
2024) for HD95, ASSD and NSD.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from echoseg.types import BoolMask


@dataclass(frozen=True)
class SurfaceDistances:
    """How far each border pixel of one mask is from the border of the other.

    Attributes:
        to_truth: ``(n,)`` float64, one for each border pixel of the prediction.
        to_predicted: ``(m,)`` float64, one for each border pixel of the truth.
        worst: the length of the image's diagonal, which stands for the distance to a border that does not exist.
    """

    to_truth: NDArray[np.float64]
    to_predicted: NDArray[np.float64]
    worst: float


def surface_distances(predicted: BoolMask, truth: BoolMask, spacing: Sequence[float]) -> SurfaceDistances:
    """Distances between two borders.

    Where one mask is empty, all distances are the image's diagonal; where both are, there are none, and every measure is NaN.

    Args:
        predicted, truth: of one shape, ``(H, W)`` or ``(D, H, W)``.
        spacing: distance between pixel centres along each axis, any unit.
    """
    worst = float(np.linalg.norm(np.asarray(spacing) * predicted.shape))
    if not predicted.any() or not truth.any():
        a, b = (np.full(np.count_nonzero(_border(mask, spacing)), worst) for mask in (predicted, truth))
        return SurfaceDistances(a, b, worst)
    around = _box_of(predicted | truth)
    ours, theirs = _border(predicted[around], spacing), _border(truth[around], spacing)
    return SurfaceDistances(_distance_to(theirs, spacing)[ours], _distance_to(ours, spacing)[theirs], worst)


def hd95(distances: SurfaceDistances) -> float:
    """The larger of the two directed 95th percentiles, in the unit of the spacing; 0 is best."""
    directed = (distances.to_truth, distances.to_predicted)
    return max((float(np.percentile(d, 95)) for d in directed if len(d)), default=float("nan"))


def assd(distances: SurfaceDistances) -> float:
    """Average symmetric surface distance: the mean over the border pixels of both masks, in the unit of the spacing; 0 is best."""
    both = np.concatenate([distances.to_truth, distances.to_predicted])
    return float(both.mean()) if len(both) else float("nan")


def nsd(distances: SurfaceDistances, tolerance: float) -> float:
    """Normalised surface distance: the part of both borders that lies within ``tolerance`` of the other, 0..1 (Nikolov et al. 2021)."""
    both = np.concatenate([distances.to_truth, distances.to_predicted])
    # An image's diagonal may be shorter than the tolerance; a border without its other half is never within it.
    within = (both <= tolerance) & (both < distances.worst)
    return float(within.mean()) if len(both) else float("nan")


def _border(mask: BoolMask, spacing: Sequence[float]) -> BoolMask:
    contour = sitk.LabelContour(_image(np.pad(mask, 1), spacing), fullyConnected=False, backgroundValue=0)
    inside = tuple(slice(1, -1) for _ in mask.shape)
    return np.asarray(sitk.GetArrayFromImage(contour)[inside] > 0)


def _distance_to(border: BoolMask, spacing: Sequence[float]) -> NDArray[np.float64]:
    """Distance of every pixel to the nearest one of ``border``."""
    distance = sitk.SignedMaurerDistanceMap(_image(border, spacing), insideIsPositive=False, squaredDistance=False, useImageSpacing=True)
    return np.maximum(sitk.GetArrayFromImage(distance).astype(np.float64), 0)


def _image(mask: BoolMask, spacing: Sequence[float]) -> sitk.Image:
    image = sitk.GetImageFromArray(mask.astype(np.uint8))
    image.SetSpacing([float(s) for s in reversed(spacing)])
    return image


def _box_of(mask: BoolMask) -> tuple[slice, ...]:
    return tuple(slice(int(axis.min()), int(axis.max()) + 1) for axis in np.nonzero(mask))
