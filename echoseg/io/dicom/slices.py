"""Every image of DICOM files, single-frame or multi-frame alike, as one record: where it lies, when it was taken, how to decode it.

Single-frame objects state this in the Image Plane module (PS3.3 C.7.6.2), enhanced multi-frame objects in functional groups
(C.7.6.16), enhanced ultrasound volumes in groups of their own (C.8.24.3), relative to the transducer and not to the patient.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from echoseg.errors import SourceError
from echoseg.io.dicom.frames import FrameTable, decode_frame, open_frames
from echoseg.io.dicom.increments import check_no_mosaic, frame_moments, frame_places
from echoseg.io.dicom.values import items, number, numbers, quiet_reading, text

Triple = tuple[float, float, float]

MOMENTS: tuple[tuple[str, str, float | None], ...] = (
    ("TriggerTime", "time", 1e-3),
    ("NominalCardiacTriggerDelayTime", "time", 1e-3),
    ("TemporalPositionTimeOffset", "time", 1.0),
    ("TemporalPositionIdentifier", "time", None),
    ("TemporalPositionIndex", "time", None),
    ("EchoTime", "echo time", None),
    ("EffectiveEchoTime", "echo time", None),
    ("DiffusionBValue", "b-value", None),
    ("AcquisitionNumber", "acquisition", None),
    ("ContentTime", "content time", None),
    ("InstanceNumber", "instance number", None),
)
"""What tells images at one place apart: the attribute, in words, and seconds a unit where it is a time from the same event."""

# Functional group macros that hold what is read here, by the attribute that they hold.
_GROUPS = {
    "ImagePositionPatient": "PlanePositionSequence",
    "ImagePositionVolume": "PlanePositionVolumeSequence",
    "ImageOrientationPatient": "PlaneOrientationSequence",
    "ImageOrientationVolume": "PlaneOrientationVolumeSequence",
    "PixelSpacing": "PixelMeasuresSequence",
    "SpacingBetweenSlices": "PixelMeasuresSequence",
    "SliceThickness": "PixelMeasuresSequence",
    "RescaleSlope": "PixelValueTransformationSequence",
    "RescaleIntercept": "PixelValueTransformationSequence",
    "NominalCardiacTriggerDelayTime": "CardiacSynchronizationSequence",
    "TemporalPositionTimeOffset": "TemporalPositionSequence",
    "TemporalPositionIndex": "FrameContentSequence",
    "EffectiveEchoTime": "MREchoSequence",
    "DiffusionBValue": "MRDiffusionSequence",
}


@dataclass(frozen=True)
class DicomSlice:
    """One image.

    Attributes:
        table: of its file, see :func:`echoseg.io.dicom.frames.read_header`.
        frame: which of the frames of that file, from 0.
        uid: SOP Instance UID; empty when unknown.
        position: of the middle of the first pixel, in mm; None when not stated.
        orientation: direction of a row, then of a column; None when not stated.
        in_patient: position and orientation refer to the patient, LPS.
        spacing: ``(row_mm, col_mm)``, or None.
        between: distance of slices in mm as stated (SpacingBetweenSlices), or None. ``thickness``: of one (SliceThickness).
        location: as stated (SliceLocation), a number that orders; or None.
        rescale: slope and intercept; None where they are not stated.
        moments: the values of :data:`MOMENTS` that the file states.
        heart_rate: beats per minute, or None.
        placed: whether the position is in mm; else it is a number that orders.
        skewed: an orientation is stated, but its directions are not of unit length or not perpendicular (PS3.3 C.7.6.2.1.1).
    """

    table: FrameTable = field(repr=False)
    frame: int
    uid: str
    position: Triple | None
    orientation: tuple[float, ...] | None
    in_patient: bool
    spacing: tuple[float, float] | None
    between: float | None
    thickness: float | None
    location: float | None
    rescale: tuple[float, float] | None
    moments: dict[str, float]
    heart_rate: float | None
    placed: bool = True
    skewed: bool = False


@quiet_reading()
def dicom_slices(header: Dataset, table: FrameTable) -> list[DicomSlice]:
    """The images of one file, in its order."""
    per_frame = items(header, "PerFrameFunctionalGroupsSequence")
    shared = items(header, "SharedFunctionalGroupsSequence")[:1]
    if len(per_frame) != table.count:
        per_frame = [Dataset()] * table.count
    check_no_mosaic(header, table.path)
    slices = [_slice(header, table, index, [group, *shared]) for index, group in enumerate(per_frame)]
    return _nuclear(header, slices)


def _nuclear(header: Dataset, slices: list[DicomSlice]) -> list[DicomSlice]:
    """``slices`` with the places and moments that the vectors of nuclear medicine state (PS3.3 C.8.4.8).

    The first frame lies at the position of its detector; SpacingBetweenSlices, which may be negative there, leads to the next.
    """
    places, moments = frame_places(header, len(slices)), frame_moments(header, len(slices))
    if moments:
        slices = [replace(one, moments={"TemporalPositionIndex": at}) for one, at in zip(slices, moments, strict=True)]
    if not places or any(one.position is not None for one in slices):
        return slices
    detectors = items(header, "DetectorInformationSequence")
    origin = numbers(detectors[0], "ImagePositionPatient") if detectors else []
    orientation = numbers(detectors[0], "ImageOrientationPatient") if detectors else []
    step = number(header, "SpacingBetweenSlices")
    known = len(origin) == 3 and len(orientation) == 6 and _perpendicular(orientation) and bool(step)
    directions = _unit(orientation) if known else (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
    normal = np.cross(directions[:3], directions[3:])
    first = np.array(origin if known else (0.0, 0.0, 0.0))
    along = [first + normal * (place - min(places)) * (step if known and step else 1.0) for place in places]
    return [
        replace(one, position=(float(at[0]), float(at[1]), float(at[2])), orientation=directions, in_patient=known, placed=known)
        for one, at in zip(slices, along, strict=True)
    ]


def _cells(one: DicomSlice) -> tuple[int, bool]:
    """Bits of a stored value, and whether it has a sign."""
    return int(one.table.options["bits_allocated"]), bool(one.table.options.get("pixel_representation"))


class DicomPlanes:
    """The images of a stack as :class:`echoseg.io.volume.voxels.Planes`: each decoded when it is asked for, none kept.

    Raises:
        SourceError: an image of another size, or in colour; and when one is read, if it is damaged.
    """

    def __init__(self, slices: Sequence[DicomSlice]) -> None:
        self._slices = tuple(slices)
        first = self[0]
        if first.ndim != 2:
            raise SourceError(f"{slices[0].table.path}: a colour image among slices; put it into a folder of its own")
        self.shape: tuple[int, ...] = (len(slices), *first.shape)
        stored = {np.dtype(f"{'i' if signed else 'u'}{bits // 8}") for bits, signed in map(_cells, slices)}
        self.dtype = np.result_type(first.dtype, *stored) if len(stored) > 1 else np.dtype(first.dtype)  # a sign or a byte must not be lost
        for other in slices:
            size = (int(other.table.options["rows"]), int(other.table.options["columns"]))
            if size != first.shape:
                raise SourceError(f"{other.table.path}: {size[1]} x {size[0]} pixels, the slice before {first.shape[1]} x {first.shape[0]}")

    def __len__(self) -> int:
        return len(self._slices)

    def __getitem__(self, index: int) -> NDArray[np.generic]:
        one = self._slices[index]
        with open_frames(one.table) as file:
            return decode_frame(one.table, file, one.frame)

    def __array__(self, dtype: object = None, copy: bool | None = None) -> NDArray[np.generic]:
        """All of them in the type of the files, or in one that holds those of all.

        Raises:
            SourceError: an image is damaged, or all of them are too many for the memory.
        """
        try:
            whole = np.empty(self.shape, self.dtype)
        except MemoryError as error:
            path = self._slices[0].table.path
            raise SourceError(f"{path}: {len(self)} slices do not fit into memory; slicing plane 'stored' reads one at a time") from error
        for index in range(len(self)):
            whole[index] = self[index]
        return whole

    @property
    def files(self) -> tuple[tuple[Path, int], ...]:
        """``(path, frame)`` of each plane, frames counted from 0."""
        return tuple((one.table.path, one.frame) for one in self._slices)


def _slice(header: Dataset, table: FrameTable, index: int, groups: list[Dataset]) -> DicomSlice:
    def stated(keyword: str) -> list[float]:
        """The value in the frame's functional groups, then in the shared ones, then in the header."""
        macro = _GROUPS.get(keyword)
        holders = [item for group in groups if macro for item in items(group, macro)]
        return next((values for holder in (*holders, header) if (values := numbers(holder, keyword))), [])

    orientation, position, in_patient = stated("ImageOrientationPatient"), stated("ImagePositionPatient"), True
    if not position and stated("ImagePositionVolume"):
        orientation, position, in_patient = stated("ImageOrientationVolume"), stated("ImagePositionVolume"), False
    skewed = len(orientation) == 6 and not _perpendicular(orientation)
    if len(orientation) != 6 or skewed:
        orientation = []
    spacing = stated("PixelSpacing")
    between, thickness, location = (
        next(iter(stated(keyword)), None) for keyword in ("SpacingBetweenSlices", "SliceThickness", "SliceLocation")
    )
    slope, intercept = (stated(keyword) for keyword in ("RescaleSlope", "RescaleIntercept"))
    moments = {keyword: found[0] for keyword, _, _ in MOMENTS if (found := stated(keyword) or _clock(header, keyword))}
    interval = number(header, "NominalInterval")
    rate = number(header, "HeartRate") or (60_000.0 / interval if interval else None)
    return DicomSlice(
        table=table,
        frame=index,
        uid=text(header, "SOPInstanceUID"),
        position=(position[0], position[1], position[2]) if len(position) == 3 else None,
        orientation=_unit(orientation) if orientation else None,
        in_patient=in_patient,
        spacing=(spacing[0], spacing[1]) if len(spacing) == 2 and min(spacing) > 0 else None,
        between=abs(between) if between else None,  # in nuclear medicine it has a sign
        thickness=thickness if thickness and thickness > 0 else None,
        location=location,
        rescale=(slope[0] if slope and slope[0] else 1.0, intercept[0] if intercept else 0.0) if slope or intercept else None,
        moments=moments,
        heart_rate=rate,
        skewed=skewed,
    )


def _perpendicular(orientation: list[float]) -> bool:
    row, column = np.array(orientation[:3]), np.array(orientation[3:])
    lengths = np.linalg.norm(row), np.linalg.norm(column)
    return bool(np.allclose(lengths, 1.0, atol=1e-2) and abs(row @ column) < 1e-2)


def _unit(orientation: list[float]) -> tuple[float, ...]:
    """Both directions at length 1, which writers round."""
    pair = np.array(orientation).reshape(2, 3)
    return tuple(float(cosine) for cosine in (pair / np.linalg.norm(pair, axis=1, keepdims=True)).ravel())


def _clock(header: Dataset, keyword: str) -> list[float]:
    """A DICOM time (HHMMSS.FFFFFF) as a number that orders; only ContentTime is one."""
    if keyword != "ContentTime":
        return []
    try:
        return [float(text(header, keyword))]
    except ValueError:
        return []
