"""Calibration of the EF interval (:mod:`echoseg.cardiac.interval`) on patients or simulated studies, and how often it holds the truth of
others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray

from echoseg.cardiac.interval import LEVEL, SIGNALS, IntervalModel, Planes, Signals, calibrate
from echoseg.evaluation.scores import Score
from echoseg.io.atomic import atomic_path

LEVELS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)


def fitted(
    scores: Sequence[Score], weights_sha256: str | None, command: str, level: float = LEVEL, planes: Planes = "single-plane"
) -> IntervalModel:
    """The calibration from the scores of :func:`echoseg.evaluation.studies.score_study` with a model.

    Raises:
        MeasureError: too few clips (of a biplane EF: studies) were measured.
    """
    clips = measured(scores, planes)
    ef, truth, signals = [s.measures["ef"] for s in clips], [s.measures["ef_true"] for s in clips], [_signals(s) for s in clips]
    studies = len({score.subject for score in clips})
    return calibrate(ef, truth, signals, studies=studies, weights_sha256=weights_sha256, command=command, level=level)


def measured(scores: Sequence[Score], planes: Planes) -> list[Score]:
    """Those of a single view, or of two, that have an EF and its signals."""
    whole = {"ef", "ef_true", *SIGNALS}
    return [score for score in scores if whole <= score.measures.keys() and (score.label == "biplane") == (planes == "biplane")]


def clip_scores(scores: Sequence[Score]) -> list[Score]:
    """Of the scores of :func:`echoseg.evaluation.camus_table.camus_scores` those that an interval rests on: EF of clips by ``auto``."""
    return [score for score in scores if score.setting == "clip, auto"]


def cross_held(scores: Sequence[Score], planes: Planes, folds: int = 5) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """As :func:`held`, each subject by a calibration on the others: subjects are dealt to ``folds`` in the order of their names.

    Raises:
        MeasureError: too few clips or subjects to calibrate on.
    """
    subjects = sorted({score.subject for score in scores})
    parts = []
    for fold in range(folds):
        aside = set(subjects[fold::folds])
        model = fitted([score for score in scores if score.subject not in aside], None, "", planes=planes)
        parts.append(held(model, [score for score in scores if score.subject in aside], planes))
    return np.concatenate([bounds for bounds, _ in parts]), np.concatenate([inside for _, inside in parts])


def held(model: IntervalModel, scores: Sequence[Score], planes: Planes = "single-plane") -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Intervals ``(N, 2)`` of the measured clips or studies in percent, and ``(N,)`` whether each holds the truth."""
    clips = measured(scores, planes)
    bounds = np.array([model.interval(score.measures["ef"], _signals(score)) for score in clips]).reshape(-1, 2)
    truth = np.array([score.measures["ef_true"] for score in clips])
    return bounds, (bounds[:, 0] <= truth) & (truth <= bounds[:, 1])


def plot_calibration(path: Path, calibration: Sequence[Score], others: Sequence[Score]) -> None:
    """A row for single-plane, one for biplane EF. Left: intervals against the truth. Right: share that holds it, at several levels.

    Raises:
        MeasureError: too few clips or studies to calibrate. OutputError: the picture cannot be written.
    """
    from matplotlib.figure import Figure

    with mpl.rc_context({"font.size": 9}):
        figure = Figure(figsize=(9, 8.4), layout="constrained")
        for axes, planes in zip(figure.subplots(2, 2), get_args(Planes), strict=True):
            _plot_row(axes, calibration, others, planes)
        with atomic_path(path) as temporary:
            figure.savefig(temporary, format="png", dpi=110)


def _plot_row(axes: Sequence[Any], calibration: Sequence[Score], others: Sequence[Score], planes: Planes) -> None:
    left, right = axes
    models = {level: fitted(calibration, None, "", level, planes) for level in LEVELS}
    clips = measured(others, planes)
    bounds, inside = held(models[LEVEL], others, planes)
    truth, ef = (np.array([score.measures[name] for score in clips]) for name in ("ef_true", "ef"))
    for ok, colour, label in ((inside, "tab:blue", "holds the truth"), (~inside, "tab:red", "does not")):
        away = np.abs(bounds[ok] - ef[ok][:, None]).T
        left.errorbar(truth[ok], ef[ok], yerr=away, fmt="o", ms=3, lw=0.8, color=colour, label=f"{label} ({ok.sum()})")
    left.plot([0, 85], [0, 85], color="grey", lw=0.8)
    left.set(xlabel="true EF in 3D (%)", ylabel=f"{planes} EF by auto (%), 90 % interval", xlim=(5, 85), ylim=(0, 100))
    left.legend(loc="upper left", frameon=False)
    shares = [float(held(models[level], others, planes)[1].mean()) for level in LEVELS]
    right.plot([0.4, 1], [0.4, 1], color="grey", lw=0.8)
    right.plot(LEVELS, shares, "o-", color="tab:blue")
    right.axhspan(0.85, 0.95, color="tab:green", alpha=0.15)
    what = "studies" if planes == "biplane" else "clips"
    title = f"calibrated on {len(measured(calibration, planes))} {what}, tested on {len(clips)} others"
    right.set(xlabel="level", ylabel="share of intervals that hold the truth", title=title, xlim=(0.45, 1), ylim=(0.4, 1))


def _signals(score: Score) -> Signals:
    return Signals(**{name: score.measures[name] for name in SIGNALS})
