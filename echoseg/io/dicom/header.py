"""The headers of the DICOM files behind a source, made fit to be built upon: what new objects copy and refer to."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.uid import UID

from echoseg.errors import SourceError, UnsupportedSourceError
from echoseg.io.dicom.reading import dcmread
from echoseg.io.dicom.uid import derived_uid
from echoseg.io.dicom.values import items, number, numbers, quiet_reading, text

Reference = tuple[str, int | None]
"""``(SOP instance UID, frame number from 1 or None)``."""

_UTF8 = "ISO_IR 192"
_EMPTY_IF_ABSENT = (
    "PatientID",
    "PatientName",
    "PatientBirthDate",
    "PatientSex",
    "StudyID",
    "StudyDate",
    "StudyTime",
    "AccessionNumber",
    "ReferringPhysicianName",
)
"""Attributes of type 2 (PS3.3 C.7.1.1, C.7.2.1): every object of the study carries them, empty where unknown."""
_WELL_FORMED = {
    "PatientSex": re.compile(r"[MFO]"),
    "PatientBirthDate": re.compile(r"(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])"),
    "StudyDate": re.compile(r"(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])"),
    "StudyTime": re.compile(r"([01]\d|2[0-3])([0-5]\d([0-5]\d(\.\d{1,6})?)?)?"),
}


@dataclass(frozen=True)
class Origin:
    """The DICOM images behind the frames of a source.

    Attributes:
        headers: of every object, without pixel data, in the order of its first frame.
        frames: for each frame the index of its header and its number in that object, from 1; the number is None in single-frame objects.
    """

    headers: tuple[Dataset, ...]
    frames: tuple[tuple[int, int | None], ...]

    @property
    def first(self) -> Dataset:
        return self.headers[0]

    def reference(self, index: int) -> Reference:
        """What frame ``index`` is called in DICOM."""
        header, number = self.frames[index]
        return str(self.headers[header].SOPInstanceUID), number


@quiet_reading()
def dicom_origin(frames: Sequence[tuple[Path, int]]) -> Origin:
    """The objects that ``frames`` come from, each with all that a derived object takes from it.

    Text is decoded, to be written as UTF-8. Attributes of type 2 that are absent or malformed are empty. A UID that is
    absent or malformed is taken from the file meta group, and a study or series without one gets one that is derived from the
    instances, see :mod:`echoseg.io.dicom.uid`: some exports strip them.

    Args:
        frames: ``(path, frame)`` as :attr:`echoseg.io.Source.dicom_frames`, frames counted from 0.

    Raises:
        SourceError: a file is damaged.
        UnsupportedSourceError: an instance has no UID at all, so that nothing can refer to it.
    """
    index = {path: position for position, path in enumerate(dict.fromkeys(path for path, _ in frames))}
    headers = [_completed(_read(path), path) for path in index]
    instances = sorted(header.SOPInstanceUID for header in headers)
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID"):
        stated = next((_uid(header, keyword) for header in headers if _uid(header, keyword)), None)
        for header in headers:
            if not _uid(header, keyword):
                setattr(header, keyword, stated or derived_uid(keyword, *instances))
    several = [frame_count(header) > 1 for header in headers]
    return Origin(tuple(headers), tuple((index[path], frame + 1 if several[index[path]] else None) for path, frame in frames))


def _read(path: Path) -> Dataset:
    try:
        header = dcmread(path, stop_before_pixels=True, force=True)
        header.decode()
        return header
    except Exception as error:  # a damaged header can fail anywhere in the parser; its message may quote the patient
        raise SourceError(f"{path}: not a readable DICOM file ({type(error).__name__}); damaged or cut off, copy it again") from error


def _completed(header: Dataset, path: Path) -> Dataset:
    header.SpecificCharacterSet = _UTF8
    for keyword in _EMPTY_IF_ABSENT:
        found = text(header, keyword)
        pattern = _WELL_FORMED.get(keyword)
        if not found or (pattern and not pattern.fullmatch(found)):
            setattr(header, keyword, "")
    meta = getattr(header, "file_meta", Dataset())
    for keyword, in_meta in (("SOPInstanceUID", "MediaStorageSOPInstanceUID"), ("SOPClassUID", "MediaStorageSOPClassUID")):
        if not _uid(header, keyword):
            if not _uid(meta, in_meta):
                raise UnsupportedSourceError(f"{path}: the DICOM file has no {keyword}: no DICOM result can refer to it")
            setattr(header, keyword, _uid(meta, in_meta))
    if "FrameOfReferenceUID" in header and not _uid(header, "FrameOfReferenceUID"):
        del header.FrameOfReferenceUID
    for side in ("Rows", "Columns"):
        stated = number(header, side)
        if not stated:
            raise SourceError(f"{path}: the DICOM header has no image size; the file is damaged or cut off, copy it again")
        setattr(header, side, int(stated))
    return header


def _uid(dataset: Dataset, keyword: str) -> str:
    """A UID, empty when there is none or it is malformed (PS3.5 9.1)."""
    stated = text(dataset, keyword)
    return stated if UID(stated).is_valid else ""


def frame_count(header: Dataset) -> int:
    """Frames of the object that ``header`` belongs to; 1 where it does not say."""
    stated = numbers(header, "NumberOfFrames")
    return max(int(stated[0]), 1) if stated else 1


def has_patient_geometry(origin: Origin) -> bool:
    """True when every object states the places of its frames in the patient: frame of reference, orientation, spacing, own positions."""
    if not all(text(header, "FrameOfReferenceUID") for header in origin.headers):
        return False
    if len(origin.headers) == 1 and "PerFrameFunctionalGroupsSequence" in origin.first:
        groups = origin.first.PerFrameFunctionalGroupsSequence
        planes = [tuple(numbers(plane, "ImagePositionPatient")) for group in groups for plane in items(group, "PlanePositionSequence")]
        return len(groups) == len(planes) == len(set(planes)) == frame_count(origin.first) and () not in planes
    places = {tuple(numbers(header, "ImagePositionPatient")) for header in origin.headers}
    return len(places) == len(origin.frames) == len(origin.headers) and all(
        len(numbers(header, "ImagePositionPatient")) == 3
        and len(numbers(header, "ImageOrientationPatient")) == 6
        and len(numbers(header, "PixelSpacing")) == 2
        for header in origin.headers
    )
