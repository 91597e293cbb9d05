"""What measures need to know of a person."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from echoseg.errors import MeasureError
from echoseg.options.declare import option


@dataclass(frozen=True)
class Subject:
    """What reference ranges and indexed values need to know of a person; nothing that names one.

    Attributes:
        sex: ``"M"``, ``"F"`` or None when unknown: the sex that the ranges of guidelines are given for.
        height_cm, weight_kg: or None when unknown.
        age_years: at the examination; below 18 nothing is held against ranges, which are those of adults. None when unknown.

    Raises:
        MeasureError: another sex, or a number that is not positive (an age may be 0).
    """

    sex: Literal["M", "F"] | None = option(None, "For reference ranges. Default: as the DICOM file says.")
    height_cm: float | None = option(None, "With --weight, for indexed values.", name="height", metavar="CM", least=20, most=250)
    weight_kg: float | None = option(None, "With --height, for indexed values.", name="weight", metavar="KG", least=0.3, most=400)
    age_years: float | None = option(None, "Children get no reference ranges.", name="age", metavar="YEARS", least=0, most=120)

    def __post_init__(self) -> None:
        if self.sex not in (None, "M", "F"):
            raise MeasureError(f"reference ranges are by sex, 'M' or 'F', or None when unknown; got {self.sex!r}")
        for name, value in (("height in cm", self.height_cm), ("weight in kg", self.weight_kg), ("age in years", self.age_years)):
            if value is not None and not (0 < value < math.inf or (value == 0 and name.startswith("age"))):
                raise MeasureError(f"the {name} must be a positive number, or None when unknown; got {value!r}")

    def over(self, stated: Subject) -> Subject:
        """What is known here, filled up with what is ``stated`` elsewhere."""
        age = stated.age_years if self.age_years is None else self.age_years
        return Subject(self.sex or stated.sex, self.height_cm or stated.height_cm, self.weight_kg or stated.weight_kg, age)
