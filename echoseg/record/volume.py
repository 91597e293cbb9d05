"""An object of a volume as it stands in measurements.json: voxels, volume, diameters."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from echoseg.record.entries import number
from echoseg.record.measures import OBJECT_MEASURES
from echoseg.types import Geometry, Segmentation
from echoseg.volumetry import Axis, longest_diameters, volume_ml


def volume_entry(segmentation: Segmentation, object_id: int) -> dict[str, Any]:
    """Measures of one object, see :class:`echoseg.record.documents.ObjectEntry`; None where a spacing is unknown or the object is empty."""
    shown = np.flatnonzero([(labels == object_id).any() for labels in segmentation.masks])
    mask = segmentation.masks[shown] == object_id  # the other slices would only cost memory
    found = longest_diameters(mask, segmentation.geometry.spacing)
    volume, long, short = (OBJECT_MEASURES[key] for key in ("volume", "long_axis", "short_axis"))
    return {
        "voxels": int(np.count_nonzero(mask)),
        volume.column: number(volume_ml(mask, _shown(segmentation.geometry, shown)), volume.decimals),
        "diameter_slice": None if found is None else int(shown[found.slice]),
        long.column: None if found is None else number(found.long.mm, long.decimals),
        short.column: None if found is None else number(found.short.mm, short.decimals),
        "bidimensional_mm2": None if found is None else number(found.product_mm2, 1),
        "long_axis_px": None if found is None else _ends(found.long),
        "short_axis_px": None if found is None else _ends(found.short),
    }


def _shown(geometry: Geometry, shown: NDArray[np.intp]) -> Geometry:
    shares = geometry.slice_shares
    return geometry if shares is None else replace(geometry, slice_shares=shares[shown])


def _ends(axis: Axis) -> list[list[float]]:
    return [[round(x, 2), round(y, 2)] for x, y in (axis.start, axis.end)]
