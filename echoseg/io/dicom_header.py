"""The headers of the DICOM files behind a source, made fit to be built upon: what new objects copy and refer to."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import Dataset

from echoseg.errors import SourceError, UnsupportedSourceError
from echoseg.io.dicom_uid import derived_uid
from echoseg.io.dicom_values import numbers, quiet_reading, text

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


def source_headers(paths: Sequence[Path]) -> list[Dataset]:
    """The headers of ``paths`` without pixel data, in that order, each with all that a derived object takes from it.

    Text is decoded, to be written as UTF-8. Attributes of type 2 that are absent or malformed are empty. A UID that is
    absent is taken from the file meta group, and a study or series without one gets one that is derived from the
    instances, see :mod:`echoseg.io.dicom_uid`: some exports strip them.

    Raises:
        SourceError: a file is damaged.
        UnsupportedSourceError: an instance has no UID at all, so that nothing can refer to it.
    """
    headers: list[Dataset] = []
    for path in paths:
        try:
            with quiet_reading():
                header: Dataset = dcmread(path, stop_before_pixels=True, force=True)
                header.decode()
        except Exception as error:  # a damaged header can fail anywhere in the parser; its message may quote the patient
            raise SourceError(f"{path}: not a readable DICOM file ({type(error).__name__}); damaged or cut off, copy it again") from error
        headers.append(_completed(header, path))
    instances = sorted(header.SOPInstanceUID for header in headers)
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID"):
        stated = next((text(header, keyword) for header in headers if text(header, keyword)), None)
        for header in headers:
            if not text(header, keyword):
                setattr(header, keyword, stated or derived_uid(keyword, *instances))
    return headers


def _completed(header: Dataset, path: Path) -> Dataset:
    header.SpecificCharacterSet = _UTF8
    for keyword in _EMPTY_IF_ABSENT:
        found = text(header, keyword)
        pattern = _WELL_FORMED.get(keyword)
        if not found or (pattern and not pattern.fullmatch(found)):
            setattr(header, keyword, "")
    meta = getattr(header, "file_meta", Dataset())
    for keyword, in_meta in (("SOPInstanceUID", "MediaStorageSOPInstanceUID"), ("SOPClassUID", "MediaStorageSOPClassUID")):
        if not text(header, keyword):
            if not text(meta, in_meta):
                raise UnsupportedSourceError(f"{path}: the DICOM file has no {keyword}: no DICOM result can refer to it")
            setattr(header, keyword, text(meta, in_meta))
    if "FrameOfReferenceUID" in header and not text(header, "FrameOfReferenceUID"):
        del header.FrameOfReferenceUID
    return header


def frame_count(header: Dataset) -> int:
    """Frames of the object that ``header`` belongs to; 1 where it does not say."""
    stated = numbers(header, "NumberOfFrames")
    return max(int(stated[0]), 1) if stated else 1


def source_frames(headers: Sequence[Dataset]) -> list[tuple[Dataset, int | None]]:
    """``(header, frame number)`` of every frame in order; the number counts from 1, and is None for single-frame objects."""
    frames: list[tuple[Dataset, int | None]] = []
    for header in headers:
        several = "NumberOfFrames" in header and frame_count(header) > 1
        frames += [(header, number) for number in range(1, frame_count(header) + 1)] if several else [(header, None)]
    return frames


def has_patient_geometry(headers: Sequence[Dataset]) -> bool:
    """True when every frame states its own place in the patient: a frame of reference, orientation, position, pixel spacing."""
    if len(headers) == 1 and "PerFrameFunctionalGroupsSequence" in headers[0]:
        groups = headers[0].PerFrameFunctionalGroupsSequence
        return "FrameOfReferenceUID" in headers[0] and all("PlanePositionSequence" in group for group in groups)
    places = {tuple(numbers(header, "ImagePositionPatient")) for header in headers}
    return len(places) == len(headers) and all(
        text(header, "FrameOfReferenceUID")
        and frame_count(header) == 1
        and len(numbers(header, "ImagePositionPatient")) == 3
        and len(numbers(header, "ImageOrientationPatient")) == 6
        and len(numbers(header, "PixelSpacing")) == 2
        for header in headers
    )
