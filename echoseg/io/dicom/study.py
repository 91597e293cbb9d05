"""What a DICOM file says of its study and of the person, as far as a measurement needs it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from pydicom import dcmread

from echoseg.io.dicom.values import number, quiet_reading, text
from echoseg.options import Subject

_TAGS = ["StudyInstanceUID", "PatientSex", "PatientSize", "PatientWeight"]
_HEIGHT_M, _WEIGHT_KG = (0.2, 2.5), (0.3, 400.0)


@dataclass(frozen=True)
class StatedStudy:
    """What one file says.

    Attributes:
        uid: StudyInstanceUID, to tell studies apart; an identifier, never to be written out. Empty when there is none.
        subject: sex, height and weight; implausible ones are unknown (0 means unknown in practice).
    """

    uid: str = ""
    subject: Subject = field(default_factory=Subject)


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
            ),
        )
