"""One measure as it stands in measurements.json and study.json: value, unit, method, interval, reference range, or why it is unknown."""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite
from typing import Any

from echoseg.cardiac.interval import LEVEL
from echoseg.cardiac.references import DEFAULT_GUIDELINE, Formula, body_surface_area, grade, guideline
from echoseg.errors import MeasureError
from echoseg.types import Subject

NO_SPACING = "the pixel spacing is unknown"
NO_RATE = "neither a complete beat nor the file tells the heart rate"
GRADED_DECIMALS = 1
"""Of every measure with a reference range, as it is written out."""
BSA_FORMULA: Formula = "mosteller"


def number(value: float | None, decimals: int) -> float | None:
    """``value`` rounded, or None when it is None, NaN or infinite."""
    return None if value is None or not isfinite(value) else round(float(value), decimals)


def measure_entry(
    value: float | None,
    unit: str,
    decimals: int,
    method: str | None,
    *,
    each: Iterable[float | None] = (),
    calibrated: tuple[float, float] | None = None,
    why: str,
    reference: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """A measure as plain JSON values.

    Args:
        value: unknown when None, NaN or infinite.
        decimals: that are worth writing.
        each: the value in every complete beat; two or more known ones give the interval.
        calibrated: the 90 % interval, in place of that; the entry says so by ``interval_level``.
        why: the reason if the value is unknown.
        reference: from :func:`reference_range`.
    """
    rounded = number(value, decimals)
    known = [item for item in (number(item, decimals) for item in each) if item is not None]
    entry: dict[str, Any] = {
        "value": rounded,
        "unit": unit,
        "method": method,
        "interval": [min(known), max(known)] if rounded is not None and len(known) > 1 else None,
        "reference": None if rounded is None else reference,
        "reason": why if rounded is None else None,
    }
    if rounded is not None and calibrated is not None:
        entry |= {"interval": [number(bound, decimals) for bound in calibrated], "interval_level": LEVEL}
    return entry


def reference_range(key: str, value: float | None, subject: Subject, name: str = DEFAULT_GUIDELINE) -> dict[str, Any] | None:
    """The guideline's normal range of a measure for the subject's sex, with the guideline's name and year.

    Args:
        key: as in the guideline's table, e.g. ``ef`` or ``edv_index``.
        value: in the table's unit.
        subject: without a sex there is no range.
        name: of the guideline, see :func:`echoseg.cardiac.guideline`.

    Returns:
        ``low``, ``high`` (both ends included, None where there is no such end), ``grade``, ``sex``, ``guideline``, and ``method``, by
        which the guideline's values were measured. None when the guideline names no range.
    """
    value = number(value, GRADED_DECIMALS)  # what a reader is shown is what is graded
    table = guideline(name)
    stated = table["ranges"].get(key)
    if stated is None or subject.sex is None or value is None:
        return None
    low, high = stated[subject.sex]
    try:
        word = grade(key, value, subject.sex, name).grade
    except MeasureError:  # an EF below zero: the phases were named the wrong way round
        word = "below normal"
    return {"low": low, "high": high, "grade": word, "sex": subject.sex, "guideline": table["name"], "method": stated["method"]}


def subject_record(subject: Subject) -> dict[str, Any]:
    """Sex and body surface area as plain JSON values; neither height nor weight is written out."""
    return {"sex": subject.sex, "bsa_m2": number(body_surface(subject), 3), "bsa_formula": BSA_FORMULA}


def body_surface(subject: Subject) -> float | None:
    """Body surface area in m² (Mosteller); None when height or weight is unknown or is not a person's."""
    if subject.height_cm is None or subject.weight_kg is None:
        return None
    try:
        return body_surface_area(subject.height_cm, subject.weight_kg, BSA_FORMULA)
    except MeasureError:
        return None
