"""An object of a volume as it stands in measurements.json: voxels, volume, diameters."""

from __future__ import annotations

from typing import Any

import numpy as np

from echoseg.report.entries import number
from echoseg.types import Segmentation
from echoseg.volumetry import Axis, longest_diameters, volume_ml


def volume_entry(segmentation: Segmentation, object_id: int) -> dict[str, Any]:
    """Measures of one object as plain JSON values; None where a spacing is unknown or the object is empty.

    Returns:
        ``voxels``, ``volume_ml`` (voxels counted), ``diameter_slice``, ``long_axis_mm`` (the longest diameter in the plane of the slices,
        RECIST 1.1), ``short_axis_mm`` (the longest perpendicular to it on that slice), ``bidimensional_mm2`` (their product, WHO), and
        the ends of both axes in source pixels, ``long_axis_px`` and ``short_axis_px``.
    """
    shown = np.flatnonzero([(labels == object_id).any() for labels in segmentation.masks])
    mask = segmentation.masks[shown] == object_id  # the other slices would only cost memory
    volume = volume_ml(mask, segmentation.geometry)
    found = longest_diameters(mask, segmentation.geometry.spacing)
    return {
        "voxels": int(np.count_nonzero(mask)),
        "volume_ml": number(volume, 4),
        "diameter_slice": None if found is None else int(shown[found.slice]),
        "long_axis_mm": None if found is None else number(found.long.mm, 2),
        "short_axis_mm": None if found is None else number(found.short.mm, 2),
        "bidimensional_mm2": None if found is None else number(found.product_mm2, 1),
        "long_axis_px": None if found is None else _ends(found.long),
        "short_axis_px": None if found is None else _ends(found.short),
    }


def _ends(axis: Axis) -> list[list[float]]:
    return [[round(x, 2), round(y, 2)] for x, y in (axis.start, axis.end)]
