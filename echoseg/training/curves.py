"""A run's curves as one picture, drawn from its CSV files."""

from __future__ import annotations

import csv
from itertools import groupby
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from echoseg.io.atomic import atomic_path

_COLOURS = 10  # that matplotlib goes through before it begins again
_SPAN = 10  # rows of the log that the smooth line averages


def draw_curves(folder: Path) -> Path | None:
    """Writes ``<folder>/curves.png``: the loss, and every accuracy of the hold-out, over the steps; stages are shaded in turn.

    Args:
        folder: of a run, with ``train.csv`` and, once measured, ``eval.csv``.

    Returns:
        The picture's path, or None when nothing was logged yet.

    Raises:
        OutputError: the picture cannot be written.
    """
    log = _table(folder / "train.csv")
    if not log:
        return None
    scores = _table(folder / "eval.csv")
    figure = Figure(figsize=(9, 6 if scores else 3.2), dpi=120, layout="constrained", facecolor="white")
    panels = figure.subplots(2 if scores else 1, 1, sharex=True, squeeze=False)[:, 0]
    steps, losses = _numbers(log, "step"), _numbers(log, "loss")
    panels[0].plot(steps, losses, color="#cbd5e1", linewidth=0.8)
    panels[0].plot(steps, [losses[max(i - _SPAN + 1, 0) : i + 1].mean() for i in range(len(losses))], color="#0f766e")
    panels[0].set_ylabel("loss")
    if scores:
        for number, name in enumerate(name for name in scores[0] if name not in ("step", "score")):
            style = "-" if number < _COLOURS else "--"
            panels[1].plot(_numbers(scores, "step"), _numbers(scores, name), style, marker="o", markersize=3, linewidth=1, label=name)
        panels[1].set_ylabel("Dice on the hold-out")
        panels[1].legend(fontsize=7, ncols=2, loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    for number, (stage, rows) in enumerate(groupby(log, key=lambda row: row["stage"])):
        span = _numbers(list(rows), "step")
        for panel in panels:
            panel.axvspan(span[0], span[-1], color="#f1f5f9" if number % 2 else "white", zorder=0)
        panels[0].annotate(stage, (span[0], 1.0), xycoords=("data", "axes fraction"), fontsize=8, va="bottom")
    for panel in panels:
        panel.spines[["top", "right"]].set_visible(False)
    panels[-1].set_xlabel("step")
    FigureCanvasAgg(figure)
    path = folder / "curves.png"
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png")
    return path


def _table(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _numbers(rows: list[dict[str, str]], column: str) -> NDArray[np.float64]:
    """One column; NaN where a row has no value."""
    return np.array([float(row[column] or "nan") for row in rows])
