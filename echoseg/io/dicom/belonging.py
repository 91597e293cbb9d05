"""Which DICOM images are of one series, where software that removes identities has left UIDs, names and numbers that say otherwise.

A series has one UID, and lies in one study, of one patient, in one frame of reference (PS3.3 A.1.2.4, C.7.3.1, C.7.4.1). Where every image
has a UID of its own, it was replaced image by image and says nothing; what was left must then say that they belong together.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from pydicom.dataset import Dataset

from echoseg.errors import SourceError
from echoseg.io.dicom.values import number, numbers, text
from echoseg.types import Flag, Severity

_UIDS = {
    "StudyInstanceUID": "Study Instance UID",
    "SeriesInstanceUID": "Series Instance UID",
    "FrameOfReferenceUID": "Frame of Reference UID",
}
_FEW = 2  # images of two UIDs are as likely of two studies


def check_one_series(headers: Sequence[Dataset], where: Path) -> tuple[Flag, ...]:
    """A flag where UIDs were replaced image by image, and none where the images simply belong together.

    Raises:
        SourceError: images of several patients, studies or frames of reference; the message says which.
    """
    replaced = [keyword for keyword in _UIDS if _one_by_one(headers, keyword)]
    kinds = {
        "patients": _different(headers, "PatientID") or _different(headers, "PatientName", known=True),
        "dates of birth": _different(headers, "PatientBirthDate", known=True),
        "studies": _different(headers, "StudyInstanceUID"),
        "frames of reference": _different(headers, "FrameOfReferenceUID"),
    }
    if replaced and _vouched(headers):
        kinds["studies"] = 0 if "StudyInstanceUID" in replaced else kinds["studies"]
        kinds["frames of reference"] = 0 if "FrameOfReferenceUID" in replaced else kinds["frames of reference"]
        kinds["dates"] = _different(headers, "StudyDate", known=True)
        kinds["sexes"] = _different(headers, "PatientSex", known=True)
    mixed = " and ".join(f"{count} {what}" for what, count in kinds.items() if count)
    if mixed:
        raise SourceError(f"{where}: images of {mixed} in one series; they are no one volume: put those of each into a folder of its own")
    if not replaced:
        return ()
    named = " and ".join(_UIDS[keyword] for keyword in replaced)
    told = f"Every image has a {named} of its own, as software that removes identities leaves them: the rest says that they are one series."
    return (Flag("uids_one_by_one", told, Severity.INFO),)


def are_one_series(headers: Sequence[Dataset]) -> bool:
    """Whether images whose Series Instance UIDs were replaced one by one are slices of one series: one number, and a place each."""
    if not _one_by_one(headers, "SeriesInstanceUID") or number(headers[0], "SeriesNumber") is None or not _vouched(headers):
        return False
    if any(_different(headers, keyword) for keyword in ("SeriesNumber", "Modality", "Rows", "Columns", "ImageOrientationPatient")):
        return False
    places = [tuple(numbers(header, "ImagePositionPatient")) for header in headers]
    return () not in places and len(set(places)) == len(places)


def _vouched(headers: Sequence[Dataset]) -> bool:
    """Whether one of the UIDs is left that all images share, or all are of one known patient or day."""
    shared = (*_UIDS, "PatientID", "StudyDate")
    return any(text(headers[0], keyword) and not _different(headers, keyword) for keyword in shared)


def _one_by_one(headers: Sequence[Dataset], keyword: str) -> bool:
    values = [text(header, keyword) for header in headers]
    return len(values) > _FEW and "" not in values and len(set(values)) == len(values)


def _different(headers: Sequence[Dataset], keyword: str, known: bool = False) -> int:
    """How many values an attribute has, or 0 where it has one; ``known``: images that do not state it may have any."""
    values = {_spelt(header, keyword) for header in headers}
    values = values - {""} if known else values
    return len(values) if len(values) > 1 else 0


def _spelt(header: Dataset, keyword: str) -> str:
    if keyword == "ImageOrientationPatient":
        return " ".join(f"{value:.3f}" for value in numbers(header, keyword))
    return re.sub(r"[\W_]+", " ", text(header, keyword)).strip().casefold()
