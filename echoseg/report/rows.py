"""Measures as a reader sees them: labels, rounding, ranges. The full decimals are in the JSON files."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, NamedTuple

from echoseg.record.measures import MEASURES, Measure

UNKNOWN = "–"
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
    """The table of all measures."""
    return [_row(measure, measures[key]) for key, measure in MEASURES.items() if key in measures]


def range_note(record: Mapping[str, Any]) -> str:
    """Which guideline the ranges are from, or why there are none."""
    if any(flag["code"] == "child" for flag in record["flags"]):
        return "No reference ranges: those here are of adults, see the flag child."
    references = [entry["reference"] for entry in record["measures"].values() if entry["reference"]]
    if not references:
        return "The sex is unknown: no reference ranges." if record["subject"]["sex"] is None else "No reference range for these measures."
    by_guideline: dict[str, set[str]] = {}
    for reference in references:
        by_guideline.setdefault(reference["guideline"], set()).add(reference["method"])
    told = "; ".join(f"{name}, measured there by {', '.join(sorted(methods))}" for name, methods in by_guideline.items())
    return f"Normal ranges of {_SEX[references[0]['sex']]}: {told}."


def view_in(method: str | None) -> str | None:
    """The view that a method names, such as A4C of ``single-plane disks (A4C)``."""
    found = re.search(r"\((A[24]C)", method or "")
    return found[1] if found else None


def _row(measure: Measure, entry: Mapping[str, Any]) -> Row:
    decimals = measure.shown
    interval, reference = entry["interval"], entry["reference"]
    known = entry["value"] is not None
    return Row(
        measure.named(view_in(entry["method"])),
        shown(entry["value"], decimals),
        entry["unit"] if known and entry["unit"] != "1" else "",
        "" if interval is None else _interval(interval, decimals, entry.get("interval_level")),
        "" if reference is None else reference.get("worded") or _range(reference["low"], reference["high"]),
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
