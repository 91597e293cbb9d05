"""Calibration of the EF interval (:mod:`echoseg.cardiac.interval`) on simulated studies, and how often it holds the truth on others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray

from echoseg.cardiac.interval import LEVEL, SIGNALS, IntervalModel, Signals, calibrate
from echoseg.evaluation.scores import Score
from echoseg.io.atomic import atomic_path

LEVELS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)


def fitted(scores: Sequence[Score], weights_sha256: str | None, command: str, level: float = LEVEL) -> IntervalModel:
    """The calibration from the single-plane scores of :func:`echoseg.evaluation.studies.score_study` with a model.

    Raises:
        MeasureError: too few clips were measured.
    """
    clips = measured_clips(scores)
    ef, truth, signals = [s.measures["ef"] for s in clips], [s.measures["ef_true"] for s in clips], [_signals(s) for s in clips]
    studies = len({score.subject for score in clips})
    return calibrate(ef, truth, signals, studies=studies, weights_sha256=weights_sha256, command=command, level=level)


def measured_clips(scores: Sequence[Score]) -> list[Score]:
    """Those of a single view that have an EF and its signals."""
    return [score for score in scores if {"ef", "ef_true", *SIGNALS} <= score.measures.keys()]


def held(model: IntervalModel, scores: Sequence[Score]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Intervals ``(N, 2)`` of the measured clips in percent, and ``(N,)`` whether each holds the truth."""
    clips = measured_clips(scores)
    bounds = np.array([model.interval(score.measures["ef"], _signals(score)) for score in clips]).reshape(-1, 2)
    truth = np.array([score.measures["ef_true"] for score in clips])
    return bounds, (bounds[:, 0] <= truth) & (truth <= bounds[:, 1])


def plot_calibration(path: Path, calibration: Sequence[Score], others: Sequence[Score]) -> None:
    """Left: intervals of the other clips against the truth. Right: share of them that hold it, at several levels.

    Raises:
        MeasureError: too few clips to calibrate. OutputError: the picture cannot be written.
    """
    from matplotlib.figure import Figure

    models = {level: fitted(calibration, None, "", level) for level in LEVELS}
    clips = measured_clips(others)
    bounds, inside = held(models[LEVEL], others)
    truth, ef = (np.array([score.measures[name] for score in clips]) for name in ("ef_true", "ef"))
    with mpl.rc_context({"font.size": 9}):
        figure = Figure(figsize=(9, 4.2), layout="constrained")
        left, right = figure.subplots(1, 2)
        for ok, colour, label in ((inside, "tab:blue", "holds the truth"), (~inside, "tab:red", "does not")):
            away = np.abs(bounds[ok] - ef[ok][:, None]).T
            left.errorbar(truth[ok], ef[ok], yerr=away, fmt="o", ms=3, lw=0.8, color=colour, label=f"{label} ({ok.sum()})")
        left.plot([0, 85], [0, 85], color="grey", lw=0.8)
        left.set(xlabel="true EF in 3D (%)", ylabel="single-plane EF by auto (%), 90 % interval", xlim=(5, 85), ylim=(0, 100))
        left.legend(loc="upper left", frameon=False)
        shares = [float(held(models[level], others)[1].mean()) for level in LEVELS]
        right.plot([0.4, 1], [0.4, 1], color="grey", lw=0.8)
        right.plot(LEVELS, shares, "o-", color="tab:blue")
        right.axhspan(0.85, 0.95, color="tab:green", alpha=0.15)
        title = f"calibrated on {len(measured_clips(calibration))} clips, tested on {len(clips)} of other hearts"
        right.set(xlabel="level", ylabel="share of intervals that hold the truth", title=title, xlim=(0.45, 1), ylim=(0.4, 1))
        with atomic_path(path) as temporary:
            figure.savefig(temporary, format="png", dpi=110)


def _signals(score: Score) -> Signals:
    return Signals(**{name: score.measures[name] for name in SIGNALS})
