"""The few lines that a finished run prints: the headline measures, the flags, the folder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:  # brings numpy
    from echoseg.types import Flag

HEADLINE = {"ef": "EF", "edv": "EDV", "esv": "ESV", "heart_rate": "heart rate"}
"""The measures that are printed, by their key in measurements.json; the others are in the files."""

SEVERITY_STYLE = {"info": "dim", "review": "yellow", "reject": "bold red"}


def measure_text(measure: Mapping[str, Any]) -> str:
    """``{"value": 57.21, "unit": "%"}`` as ``57.2 %``; no value as ``unknown``."""
    value = measure.get("value")
    if value is None:
        return "unknown"
    number = f"{value:.1f}" if isinstance(value, float) else str(value)
    return f"{number} {measure.get('unit') or ''}".rstrip()


def result_table(name: str, measurements: Mapping[str, Any], flags: Iterable[Flag], directory: Path) -> Table:
    """One finished input as a small grid of names and values."""
    table = Table.grid(padding=(0, 2))
    table.add_row(Text(name, "bold"))
    measures = measurements.get("measures", {})
    for key, label in HEADLINE.items():
        if key in measures:
            table.add_row(f"  {label}", Text(measure_text(measures[key])))
    for flag in flags:
        table.add_row("  flag", Text(f"{flag.code}: {flag.message}", SEVERITY_STYLE[flag.severity]))
    table.add_row("  folder", Text(str(directory)))
    return table
