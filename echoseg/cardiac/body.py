"""Body surface area, to index volumes by."""

from __future__ import annotations

from typing import Literal

from echoseg.errors import MeasureError

Formula = Literal["mosteller", "dubois"]


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
