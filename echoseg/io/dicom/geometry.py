"""Pixel spacing of DICOM images: the ultrasound region calibration (PS3.3 C.8.5.5) and PixelSpacing (C.7.6.2, 10.7)."""

from __future__ import annotations

import math

from pydicom.dataset import Dataset

from echoseg.io.dicom.values import items, number, numbers, value
from echoseg.types import Flag

_CENTIMETRE = 3  # Physical Units X/Y Direction, C.8.5.5.1.15
_TWO_DIMENSIONAL = 1  # Region Spatial Format, C.8.5.5.1.1
_TISSUE = 1  # Region Data Type, C.8.5.5.1.2
_LARGEST_MM = 10.0  # no diagnostic ultrasound image has larger pixels
_AGREEMENT = 1e-3  # relative; writers round the same scale differently per region

Spacing = tuple[float, float]


def ultrasound_spacing(dataset: Dataset) -> tuple[Spacing | None, Flag | None]:
    """``(row_mm, col_mm)`` of a 2D ultrasound image, or None with the flag that says why not.

    Only 2D tissue regions calibrated in centimetres count: Doppler and M-mode regions have other axes, and colour
    flow regions repeat the tissue scale. PhysicalDeltaY is the distance between rows. A delta may be negative (the
    axis then points the other way); its size counts.

    The tags survive when software resizes the image, so a calibrated region that does not fit the image proves the
    scale wrong. An exclusive edge (max = Columns), which some makers write, is accepted.

    Args:
        dataset: the header, with Rows and Columns.

    Returns:
        ``(spacing, None)`` or ``(None, flag)`` with the code ``spacing_missing`` (nothing usable is stated) or
        ``spacing_inconsistent`` (what is stated cannot be true).
    """
    regions = [r for r in items(dataset, "SequenceOfUltrasoundRegions") if _is_tissue(r)]
    if not regions:
        return None, _missing("the file holds no 2D tissue region calibrated in centimetres")
    rows, columns = int(dataset.Rows), int(dataset.Columns)
    found: list[Spacing] = []
    for region in regions:
        fault = _fault(region, rows, columns)
        if fault:
            return None, _inconsistent(fault)
        found.append((abs(float(region.PhysicalDeltaY)) * 10.0, abs(float(region.PhysicalDeltaX)) * 10.0))
    first = found[0]
    for other in found[1:]:
        if any(not math.isclose(a, b, rel_tol=_AGREEMENT) for a, b in zip(first, other, strict=True)):
            return None, _inconsistent(f"the file's {len(found)} tissue regions state different scales")
    return first, None


def pixel_spacing(dataset: Dataset) -> tuple[Spacing | None, Flag | None]:
    """``(row_mm, col_mm)`` from PixelSpacing (also in the shared functional groups), else ImagerPixelSpacing; else None and a flag."""
    for holder in (dataset, *_shared_measures(dataset)):
        for keyword in ("PixelSpacing", "ImagerPixelSpacing"):
            values = numbers(holder, keyword)
            if len(values) == 2 and min(values) > 0:
                return (values[0], values[1]), None
    return None, _missing("the file states no pixel spacing")


def _is_tissue(region: Dataset) -> bool:
    return (
        value(region, "RegionSpatialFormat") == _TWO_DIMENSIONAL
        and value(region, "RegionDataType") == _TISSUE
        and value(region, "PhysicalUnitsXDirection") == _CENTIMETRE
        and value(region, "PhysicalUnitsYDirection") == _CENTIMETRE
    )


def _fault(region: Dataset, rows: int, columns: int) -> str | None:
    """Why a calibrated region cannot be true of an image of this size, or None."""
    edges = [value(region, f"RegionLocation{edge}") for edge in ("MinX0", "MinY0", "MaxX1", "MaxY1")]
    if not all(isinstance(edge, int) for edge in edges):
        return "the calibrated region does not say where in the image it lies"
    x0, y0, x1, y1 = edges
    if not (0 <= x0 < x1 <= columns and 0 <= y0 < y1 <= rows):
        span = f"x {x0} to {x1}, y {y0} to {y1}"
        return f"the calibrated region spans {span}, but the image has {columns} x {rows} pixels: it was probably resized"
    for keyword in ("PhysicalDeltaX", "PhysicalDeltaY"):
        delta = number(region, keyword)
        if delta is None or not 0 < abs(delta) * 10.0 <= _LARGEST_MM:
            return f"the calibrated region's {keyword} is not a pixel size"
    return None


def _shared_measures(dataset: Dataset) -> list[Dataset]:
    groups = items(dataset, "SharedFunctionalGroupsSequence")
    return [measures for group in groups for measures in items(group, "PixelMeasuresSequence")]


def _missing(reason: str) -> Flag:
    return Flag("spacing_missing", f"Pixel spacing is unknown ({reason}): lengths, areas and volumes are relative.")


def _inconsistent(reason: str) -> Flag:
    return Flag("spacing_inconsistent", f"The stated pixel spacing is not used ({reason}): lengths, areas and volumes are relative.")
