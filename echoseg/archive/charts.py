"""Charts of the cohort report, as PNG."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from echoseg.metrics.agreement import Differences
from echoseg.record.quality import Quality

_INK, _DIM, _ACCENT, _WARN = "#1f2933", "#616e7c", "#0d9488", "#b91c1c"
_EF_BINS = np.arange(0, 101, 5)


def ef_histogram(ef: NDArray[np.float64], quality: list[str]) -> bytes:
    """EF in steps of 5 percent, by quality. ``ef`` ``(n,)`` percent; ``quality`` of the same clips."""
    figure = Figure(figsize=(9, 3), layout="constrained")
    axes = figure.add_subplot()
    colours = dict(zip(Quality, (_ACCENT, "#f0b429", "#d9dee4"), strict=True))
    parts = [np.clip(ef[[each == name for each in quality]], 0, 100) for name in colours]
    axes.hist(
        parts,
        bins=list(_EF_BINS),
        stacked=True,
        color=list(colours.values()),
        label=[str(name) for name in colours],
        edgecolor="white",
        linewidth=0.6,
    )
    axes.set(xlabel="EF (%)", ylabel="clips", xlim=(0, 100))
    axes.legend(frameon=False, loc="upper left")
    return _png(figure)


def ef_agreement(measured: NDArray[np.float64], truth: NDArray[np.float64], found: Differences) -> bytes:
    """Measured against true EF, and Bland-Altman plot; both ``(n,)`` percent without NaN."""
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot([0, 100], [0, 100], color=_DIM, linewidth=0.8)
    left.scatter(truth, measured, s=14, color=_ACCENT, alpha=0.6, linewidths=0)
    left.set(xlabel="true EF (%)", ylabel="measured EF (%)", xlim=(0, 100), ylim=(0, 100), aspect="equal")
    right.scatter((truth + measured) / 2, measured - truth, s=14, color=_ACCENT, alpha=0.6, linewidths=0)
    right.axhline(found.bias, color=_INK, linewidth=1)
    for limit in (found.low, found.high):
        if limit is not None:
            right.axhline(limit, color=_WARN, linewidth=0.8, linestyle="--")
    right.set(xlabel="mean of both (%)", ylabel="measured − true (points)")
    return _png(figure)


def _png(figure: Figure) -> bytes:
    for axes in figure.axes:
        axes.spines[["top", "right"]].set_visible(False)
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return buffer.getvalue()
