"""Measures as a reader sees them: labels, rounding, ranges. The full decimals are in the JSON files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, NamedTuple

UNKNOWN = "–"
LABELS = {
    "ef": ("Ejection fraction", 0),
    "edv": ("End-diastolic volume", 0),
    "esv": ("End-systolic volume", 0),
    "sv": ("Stroke volume", 0),
    "hr": ("Heart rate", 0),
    "co": ("Cardiac output", 1),
    "edv_index": ("End-diastolic volume index", 0),
    "esv_index": ("End-systolic volume index", 0),
    "sv_index": ("Stroke volume index", 0),
    "cardiac_index": ("Cardiac index", 1),
    "fac": ("Fractional area change", 0),
    "contour_strain": ("Contour strain", 0),
    "peak_ejection_rate": ("Peak ejection rate", 1),
    "peak_filling_rate": ("Peak filling rate", 1),
    "sphericity": ("Sphericity index", 2),
    "la_volume": ("Left-atrial volume", 0),
    "la_volume_disks": ("Left-atrial volume, disks", 0),
    "la_volume_index": ("Left-atrial volume index", 0),
    "rv_fac": ("RV fractional area change", 0),
    "wall_thickness": ("Wall thickness", 0),
    "lv_mass": ("LV mass", 0),
    "lv_mass_index": ("LV mass index", 0),
    "length_a4c": ("Long axis, A4C", 0),
    "length_a2c": ("Long axis, A2C", 0),
}
"""Measure -> (label, decimals), in the order shown; one that is not here is shown after them under its key."""
HEADLINE = ("ef", "edv", "esv", "sv", "hr", "co", "fac")
_SEX = {"M": "men", "F": "women"}


class Row(NamedTuple):
    """One line of the table of measures, as text; empty where there is nothing to say."""

    label: str
    value: str
    unit: str
    interval: str
    range: str
    grade: str
    abnormal: bool
    method: str


def shown(value: float | None, decimals: int) -> str:
    """A number for reading, an en dash when unknown; halves are rounded up, as they are where values are graded."""
    if value is None:
        return UNKNOWN
    rounded = Decimal(str(value)).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
    return f"{rounded or abs(rounded):f}"  # no minus before a zero


def measure_rows(measures: Mapping[str, Any]) -> list[Row]:
    """The table of all measures, those with a label first."""
    keys = [*(key for key in LABELS if key in measures), *(key for key in measures if key not in LABELS)]
    return [_row(key, measures[key]) for key in keys]


def range_note(record: Mapping[str, Any]) -> str:
    """Which guideline the ranges are from, or why there are none."""
    references = [entry["reference"] for entry in record["measures"].values() if entry["reference"]]
    if not references:
        return "The sex is unknown: no reference ranges." if record["subject"]["sex"] is None else "No reference range for these measures."
    first = references[0]
    methods = ", ".join(sorted({reference["method"] for reference in references}))
    return f"Normal ranges of {_SEX[first['sex']]}: {first['guideline']}, measured there by {methods}."


def _row(key: str, entry: Mapping[str, Any]) -> Row:
    label, decimals = LABELS.get(key, (key.replace("_", " ").capitalize(), 1))
    interval, reference = entry["interval"], entry["reference"]
    known = entry["value"] is not None
    return Row(
        label,
        shown(entry["value"], decimals),
        entry["unit"] if known and entry["unit"] != "1" else "",
        "" if interval is None else _interval(interval, decimals, entry.get("interval_level")),
        "" if reference is None else _range(reference["low"], reference["high"]),
        "" if reference is None else reference["grade"],
        reference is not None and reference["grade"] != "normal",
        (entry["method"] or "") if known else entry["reason"],
    )


def _interval(interval: Sequence[float], decimals: int, level: float | None) -> str:
    """``36 to 53 (beats)`` for the range over the beats, ``36 to 53 (90 %)`` for a calibrated interval."""
    low, high = (shown(bound, decimals) for bound in interval)
    return f"{low} to {high} ({'beats' if level is None else f'{100 * level:.0f} %'})"


def _range(low: float | None, high: float | None) -> str:
    if low is None:
        return f"up to {high:g}"
    return f"from {low:g}" if high is None else f"{low:g} to {high:g}"
