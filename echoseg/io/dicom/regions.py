"""What the regions of an ultrasound image are (PS3.3 C.8.5.5): a 2D picture of tissue, colour flow, or a trace whose one axis is time."""

from __future__ import annotations

from pydicom.dataset import Dataset

from echoseg.io.dicom.values import items, number, value
from echoseg.types import Flag, Severity

_PICTURE, _M_MODE, _SPECTRAL = 1, 2, 3  # Region Spatial Format, C.8.5.5.1.1
_TISSUE, _COLOUR, _PULSED, _CONTINUOUS = 1, 2, 3, 4  # Region Data Type, C.8.5.5.1.2
_SMALL_TRACE = 0.25  # a trace below this share of the pictures beside it is a strip at their edge
_OVERLAP = 0.25  # share of the smaller region; two that share more are one picture, and what is drawn on it
_SIMILAR = 0.25  # a region below this share of the largest is an inset, no sector of its own

Edges = tuple[int, int, int, int]


def region_flags(dataset: Dataset) -> tuple[Flag, ...]:
    """Flags on an ultrasound image in which no distance, or not all of it, lies in one plane of the body.

    The codes are ``m_mode``, ``spectral_doppler``, ``colour_doppler``, ``several_sectors`` and ``no_picture_region``. Regions of ECG, pulse
    or graphics (formats 4 and 5) say nothing. A region that does not say what it is says nothing either.

    Args:
        dataset: the header.
    """
    regions = items(dataset, "SequenceOfUltrasoundRegions")
    kinds = [(number(region, "RegionSpatialFormat"), number(region, "RegionDataType"), _edges(region)) for region in regions]
    pictures = [edges for form, data, edges in kinds if form == _PICTURE and data in (_TISSUE, _COLOUR)]
    m_mode = [edges for form, _, edges in kinds if form == _M_MODE]
    spectra = [edges for form, data, edges in kinds if form == _SPECTRAL or (form != _PICTURE and data in (_PULSED, _CONTINUOUS))]
    flags = []
    if m_mode:
        what = f"The file declares M-mode{_beside(pictures)}: one axis is time, so that no cavity, area or volume can be measured in it."
        flags.append(Flag("m_mode", f"{what} Give a 2D clip.", _severity(m_mode, pictures)))
    if spectra:
        what = f"The file declares spectral Doppler{_beside(pictures)}: its axes are time and velocity; nothing can be measured in it here."
        flags.append(Flag("spectral_doppler", f"{what} Give a 2D clip.", _severity(spectra, pictures)))
    if any(form == _PICTURE and data == _COLOUR for form, data, _ in kinds):
        what = "The file declares colour Doppler in the picture: colour hides the border of the cavity."
        flags.append(Flag("colour_doppler", f"{what} Give a clip of the same view without colour.", Severity.REJECT))
    sectors = _apart([edges for edges in pictures if edges is not None])
    if sectors > 1:
        what = f"The file declares {sectors} pictures side by side (dual, biplane or quad screen): the measures would be of any of them."
        flags.append(Flag("several_sectors", f"{what} Cut the clip to one of them.", Severity.REJECT))
    if kinds and not (pictures or m_mode or spectra) and not any(form == _PICTURE or form is None for form, _, _ in kinds):
        what = "The file's ultrasound regions are traces and graphics, none is a 2D picture: look whether there is tissue to measure."
        flags.append(Flag("no_picture_region", what))
    return tuple(flags)


def _beside(pictures: list[Edges | None]) -> str:
    return " beside a 2D picture" if pictures else ""


def _severity(traces: list[Edges | None], pictures: list[Edges | None]) -> Severity:
    """A trace as large as the picture is what the clip is about; a strip below it need not disturb."""
    if not pictures or None in traces or None in pictures:
        return Severity.REJECT
    small = max(map(_area, traces)) < _SMALL_TRACE * max(map(_area, pictures))
    return Severity.REVIEW if small else Severity.REJECT


def _edges(region: Dataset) -> Edges | None:
    edges = [value(region, f"RegionLocation{edge}") for edge in ("MinX0", "MinY0", "MaxX1", "MaxY1")]
    if not all(isinstance(edge, int) for edge in edges) or edges[0] >= edges[2] or edges[1] >= edges[3]:
        return None
    return (edges[0], edges[1], edges[2], edges[3])


def _apart(regions: list[Edges]) -> int:
    """The number of large regions no two of which show the same place of the screen."""
    largest = max(map(_area, regions), default=0)
    separate: list[Edges] = []
    for region in sorted(regions, key=_area, reverse=True):
        shared = [_shared(region, other) > _OVERLAP * _area(region) for other in separate]
        if _area(region) >= _SIMILAR * largest and not any(shared):
            separate.append(region)
    return len(separate)


def _area(region: Edges | None) -> int:
    return 0 if region is None else (region[2] - region[0]) * (region[3] - region[1])


def _shared(one: Edges, other: Edges) -> int:
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    return max(across, 0) * max(down, 0)
