"""Scores as a table for the terminal: means with their 95 % intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table

if TYPE_CHECKING:
    from echoseg.evaluation.bootstrap import Mean
    from echoseg.evaluation.scores import Score


def score_table(scores: Sequence[Score], measures: Sequence[str] | None = None) -> Table:
    """One row a setting and structure, one column a measure that any of them has.

    Args:
        measures: those to show; None for all.
    """
    from echoseg.evaluation.scores import measure_names, summarise

    summaries = summarise(scores)
    wanted = measure_names(scores) if measures is None else measures
    shown = [name for name in wanted if any(name in summary.means for summary in summaries)]
    table = Table(box=box.SIMPLE_HEAD, caption="mean [95 % interval, subjects resampled]", caption_justify="left")
    table.add_column("setting")
    table.add_column("structure")
    table.add_column("n", justify="right")
    for name in shown:
        table.add_column(name.replace("_", " "))
    for summary in summaries:
        cells = [mean_text(summary.means[name]) if name in summary.means else "" for name in shown]
        cases = max((mean.cases for mean in summary.means.values()), default=0)
        table.add_row(summary.setting, summary.label, str(cases), *cells)
    return table


def mean_text(mean: Mean) -> str:
    """``0.912`` above ``[0.887, 0.931]``; without an interval the mean alone. Three digits count."""
    value = _digits(mean.value)
    return value if math.isnan(mean.low) else f"{value}\n[{_digits(mean.low)}, {_digits(mean.high)}]"


def _digits(value: float) -> str:
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"
