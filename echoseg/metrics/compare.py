"""All measures of a predicted mask sequence against the true one.

=====================  =======================================================================================
``dice``, ``iou``      overlap, 0..1
``nsd_2mm``            part of the borders within the tolerance, 0..1
``hd95_mm``            95th percentile of the border distances
``assd_mm``            mean border distance
``consistency``        clips: mean Dice of neighbouring predicted frames
``consistency_truth``  the same of the true frames
=====================  =======================================================================================

Without spacing the unit is the pixel and stands in the name (``hd95_px``, ``nsd_2px``), so that millimetres and pixels never share a mean.
Frames on which both masks are empty do not count; where one mask is empty, overlap and NSD are 0 and distances the image's diagonal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from echoseg.errors import MeasureError
from echoseg.metrics.motion import temporal_consistency
from echoseg.metrics.overlap import dice, iou
from echoseg.metrics.surface import assd, hd95, nsd, surface_distances
from echoseg.types import BoolMask

TOLERANCE = 2.0
"""Tolerance of the NSD, in mm (pixels where the spacing is unknown): that of the CT and MR tasks MedSAM2 is scored on."""


def compare_volumes(
    predicted: BoolMask, truth: BoolMask, spacing: Sequence[float] | None, tolerance: float = TOLERANCE
) -> dict[str, float]:
    """Measures of one 3D object, or of one image.

    Args:
        predicted, truth: ``(D, H, W)`` or ``(H, W)``.
        spacing: mm along each axis, or None when unknown.
        tolerance: of the NSD, in mm; in pixels when the spacing is unknown.

    Raises:
        MeasureError: shapes differ.
    """
    _check_shapes(predicted, truth)
    unit = "px" if spacing is None else "mm"
    distances = surface_distances(predicted, truth, [1.0] * truth.ndim if spacing is None else spacing)
    return {
        "dice": dice(predicted, truth),
        "iou": iou(predicted, truth),
        f"nsd_{tolerance:g}{unit}": nsd(distances, tolerance),
        f"hd95_{unit}": hd95(distances),
        f"assd_{unit}": assd(distances),
    }


def compare_clips(
    predicted: BoolMask,
    truth: BoolMask,
    spacing: Sequence[float] | None,
    tolerance: float = TOLERANCE,
    known: NDArray[np.bool_] | None = None,
) -> dict[str, float]:
    """Measures of one object in a clip: means over the frames, and temporal consistency.

    Args:
        predicted, truth: ``(T, H, W)``.
        spacing: ``(row_mm, col_mm)`` or None when unknown.
        known: ``(T,)`` bool, frames that have truth; None for all.

    Raises:
        MeasureError: shapes differ.
    """
    _check_shapes(predicted, truth)
    frames = range(len(truth)) if known is None else np.flatnonzero(known)
    measures = mean_of([compare_volumes(predicted[i], truth[i], spacing, tolerance) for i in frames])
    if len(truth) < 2:
        return measures
    measures["consistency"] = temporal_consistency(predicted)
    if known is None or bool(known.all()):
        measures["consistency_truth"] = temporal_consistency(truth)
    return measures


def mean_of(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The mean of each measure over the rows that have a value; NaN where none has."""
    values = {name: [row[name] for row in rows if np.isfinite(row[name])] for name in (rows[0] if rows else ())}
    return {name: float(np.mean(found)) if found else float("nan") for name, found in values.items()}


def _check_shapes(predicted: BoolMask, truth: BoolMask) -> None:
    if predicted.shape != truth.shape:
        raise MeasureError(f"masks of shape {predicted.shape} cannot be compared with a reference of shape {truth.shape}")
