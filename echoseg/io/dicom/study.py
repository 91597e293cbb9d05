"""What a DICOM file says of its study and of the person, as far as a measurement needs it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date as Date
from datetime import datetime
from pathlib import Path

from pydicom.dataset import Dataset

from echoseg.io.dicom.reading import dcmread
from echoseg.io.dicom.values import number, quiet_reading, text
from echoseg.options import Subject

_DATES = ("StudyDate", "AcquisitionDate", "SeriesDate", "ContentDate")
_PERSON = ["PatientSex", "PatientSize", "PatientWeight", "PatientAge", "PatientBirthDate"]
_TAGS = ["StudyInstanceUID", "Manufacturer", "ManufacturerModelName", *_PERSON, *_DATES]
_AGE = re.compile(r"(\d{1,3})([DWMY])")  # Age String, PS3.5 6.2
_A_YEAR = {"D": 365.25, "W": 365.25 / 7, "M": 12.0, "Y": 1.0}
_OLDEST = 120.0
_LONGEST = 64  # characters of an LO, PS3.5 6.2
_HEIGHT_M, _WEIGHT_KG = (0.2, 2.5), (0.3, 400.0)


@dataclass(frozen=True)
class StatedStudy:
    """What one file says.

    Attributes:
        uid: StudyInstanceUID, to tell studies apart; an identifier, never to be written out. Empty when there is none.
        subject: sex, height, weight and age; implausible ones are unknown (a height or weight of 0 means unknown in practice).
        manufacturer, model: of the machine; empty when not said.
        date: of the examination, to be written out only where that is asked for; None when not said.
    """

    uid: str = ""
    subject: Subject = field(default_factory=Subject)
    manufacturer: str = ""
    model: str = ""
    date: Date | None = None


def stated_study(path: Path) -> StatedStudy:
    """Reads the header of a DICOM file (PS3.3 C.7.2.1 and C.7.2.2: size in metres, weight in kg); of any other file, nothing is stated."""
    with quiet_reading():
        try:
            header = dcmread(path, stop_before_pixels=True, specific_tags=_TAGS)
        except Exception:  # not DICOM, or damaged: whoever opens it for its frames says why
            return StatedStudy()
        sex = text(header, "PatientSex").upper()
        height, weight = number(header, "PatientSize"), number(header, "PatientWeight")
        return StatedStudy(
            text(header, "StudyInstanceUID"),
            Subject(
                "M" if sex == "M" else "F" if sex == "F" else None,
                100 * height if height is not None and _HEIGHT_M[0] <= height <= _HEIGHT_M[1] else None,
                weight if weight is not None and _WEIGHT_KG[0] <= weight <= _WEIGHT_KG[1] else None,
                _age(header),
            ),
            text(header, "Manufacturer")[:_LONGEST],
            text(header, "ManufacturerModelName")[:_LONGEST],
            _examined(header),
        )


def _age(header: Dataset) -> float | None:
    """Years at the examination by PatientAge and by the date of birth; the younger where they differ, so that no child counts as adult."""
    ages = [age for age in (_stated_age(header), _age_by_birth(header)) if age is not None and age <= _OLDEST]
    return min(ages, default=None)


def _stated_age(header: Dataset) -> float | None:
    stated = _AGE.fullmatch(text(header, "PatientAge").upper())
    return None if stated is None else int(stated[1]) / _A_YEAR[stated[2]]


def _age_by_birth(header: Dataset) -> float | None:
    born, seen = _date(text(header, "PatientBirthDate")), _examined(header)
    if born is None or seen is None or seen < born:
        return None
    whole = seen.year - born.year - ((seen.month, seen.day) < (born.month, born.day))
    return float(whole) if whole else (seen - born).days / 366


def _examined(header: Dataset) -> Date | None:
    return next((day for day in (_date(text(header, keyword)) for keyword in _DATES) if day is not None), None)


def _date(stated: str) -> Date | None:
    """A date as ``YYYYMMDD``, or ``YYYY.MM.DD`` of ACR-NEMA; None for anything else."""
    try:
        return datetime.strptime(stated.replace(".", ""), "%Y%m%d").date()
    except ValueError:
        return None
