"""Pictures of an evaluation: every case a dot, means with their intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from echoseg.evaluation.scores import Score, summarise
from echoseg.io.atomic import atomic_path
from echoseg.metrics.bootstrap import Mean

DOT, MEAN = "#0d9488", "#1f2933"


def plot_scores(path: Path, scores: Sequence[Score], measure: str = "dice") -> None:
    """One row a setting and structure: a dot for each case, the mean and its 95 % interval as a bar.

    Raises:
        OutputError: the picture cannot be written.
    """
    rows = [summary for summary in summarise(scores) if measure in summary.means]
    figure = Figure(figsize=(8, 1.1 + 0.42 * max(len(rows), 1)), dpi=120, layout="constrained", facecolor="white")
    axes = figure.add_subplot()
    for y, row in enumerate(rows):
        mean = row.means[measure]
        values = [s.measures.get(measure, np.nan) for s in scores if (s.setting, s.label) == (row.setting, row.label)]
        spread = np.linspace(-0.16, 0.16, len(values)) if len(values) > 1 else np.zeros(1)
        axes.plot(values, y + spread, "o", color=DOT, markersize=4, alpha=0.55, markeredgewidth=0)
        _draw_mean(axes, mean, y)
    axes.set_yticks(range(len(rows)), [f"{row.setting}: {row.label}  (n = {row.means[measure].cases})" for row in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlabel(f"{measure.capitalize()}: cases, mean and 95 % interval")
    axes.grid(axis="x", alpha=0.25)
    axes.spines[["top", "right", "left"]].set_visible(False)
    save_png(figure, path)


def plot_curves(path: Path, panels: Mapping[str, Mapping[float, Mean]]) -> None:
    """One panel a title, side by side: a mean and its 95 % interval over a number.

    Raises:
        OutputError: the picture cannot be written.
    """
    figure = Figure(figsize=(4.2 * max(len(panels), 1), 3.2), dpi=120, layout="constrained", facecolor="white")
    for index, (title, curve) in enumerate(panels.items(), start=1):
        axes = figure.add_subplot(1, len(panels), index)
        x = list(curve)
        axes.plot(x, [mean.value for mean in curve.values()], "o-", color=DOT, markersize=4)
        axes.fill_between(x, [m.low for m in curve.values()], [m.high for m in curve.values()], color=DOT, alpha=0.18, linewidth=0)
        axes.set_xlabel(title)
        axes.set_ylabel("Dice")
        axes.set_ylim(top=1.0)
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    save_png(figure, path)


def save_png(figure: Figure, path: Path) -> None:
    """The same figure gives the same file, byte for byte.

    Raises:
        OutputError: it cannot be written.
    """
    with atomic_path(path) as temporary:
        FigureCanvasAgg(figure).print_png(temporary, metadata={"Software": None})


def _draw_mean(axes: Axes, mean: Mean, y: float) -> None:
    if np.isfinite(mean.low):
        axes.plot([mean.low, mean.high], [y, y], color=MEAN, linewidth=2, solid_capstyle="round")
    axes.plot(mean.value, y, "D", color=MEAN, markersize=5)
