"""The head of a page: whom and what was examined, as far as the record tells; it names nobody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_SEX = {"M": "male", "F": "female"}
_OLDEST = 90
"""The age that stands for all above, see :class:`echoseg.record.documents.SubjectEntry`."""


def exam_facts(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Names and values for the head of the page; what is unknown is named in one line, and what is the reader's to say.

    Nothing for a record of anything but a clip or a study of the heart.
    """
    if "exam" not in record or not record["measures"]:
        return []
    subject, exam = record["subject"], record["exam"]
    known = {
        "Age": _age(subject["age_years"]),
        "Sex": _SEX.get(subject["sex"]),
        "Height": _with_unit(subject.get("height_cm"), "cm"),
        "Weight": _with_unit(subject.get("weight_kg"), "kg"),
        "Body surface": None if subject["bsa_m2"] is None else f"{subject['bsa_m2']:.2f} m² ({subject['bsa_formula'].capitalize()})",
        "Machine": " ".join(part for part in (exam["manufacturer"], exam["model"]) if part) or None,
        "Rhythm as seen": _rhythm(exam),
    }
    unknown = [name.lower() for name, value in known.items() if value is None]
    facts = [(name, value) for name, value in known.items() if value is not None]
    facts.append(("Date", exam["date"] or "left out"))
    if unknown:
        facts.append(("Not known", ", ".join(unknown)))
    return [*facts, ("Image quality", "for the reader to grade")]


def _age(years: int | None) -> str | None:
    if years is None:
        return None
    if years < 1:
        return "less than a year"
    return f"{years} year{'' if years == 1 else 's'}{' or more' if years >= _OLDEST else ''}"


def _with_unit(value: float | None, unit: str) -> str | None:
    return None if value is None else f"{value:.0f} {unit}"


def _rhythm(exam: Mapping[str, Any]) -> str | None:
    if exam["rhythm"] is None:
        return None
    return f"{exam['rhythm']} over {exam['rhythm_beats']} beats ({'ECG' if exam['ecg'] else 'no ECG'})"
