"""An agreement as files: statistics, cases, confusion, and the Bland-Altman and scatter plots."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from echoseg.errors import OutputError
from echoseg.evaluation.ef_tables import PairedValues
from echoseg.evaluation.plots import DOT, MEAN, save_png
from echoseg.io.atomic import atomic_path
from echoseg.metrics.agreement import EF_CLASSES, Agreement

_FILES = ("agreement.csv", "cases.csv", "confusion.csv", "bland_altman.png", "scatter.png")


def write_agreement(directory: Path, agreement: Agreement, paired: PairedValues) -> list[Path]:
    """Writes agreement.csv (a row a statistic), cases.csv, confusion.csv, bland_altman.png and scatter.png.

    Raises:
        OutputError: a file cannot be written.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{directory}: cannot be made ({error.strerror}); choose another folder") from error
    statistics = [
        ("statistic", "value", "low", "high"),
        *((name, *(f"{x:.6g}" for x in (e.value, e.low, e.high))) for name, e in agreement.statistics.items()),
        ("cases", str(len(agreement.predicted)), "", ""),
        ("subjects", str(agreement.subjects), "", ""),
    ]
    cases = [
        ("name", "predicted", "reference", "difference"),
        *((name, f"{a:g}", f"{b:g}", f"{a - b:.6g}") for name, a, b in zip(paired.keys, paired.predicted, paired.reference, strict=True)),
    ]
    counts = zip(EF_CLASSES, agreement.confusion.tolist(), strict=True)
    classes = [("reference \\ predicted", *EF_CLASSES), *((name, *map(str, row)) for name, row in counts)]
    paths = [
        _write_csv(directory / "agreement.csv", statistics),
        _write_csv(directory / "cases.csv", cases),
        _write_csv(directory / "confusion.csv", classes),
    ]
    for name, draw in (("bland_altman.png", draw_bland_altman), ("scatter.png", draw_scatter)):
        figure = Figure(figsize=(5.6, 4.4), dpi=130, layout="constrained", facecolor="white")
        draw(figure.add_subplot(), agreement)
        save_png(figure, directory / name)
        paths.append(directory / name)
    return paths


def remove_agreement(directory: Path) -> None:
    """Removes what :func:`write_agreement` once wrote there, nothing else, and the folder if that leaves it empty.

    Raises:
        OutputError: a file cannot be removed.
    """
    if not directory.is_dir():
        return
    try:
        for name in _FILES:
            (directory / name).unlink(missing_ok=True)
        if not any(directory.iterdir()):
            directory.rmdir()
    except OSError as error:
        raise OutputError(f"{directory}: of an earlier evaluation, cannot be removed ({error.strerror}); choose another folder") from error


def draw_bland_altman(axes: Axes, agreement: Agreement) -> None:
    """Difference over mean, with bias and 95 % limits of agreement and their intervals (Bland JM, Altman DG, Lancet 1986;327:307-10)."""
    a, b = agreement.predicted, agreement.reference
    axes.plot((a + b) / 2, a - b, "o", color=DOT, alpha=0.6, markersize=4.5, markeredgewidth=0)
    for name, label, style in (("loa_high", "+1.96 SD", "--"), ("bias", "bias", "-"), ("loa_low", "−1.96 SD", "--")):
        line = agreement.statistics[name]
        axes.axhline(line.value, color=MEAN, linewidth=1.2, linestyle=style)
        if np.isfinite(line.low):
            axes.axhspan(line.low, line.high, color=MEAN, alpha=0.08, linewidth=0)
        axes.annotate(
            f"{label} {line.value:+.1f}", (1, line.value), (-3, 3), xycoords=("axes fraction", "data"), textcoords="offset points",
            ha="right", fontsize=8, color=MEAN,
        )  # fmt: skip
    axes.set_xlabel("mean of prediction and reference, EF (%)")
    axes.set_ylabel("prediction − reference (points)")
    _plain(axes)


def draw_scatter(axes: Axes, agreement: Agreement) -> None:
    """Prediction over reference, the line of identity, and the limits of the EF classes."""
    a, b = agreement.predicted, agreement.reference
    low, high = min(a.min(), b.min()) - 3, max(a.max(), b.max()) + 3
    axes.plot([low, high], [low, high], color=MEAN, linewidth=1)
    for limit in (40.5, 49.5):
        axes.axhline(limit, color=MEAN, alpha=0.2, linewidth=0.8)
        axes.axvline(limit, color=MEAN, alpha=0.2, linewidth=0.8)
    axes.plot(b, a, "o", color=DOT, alpha=0.6, markersize=4.5, markeredgewidth=0)
    r, icc, mae = (agreement.statistics[name].value for name in ("pearson_r", "icc_2_1", "mae"))
    text = f"n = {len(a)}\nr = {r:.3f}\nICC(2,1) = {icc:.3f}\nMAE = {mae:.1f} points"
    axes.text(0.03, 0.97, text, transform=axes.transAxes, va="top", fontsize=8.5, color=MEAN)
    axes.set(xlim=(low, high), ylim=(low, high), xlabel="reference EF (%)", ylabel="predicted EF (%)")
    axes.set_aspect("equal")
    _plain(axes)


def _plain(axes: Axes) -> None:
    axes.grid(alpha=0.2)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _write_csv(path: Path, rows: Sequence[Sequence[str]]) -> Path:
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
    return path
