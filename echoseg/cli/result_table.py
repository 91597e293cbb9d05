"""The few lines that a finished run prints: the headline measures, the flags, the folder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from echoseg.record.measures import MEASURES

if TYPE_CHECKING:  # brings numpy
    from echoseg.types import Flag

PRINTED = [MEASURES[key] for key in ("ef", "edv", "esv", "la_volume", "hr")]
"""The measures that are printed; the others are in the files."""

SEVERITY_STYLE = {"info": "dim", "review": "yellow", "reject": "bold red"}


def measure_text(measure: Mapping[str, Any]) -> str:
    """``{"value": 57.2, "unit": "%", "interval": [55.1, 59.0]}`` as ``57.2 % (55.1 to 59.0)``; no value as ``unknown`` and why."""
    value, interval = measure.get("value"), measure.get("interval")
    if value is None:
        reason = measure.get("reason")
        return f"unknown: {reason}" if reason else "unknown"
    text = f"{value:g} {measure.get('unit') or ''}".rstrip()
    return f"{text} ({interval[0]:g} to {interval[1]:g})" if interval else text


def result_table(name: str, measurements: Mapping[str, Any], flags: Iterable[Flag], directory: Path) -> Table:
    """One finished input as a small grid of names and values. ``measurements`` has the shape of measurements.json."""
    table = Table.grid(padding=(0, 2))
    table.add_row(Text(name, "bold"))
    measures = measurements.get("measures", {})
    for measure in PRINTED:
        if measure.key in measures:
            table.add_row(f"  {measure.short}", Text(measure_text(measures[measure.key])))
    for found in measurements.get("objects", ()):
        if found.get("volume_ml") is not None:
            table.add_row(f"  {found['name']}", Text(f"{found['volume_ml']:g} mL"))
    for flag in flags:
        table.add_row("  flag", Text(f"{flag.code}: {flag.message}", SEVERITY_STYLE[flag.severity]))
    table.add_row("  folder", Text(str(directory)))
    return table


def study_table(record: Mapping[str, Any], flags: Iterable[Flag], path: Path) -> Table:
    """A finished study as a small grid. ``record`` has the shape of study.json, which lies at ``path``."""
    table = Table.grid(padding=(0, 2))
    table.add_row(Text("study, biplane", "bold"))
    for measure in PRINTED:
        if measure.key in record["measures"]:
            table.add_row(f"  {measure.short}", Text(measure_text(record["measures"][measure.key])))
    table.add_row("  clips", Text(", ".join(f"{clip['view']} {clip['name']}" for clip in record["clips"] if clip["used"])))
    for flag in flags:
        table.add_row("  flag", Text(f"{flag.code}: {flag.message}", SEVERITY_STYLE[flag.severity]))
    table.add_row("  file", Text(str(path)))
    return table
