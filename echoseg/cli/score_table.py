"""Scores as tables for the terminal: means with their 95 % intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table

if TYPE_CHECKING:
    from echoseg.evaluation.scores import Score
    from echoseg.metrics.bootstrap import Mean

CAPTION = "mean [95 % interval, subjects resampled]"


def score_table(scores: Sequence[Score]) -> Table:
    """One row a setting and structure, one column a measure that any of them has; for settings that share their measures."""
    from echoseg.evaluation.scores import measure_names, summarise

    summaries = summarise(scores)
    shown = [name for name in measure_names(scores) if any(name in summary.means for summary in summaries)]
    table = _table("setting", "structure", "n", *(name.replace("_", " ") for name in shown))
    for summary in summaries:
        cells = [mean_text(summary.means[name], "\n") if name in summary.means else "" for name in shown]
        cases = max((mean.cases for mean in summary.means.values()), default=0)
        table.add_row(summary.setting, summary.label, str(cases), *cells)
    return table


def measure_table(scores: Sequence[Score], measures: Sequence[str]) -> Table:
    """One row a setting, structure and measure; for settings that have measures of their own.

    Args:
        measures: those to show.
    """
    from echoseg.evaluation.scores import summarise

    table = _table("setting", "structure", "measure", "n", "mean")
    for summary in summarise(scores):
        for name, mean in summary.means.items():
            if name in measures:
                table.add_row(summary.setting, summary.label, name.replace("_", " "), str(mean.cases), mean_text(mean, " "))
    return table


def mean_text(mean: Mean, gap: str) -> str:
    """``0.912``, ``gap``, ``[0.887, 0.931]``; without an interval the mean alone."""
    value = _digits(mean.value)
    return value if math.isnan(mean.low) else f"{value}{gap}[{_digits(mean.low)}, {_digits(mean.high)}]"


def _digits(value: float) -> str:
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, caption=CAPTION, caption_justify="left", padding=(0, 1, 0, 0))
    for name in columns:
        table.add_column(name)
    return table
