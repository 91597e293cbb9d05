"""Reference ranges by sex. One JSON file a guideline, beside this one; nothing is graded without naming its source."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Literal, get_args

from echoseg.errors import MeasureError

Sex = Literal["M", "F"]

DEFAULT_GUIDELINE = "ase-eacvi-2015"


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
    """A guideline's table as in its JSON file: ``name``, ``citation``, ``ranges``, ``ef_grades``.

    Raises:
        MeasureError: no such guideline.
    """
    known = {file.name.removesuffix(".json"): file for file in resources.files("echoseg.cardiac").iterdir() if file.name.endswith(".json")}
    if name not in known:
        raise MeasureError(f"no guideline {name!r}: choose from {', '.join(sorted(known))}")
    table: dict[str, Any] = json.loads(known[name].read_text(encoding="utf-8"))
    return table


def grade_ef(ef: float, sex: Sex, name: str = DEFAULT_GUIDELINE) -> Grade:
    """Grade of a (biplane) ejection fraction in percent, rounded to a whole percent as the guideline's limits are.

    Raises:
        MeasureError: EF outside 0..100, or sex other than ``"M"`` and ``"F"``.
    """
    if sex not in get_args(Sex):
        raise MeasureError(f"reference ranges are by sex, 'M' or 'F'; got {sex!r}")
    if not 0 <= ef <= 100:
        raise MeasureError(f"an ejection fraction lies within 0..100 percent; got {ef}")
    table = guideline(name)
    whole = math.floor(ef + 0.5)
    grade = next(grade for grade, low, high in table["ef_grades"][sex] if low <= whole <= high)
    low, high = table["ranges"]["ef"][sex]
    return Grade(grade, low, high, table["name"], table["citation"])
