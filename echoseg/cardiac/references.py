"""Reference ranges by sex, and the body surface area that values are indexed by.

One JSON file a guideline, in ``guidelines/``; nothing is graded without naming its source.

What each row was checked against is in ``docs/reference/cardiac.md``. To add a guideline is to add a file.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Literal, get_args

from echoseg.errors import MeasureError
from echoseg.options import Subject
from echoseg.types import Flag

Sex = Literal["M", "F"]
Formula = Literal["mosteller", "dubois"]

DEFAULT_GUIDELINE = "ase-eacvi-2015"
GUIDELINES: Mapping[str, str] = {"rv_fac": "ase-2025-right-heart"}
"""The guideline of a measure, where that is not the default."""
ADULT_YEARS = 18
"""Age from which the ranges hold: Lang et al. 2015 measured adults; children's values go with body size and age (Lopez et al. 2010)."""
_ADULT_HEIGHT_CM, _ADULT_SURFACE_M2 = 140.0, 1.25
"""Below these, without an age, a person is taken for a child: the ranges of neither sex were made on adults so small."""


@dataclass(frozen=True)
class Grade:
    """A value against a guideline.

    Attributes:
        grade: e.g. ``"mildly reduced"``.
        low, high: the guideline's normal range for that sex, both ends included; None when it names no such end.
        source: name and year of the guideline.
        citation: full reference.
    """

    grade: str
    low: float | None
    high: float | None
    source: str
    citation: str


@cache
def guideline(name: str = DEFAULT_GUIDELINE) -> dict[str, Any]:
    """A guideline's table as in its JSON file: ``name``, ``citation``, ``doi``, ``ranges``.

    A range has ``unit``, ``method`` by which its values were measured, ``source`` within the guideline, ``M`` and ``F`` (low, high; None
    where there is no such end), ``grades`` by sex: ``[grade, low, high]`` in whole numbers, without gaps, and where the guideline words the
    range as neither, ``worded``.

    Raises:
        MeasureError: no such guideline.
    """
    folder = resources.files("echoseg.cardiac").joinpath("guidelines")
    known = {file.name.removesuffix(".json"): file for file in folder.iterdir() if file.name.endswith(".json")}
    if name not in known:
        raise MeasureError(f"no guideline {name!r}: choose from {', '.join(sorted(known))}")
    table: dict[str, Any] = json.loads(known[name].read_text(encoding="utf-8"))
    return table


def grade(measure: str, value: float, sex: Sex, name: str = DEFAULT_GUIDELINE) -> Grade:
    """Grade of a value, rounded to a whole number as the guideline's limits are.

    Args:
        measure: ``ef`` (percent), ``edv_index``, ``esv_index``, ``la_volume_index`` (mL/m²) or ``rv_fac`` (percent).
        value: in that unit.
        sex: ``"M"`` or ``"F"``.
        name: of the guideline.

    Raises:
        MeasureError: the guideline has no range for it, a value that cannot be, or another sex.
    """
    if sex not in get_args(Sex):
        raise MeasureError(f"reference ranges are by sex, 'M' or 'F'; got {sex!r}")
    table = guideline(name)
    if measure not in table["ranges"]:
        raise MeasureError(f"{table['name']} has no range here for {measure!r}: choose from {', '.join(table['ranges'])}")
    stated = table["ranges"][measure]
    grades = stated["grades"][sex]
    most = grades[-1][2]
    if not 0 <= value <= (math.inf if most is None else most) or math.isinf(value):
        raise MeasureError(f"{measure} cannot be {value} {stated['unit']}")
    whole = math.floor(value + 0.5)
    word = next(word for word, least, most in grades if least <= whole and (most is None or whole <= most))
    low, high = stated[sex]
    return Grade(word, low, high, table["name"], table["citation"])


def child_flags(subject: Subject) -> list[Flag]:
    """A flag on a person whom no range of adults may grade: below 18 years, or of a child's size and of unknown age; else none."""
    if subject.age_years is not None:
        if subject.age_years >= ADULT_YEARS:
            return []
        years = int(subject.age_years)
        age = "less than a year" if years < 1 else "1 year" if years == 1 else f"{years} years"
        return [
            Flag(
                "child", f"The patient's age is {age}: the ranges here are those of adults, so nothing is graded. Use ranges for children."
            )
        ]
    height, weight = subject.height_cm, subject.weight_kg
    surface = math.sqrt(height * weight / 3600) if height is not None and weight is not None else None
    small = "height" if height is not None and height < _ADULT_HEIGHT_CM else ""
    small = small or ("body surface" if surface is not None and surface < _ADULT_SURFACE_M2 else "")
    if not small:
        return []
    told = f"The patient's {small} is a child's and no age is stated: the ranges here are those of adults, so nothing is graded."
    return [Flag("child", f"{told} Give the age if this is an adult (--age).")]


def grade_ef(ef: float, sex: Sex, name: str = DEFAULT_GUIDELINE) -> Grade:
    """Grade of a (biplane) ejection fraction in percent; see :func:`grade`."""
    return grade("ef", ef, sex, name)


def body_surface_area(height_cm: float, weight_kg: float, formula: Formula = "mosteller") -> float:
    """Body surface area in m².

    - ``mosteller``: ``sqrt(height * weight / 3600)`` (Mosteller RD, N Engl J Med 1987;317:1098).
    - ``dubois``: ``0.007184 * height^0.725 * weight^0.425`` (Du Bois D, Du Bois EF, Arch Intern Med 1916;17:863-71).

    Raises:
        MeasureError: unknown formula, height or weight unknown, height outside 20..250 cm or weight outside 0.3..400 kg (a wrong unit).
    """
    if None in (height_cm, weight_kg):
        raise MeasureError("body surface area needs height and weight, in cm and kg; one is unknown")
    if not 20 <= height_cm <= 250 or not 0.3 <= weight_kg <= 400:
        raise MeasureError(f"height is in cm and weight in kg; {height_cm} cm and {weight_kg} kg are not a person's")
    if formula == "mosteller":
        return float((height_cm * weight_kg / 3600) ** 0.5)
    if formula == "dubois":
        return float(0.007184 * height_cm**0.725 * weight_kg**0.425)
    raise MeasureError(f"no formula {formula!r} for body surface area: choose from mosteller, dubois")
