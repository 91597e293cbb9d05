"""Pixel spacing of DICOM images: the ultrasound region calibration (PS3.3 C.8.5.5) and PixelSpacing (C.7.6.2, 10.7).

Software that resizes an image leaves the tags behind, and tags are written in wrong units. So what is stated is held against the image,
against the visible scan sector, and against how deep ultrasound looks; where it does not fit, the spacing is unknown.
"""

from __future__ import annotations

import math

import numpy as np
from pydicom.dataset import Dataset

from echoseg.io.dicom.values import items, number, numbers, text, value
from echoseg.types import BoolMask, Flag

_CENTIMETRE = 3  # Physical Units X/Y Direction, C.8.5.5.1.15
_TWO_DIMENSIONAL = 1  # Region Spatial Format, C.8.5.5.1.1
_TISSUE = 1  # Region Data Type, C.8.5.5.1.2
_LARGEST_MM = 10.0  # no diagnostic ultrasound image has larger pixels
_AGREEMENT = 1e-3  # relative; writers round the same scale differently per region
_DEPTHS_CM = (2.0, 35.0)  # of tissue regions: from superficial parts to the deepest setting of abdominal probes
_PICTURE = 100  # rows of a region below which it is a detail of a picture, that may be shallow
_MOST_ANISOTROPIC = 4.0  # longer over shorter side of a pixel: a picture stretched more would not be read by anybody
_PIXEL_SPACING_AGREEMENT = 0.05  # relative, of the regions against PixelSpacing
_OUTSIDE = 0.05  # share of the visible sector's area outside of all regions that an ECG or a marker explains
_SMALL_SECTOR = 0.55  # share of the regions' width and of their height below both of which the sector is another picture's
_DETECTOR = ("CR", "DX", "MG", "XA", "RF", "IO", "PX")  # projections: the detector is behind the patient, PS3.3 10.7.1

Spacing = tuple[float, float]


def ultrasound_spacing(dataset: Dataset) -> tuple[Spacing | None, Flag | None]:
    """``(row_mm, col_mm)`` of a 2D ultrasound image, or None with the flag that says why not.

    Only 2D tissue regions calibrated in centimetres count: Doppler and M-mode regions have other axes, and colour
    flow regions repeat the tissue scale. PhysicalDeltaY is the distance between rows. A delta may be negative (the
    axis then points the other way); its size counts.

    A calibrated region that does not fit the image proves the scale wrong; so does a depth that no scanner shows, or a PixelSpacing of
    another size, which the ultrasound modules do not know but some software keeps up to date. An exclusive edge (max = Columns), which
    some makers write, is accepted.

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
    shallow = text(dataset, "Modality") == "IVUS"  # looks into a wall of millimetres
    found: list[Spacing] = []
    for region in regions:
        fault = _fault(region, rows, columns) or _implausible(region, shallow)
        if fault:
            return None, _inconsistent(fault)
        found.append((abs(float(region.PhysicalDeltaY)) * 10.0, abs(float(region.PhysicalDeltaX)) * 10.0))
    first = found[0]
    for other in found[1:]:
        if not _same(first, other):
            return None, _inconsistent(f"the file's {len(found)} tissue regions state different scales")
    besides = numbers(dataset, "PixelSpacing")
    if len(besides) == 2 and min(besides) > 0 and not _same(first, (besides[0], besides[1]), _PIXEL_SPACING_AGREEMENT):
        both = f"{first[0]:.4g} x {first[1]:.4g} mm by its regions, {besides[0]:.4g} x {besides[1]:.4g} mm by PixelSpacing"
        return None, _inconsistent(f"the file states pixels of {both}")
    return first, None


def sector_fault(dataset: Dataset, sector: BoolMask) -> Flag | None:
    """A flag when the visible scan sector does not lie where the file's regions are: the picture was resized, and the scale is not its own.

    Regions of every type count, as a sector may reach into that of a trace.

    Args:
        dataset: the header, with regions.
        sector: ``(H, W)`` of the pixels, see :mod:`echoseg.io.sector`.
    """
    edges = [_edges(region) for region in items(dataset, "SequenceOfUltrasoundRegions")]
    boxes = [box for box in edges if box is not None]
    if not boxes or not sector.any():
        return None
    inside = np.zeros_like(sector)
    for x0, y0, x1, y1 in boxes:
        inside[max(y0, 0) : y1 + 1, max(x0, 0) : x1 + 1] = True
    (top, bottom), (left, right) = ((int(at.min()), int(at.max())) for at in np.nonzero(sector))
    x0, y0, x1, y1 = (pick(box[side] for box in boxes) for side, pick in enumerate((min, min, max, max)))
    small = (right - left) < _SMALL_SECTOR * (x1 - x0) and (bottom - top) < _SMALL_SECTOR * (y1 - y0)
    if not small and (sector & ~inside).sum() <= _OUTSIDE * sector.sum():
        return None
    seen, said = f"x {left} to {right}, y {top} to {bottom}", f"x {x0} to {x1}, y {y0} to {y1}"
    return _inconsistent(f"the scan sector is seen at {seen}, but the file's regions span {said}: the picture was resized or cropped")


def pixel_spacing(dataset: Dataset) -> tuple[Spacing | None, Flag | None]:
    """``(row_mm, col_mm)`` of other images from PixelSpacing, also in the shared functional groups; else None and a flag.

    In projections (PS3.3 10.7.1) ImagerPixelSpacing is that of the detector, behind the patient, and so is a PixelSpacing of the same
    size unless PixelSpacingCalibrationType says that it was calibrated. It becomes that of the patient's plane by the
    EstimatedRadiographicMagnificationFactor, or the two distances that give it, and is flagged ``spacing_estimated``; without these the
    spacing is unknown.
    """
    stated = _stated(dataset, "PixelSpacing")
    detector = _stated(dataset, "ImagerPixelSpacing")
    projection = text(dataset, "Modality") in _DETECTOR or (detector is not None and stated is None)
    calibrated = text(dataset, "PixelSpacingCalibrationType") in ("GEOMETRY", "FIDUCIAL")
    if stated is not None and (not projection or calibrated or (detector is not None and not _same(stated, detector))):
        return stated, None
    at_detector = detector or stated
    if at_detector is None:
        return None, _missing("the file states no pixel spacing")
    factor = _magnification(dataset)
    if factor is None:
        return None, _missing("it is stated for the detector, not for the patient in front of it, and no magnification is stated")
    told = f"The pixel spacing is that of the detector over the stated magnification, {factor:.3g}: true of one plane in the patient."
    return (at_detector[0] / factor, at_detector[1] / factor), Flag("spacing_estimated", told)


def _stated(dataset: Dataset, keyword: str) -> Spacing | None:
    for holder in (dataset, *_shared_measures(dataset)):
        values = numbers(holder, keyword)
        if len(values) == 2 and min(values) > 0:
            return values[0], values[1]
    return None


def _same(first: Spacing, second: Spacing, tolerance: float = _AGREEMENT) -> bool:
    return all(math.isclose(a, b, rel_tol=tolerance) for a, b in zip(first, second, strict=True))


def _magnification(dataset: Dataset) -> float | None:
    """Of the patient's plane on the detector, at least 1; None where it is not stated or its two statements differ."""
    factor = number(dataset, "EstimatedRadiographicMagnificationFactor")
    source, patient = number(dataset, "DistanceSourceToDetector"), number(dataset, "DistanceSourceToPatient")
    by_distance = source / patient if source and patient and source >= patient > 0 else None
    factor = factor if factor is not None and factor >= 1 else None
    if factor is not None and by_distance is not None and not math.isclose(factor, by_distance, rel_tol=_PIXEL_SPACING_AGREEMENT):
        return None
    return factor or by_distance


def _is_tissue(region: Dataset) -> bool:
    return (
        value(region, "RegionSpatialFormat") == _TWO_DIMENSIONAL
        and value(region, "RegionDataType") == _TISSUE
        and value(region, "PhysicalUnitsXDirection") == _CENTIMETRE
        and value(region, "PhysicalUnitsYDirection") == _CENTIMETRE
    )


def _fault(region: Dataset, rows: int, columns: int) -> str | None:
    """Why a calibrated region cannot be true of an image of this size, or None."""
    edges = _edges(region)
    if edges is None:
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


def _edges(region: Dataset) -> tuple[int, int, int, int] | None:
    edges = [value(region, f"RegionLocation{edge}") for edge in ("MinX0", "MinY0", "MaxX1", "MaxY1")]
    return tuple(edges) if all(isinstance(edge, int) for edge in edges) else None


def _implausible(region: Dataset, shallow: bool) -> str | None:
    """Why the scale of a region that fits the image cannot be true, or None."""
    _, y0, _, y1 = _edges(region) or (0, 0, 0, 0)
    row, column = (abs(float(region[keyword].value)) for keyword in ("PhysicalDeltaY", "PhysicalDeltaX"))
    if max(row, column) > _MOST_ANISOTROPIC * min(row, column):
        return f"the calibrated region states pixels of {10 * row:.3g} x {10 * column:.3g} mm, which no scanner draws"
    depth, rows = row * (y1 - y0), y1 - y0
    if depth > _DEPTHS_CM[1] or (depth < _DEPTHS_CM[0] and rows >= _PICTURE and not shallow):
        return f"the calibrated region would show {depth:.3g} cm of depth, ultrasound shows {_DEPTHS_CM[0]:g} to {_DEPTHS_CM[1]:g}"
    return None


def _shared_measures(dataset: Dataset) -> list[Dataset]:
    groups = items(dataset, "SharedFunctionalGroupsSequence")
    return [measures for group in groups for measures in items(group, "PixelMeasuresSequence")]


def _missing(reason: str) -> Flag:
    return Flag("spacing_missing", f"Pixel spacing is unknown ({reason}): lengths, areas and volumes are relative.")


def _inconsistent(reason: str) -> Flag:
    return Flag("spacing_inconsistent", f"The stated pixel spacing is not used ({reason}): lengths, areas and volumes are relative.")
