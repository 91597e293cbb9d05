"""Parts of both measurements.json and study.json: a measure with its interval and reference range, or why it is unknown; the subject."""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite
from typing import Any

from echoseg.cardiac.interval import LEVEL
from echoseg.cardiac.references import DEFAULT_GUIDELINE, GUIDELINES, Formula, body_surface_area, child_flags, grade, guideline
from echoseg.errors import MeasureError
from echoseg.options import Subject
from echoseg.record.documents import KnownMeasure, Reference, SubjectEntry, UnknownMeasure
from echoseg.record.measures import Measure

NO_SPACING = "the pixel spacing is unknown"
NO_RATE = "neither a complete beat nor the file tells the heart rate"
CLOCK_DOUBTS = frozenset(("systole_too_long", "heart_rate_contradictory"))
"""Flags on a clip whose rates cannot be given,"""
CLOCK_DOUBTED = "the times of the frames contradict the beats or the stated heart rate"
"""and why."""
SIZE_DOUBT = "spacing_implausible"
SIZE_DOUBTED = "the stated pixel spacing makes a ventricle of no heart's size"
GRADED_DECIMALS = 1
"""Of every measure with a reference range, as it is written out."""
BSA_FORMULA: Formula = "mosteller"
_RANGE_OF = {"la_volume_disks_index": "la_volume_index"}
"""What a measure's range is called in the guideline's table. The atrium is graded by disks: by area-length it comes out larger."""
_OLDEST = 90


def number(value: float | None, decimals: int) -> float | None:
    """``value`` rounded, or None when it is None, NaN or infinite."""
    return None if value is None or not isfinite(value) else round(float(value), decimals)


def positive(value: float | None, decimals: int) -> float | None:
    """As :func:`number` of a value above 0; one that would be rounded to 0 stays as it is."""
    rounded = number(value, decimals)
    return value if rounded == 0 else rounded


def measure_entry(
    measure: Measure,
    value: float | None,
    method: str | None,
    *,
    each: Iterable[float | None] = (),
    calibrated: tuple[float, float] | None = None,
    why: str,
    reference: Reference | None = None,
) -> KnownMeasure | UnknownMeasure:
    """What a record says of a measure.

    Args:
        measure: which one.
        value: unknown when None, NaN or infinite.
        method: by which it was measured.
        each: the value in every complete beat; two or more known ones give the interval.
        calibrated: the 90 % interval, in place of that; the entry says so by ``interval_level``.
        why: the reason if the value is unknown.
        reference: from :func:`reference_range`.
    """
    rounded = number(value, measure.decimals)
    if rounded is None:
        return UnknownMeasure(value=None, unit=measure.unit, method=method, interval=None, reference=None, reason=why)
    known = [item for item in (number(item, measure.decimals) for item in each) if item is not None]
    interval: Any = (min(known), max(known)) if len(known) > 1 else None
    level: dict[str, Any] = {}
    if calibrated is not None:
        interval, level = tuple(number(bound, measure.decimals) for bound in calibrated), {"interval_level": LEVEL}
    return KnownMeasure(value=rounded, unit=measure.unit, method=method, interval=interval, reference=reference, reason=None, **level)


def reference_range(key: str, value: float | None, subject: Subject, name: str | None = None) -> Reference | None:
    """The guideline's normal range of a measure for the subject's sex.

    Args:
        key: as in the guideline's table, e.g. ``ef`` or ``edv_index``.
        value: in the table's unit.
        subject: without a sex there is no range, nor for a child, see :func:`echoseg.cardiac.references.child_flags`.
        name: of the guideline, see :func:`echoseg.cardiac.guideline`; None: the measure's own, else the default one.

    Returns:
        None when the guideline names no range.
    """
    name = name or GUIDELINES.get(key, DEFAULT_GUIDELINE)
    key = _RANGE_OF.get(key, key)
    value = number(value, GRADED_DECIMALS)  # what a reader is shown is what is graded
    table = guideline(name)
    stated = table["ranges"].get(key)
    if stated is None or subject.sex is None or value is None or child_flags(subject):
        return None
    low, high = stated[subject.sex]
    worded = {"worded": stated["worded"]} if "worded" in stated else {}
    try:
        word = grade(key, value, subject.sex, name).grade
    except MeasureError:  # an EF below zero: the phases were named the wrong way round
        word = "below normal"
    return Reference(low=low, high=high, grade=word, sex=subject.sex, guideline=table["name"], method=stated["method"], **worded)


def subject_entry(subject: Subject) -> SubjectEntry:
    """Sex, age in whole years (90 for all above, as de-identified data have it), height, weight and body surface area; no date."""
    return SubjectEntry(
        sex=subject.sex,
        age_years=None if subject.age_years is None else min(int(subject.age_years), _OLDEST),
        height_cm=number(subject.height_cm, 1),
        weight_kg=number(subject.weight_kg, 1),
        bsa_m2=number(body_surface(subject), 3),
        bsa_formula=BSA_FORMULA,
    )


def body_surface(subject: Subject) -> float | None:
    """Body surface area in m² (Mosteller); None when height or weight is unknown or is not a person's."""
    if subject.height_cm is None or subject.weight_kg is None:
        return None
    try:
        return body_surface_area(subject.height_cm, subject.weight_kg, BSA_FORMULA)
    except MeasureError:
        return None
