"""What the frames of a multi-frame image differ in, as the file says: FrameIncrementPointer and its vectors (PS3.3 C.7.6.6.1.1).

In nuclear medicine a frame may be a slice, a moment of a gated or dynamic study, or a view from one angle, detector or energy window
(C.8.4.8.1.1): which of these, the vectors tell that the pointer names, not the modality.
"""

from __future__ import annotations

from collections.abc import Iterable

from pydicom.dataset import Dataset

from echoseg.errors import UnsupportedSourceError
from echoseg.io.dicom.values import items, number, numbers, text, value
from echoseg.types import Flag

_PLACES = {0x00540080: "SliceVector"}
_MOMENTS = {
    0x00540070: "TimeSlotVector",
    0x00540100: "TimeSliceVector",
    0x00540060: "RRIntervalVector",
    0x00540030: "PhaseVector",
    0x00181063: "FrameTime",
    0x00181065: "FrameTimeVector",
}
_VIEWS = {
    0x00540010: ("EnergyWindowVector", "energy windows"),
    0x00540020: ("DetectorVector", "detectors"),
    0x00540050: ("RotationVector", "rotations"),
    0x00540090: ("AngularViewVector", "angles"),
}
_MOMENT_VECTORS = ("RRIntervalVector", "PhaseVector", "TimeSlotVector", "TimeSliceVector")
_IN_MOSAIC = ((0x0019, 0x100A), (0x0065, 0x1050))  # NumberOfImagesInMosaic of Siemens, and of United Imaging


def pointed(header: Dataset) -> set[int]:
    """The attributes that FrameIncrementPointer names, as numbers."""
    found = value(header, "FrameIncrementPointer")
    if found is None:
        return set()
    return {int(tag) for tag in (found if isinstance(found, Iterable) and not isinstance(found, str) else [found])}


def are_slices(header: Dataset) -> bool | None:
    """Whether frames are places; False for moments and views, None where the file does not say."""
    tags = pointed(header)
    if tags & set(_PLACES):
        return True
    return False if tags & {*_MOMENTS, *_VIEWS} else None


def frame_places(header: Dataset, count: int) -> list[float]:
    """The slice number of each frame (SliceVector); empty where the file does not state it."""
    found = numbers(header, "SliceVector") if pointed(header) & set(_PLACES) else []
    return found if len(found) == count else []


def frame_moments(header: Dataset, count: int) -> list[float]:
    """A number for each frame that orders moments: R-R interval, phase, time slot or time slice; empty where the file states none."""
    tags = pointed(header)
    wanted = [keyword for tag, keyword in _MOMENTS.items() if tag in tags and keyword in _MOMENT_VECTORS]
    vectors = [numbers(header, keyword) for keyword in _MOMENT_VECTORS if keyword in wanted]
    vectors = [vector for vector in vectors if len(vector) == count]
    return [sum(part * 10_000.0**place for place, part in enumerate(reversed(one))) for one in zip(*vectors, strict=True)]


def views_flag(header: Dataset) -> Flag | None:
    """A flag where frames differ in angle, detector or energy window, so that they are no sequence in time alone."""
    tags = pointed(header)
    differ = [words for tag, (keyword, words) in _VIEWS.items() if tag in tags and len(set(numbers(header, keyword))) > 1]
    if not differ:
        return None
    message = f"The frames were taken with different {', '.join(differ)}: they are views side by side, neither slices nor one clip in time."
    return Flag("frames_are_views", message)


def gated_interval(header: Dataset) -> tuple[float | None, float | None]:
    """Milliseconds of a time slot, and heart rate, of a gated study (PS3.3 C.8.4.11); None where not stated."""
    for gated in items(header, "GatedInformationSequence"):
        for data in items(gated, "DataInformationSequence"):
            interval = number(data, "FrameTime")
            beat = number(data, "NominalInterval") or number(data, "LowRRValue")
            return interval, None if not beat else 60_000.0 / beat
    return None, None


def check_no_mosaic(header: Dataset, where: object) -> None:
    """Raises UnsupportedSourceError for a picture in which all slices of a volume lie side by side."""
    kinds = value(header, "ImageType")
    stated = (
        {str(word).upper() for word in kinds} if isinstance(kinds, Iterable) and not isinstance(kinds, str) else {text(header, "ImageType")}
    )
    tiles = next((int(found.value) for tag in _IN_MOSAIC if (found := header.get(tag)) is not None and str(found.value).isdecimal()), 0)
    if "MOSAIC" in stated or tiles > 1:
        held = f"its {tiles} slices" if tiles > 1 else "all slices of a volume"
        raise UnsupportedSourceError(
            f"{where}: a mosaic, {held} side by side in one picture; take it apart first, for example with dcm2niix"
        )
