"""A 90 % interval for the ejection fraction of a clip, from signals that cost nothing: no frame is segmented a second time.

How far EF is from the truth is predicted from what the masks say of themselves, and scaled so that simulated clips, whose truth is known,
lie inside as often as promised (split conformal prediction with a normalised score: Lei J et al., J Am Stat Assoc 2018;113:1094-111).
A calibration belongs to one set of weights, to EF by ``auto``, and to single-plane or to biplane EF; ``echoseg eval interval`` makes both.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib import resources
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import nnls

from echoseg.cardiac.cycle import smooth_curve
from echoseg.cardiac.function import LVAnalysis
from echoseg.errors import MeasureError

Planes = Literal["single-plane", "biplane"]
LEVEL = 0.90
FEWEST = 20
"""Clips below which nothing is calibrated: the 5 % and 95 % quantiles would be the extremes."""
SIGNALS = ("doubt", "roughness", "spread", "sparseness")


@dataclass(frozen=True)
class Signals:
    """What a measured clip says of its own EF; each 0 at best, and larger means less certain.

    Attributes:
        doubt: 1 - predicted IoU, mean over the ED and ES frames used, 0..1.
        roughness: noise of the area curve over its median (frame-to-frame jitter of the mask).
        spread: standard error of EF over the beats, percentage points; for one beat, that of the clip's noise on two frames.
        sparseness: part of a beat between two frames; 0.1 when the rate is unknown.
    """

    doubt: float
    roughness: float
    spread: float
    sparseness: float

    def row(self) -> NDArray[np.float64]:
        """``(5,)``: one and the signals, in the order of :data:`SIGNALS`."""
        return np.array([1.0, *(getattr(self, name) for name in SIGNALS)])


@dataclass(frozen=True)
class IntervalModel:
    """A calibration.

    Attributes:
        weights: ``(5,)`` points of expected absolute error: a constant, then one a unit of each of :data:`SIGNALS`; none negative.
        low, high: quantiles of (truth - EF) / expected error that hold 90 % of the clips between them.
        clips: how many it rests on. ``studies``: of how many hearts.
        weights_sha256: of the model's weights that segmented them; None: true masks.
        command: that made it.
    """

    weights: tuple[float, ...]
    low: float
    high: float
    clips: int
    studies: int
    weights_sha256: str | None
    command: str

    def expected_error(self, signals: Signals) -> float:
        """Expected absolute error of EF, percentage points."""
        return float(np.dot(self.weights, signals.row()))

    def interval(self, ef: float, signals: Signals) -> tuple[float, float]:
        """The 90 % interval of an EF in percent, within 0..100 (a negative EF: from there); it leans to the side to which EF errs."""
        error = self.expected_error(signals)
        low, high = np.clip([ef + self.low * error, ef + self.high * error], min(ef, 0.0), 100.0)
        return float(low), float(high)


def clip_signals(analysis: LVAnalysis, scores: ArrayLike | None, fps: float | None) -> Signals | None:
    """The signals of a clip; None when it has no EF or nothing tells what the model thought of its masks.

    Args:
        analysis: of the clip.
        scores: ``(T,)`` predicted IoU, NaN on frames that were not tracked.
        fps: frames per second, or None.

    Raises:
        MeasureError: not one score a frame.
    """
    if analysis.ef is None or scores is None:
        return None
    ious = np.asarray(scores, dtype=np.float64)
    area = analysis.curve.area_px
    if ious.shape != area.shape:
        raise MeasureError(f"scores must have one value a frame: {len(area)} frames, scores of shape {ious.shape}")
    used = [frame for beat in analysis.beats for frame in (beat.ed, beat.es)]
    if not np.isfinite(ious[used]).all():
        return None
    clock = np.arange(len(area)) / (fps or 30.0)
    _, noise, _ = smooth_curve(area, clock)
    roughness = noise / float(np.nanmedian(area))
    count = len(analysis.beats)
    # An area that errs by r moves a volume by about 1.5 r, at ED and ES alike.
    single = 100 * 1.5 * np.sqrt(2) * roughness
    spread = single if analysis.ef_spread is None else analysis.ef_spread / np.sqrt(count)
    sparseness = analysis.hr_bpm / 60 / fps if fps and analysis.hr_bpm else 0.1
    return Signals(float(1 - ious[used].mean()), float(roughness), float(spread), float(sparseness))


def joint_signals(views: Sequence[Signals]) -> Signals:
    """Those of a biplane EF: the mean of its two views, each of which it rests on alike.

    Raises:
        MeasureError: none are given.
    """
    if not views:
        raise MeasureError("a biplane EF has the signals of its views; none were given")
    return Signals(*(float(np.mean([getattr(view, name) for view in views])) for name in SIGNALS))


def calibrate(
    ef: ArrayLike,
    truth: ArrayLike,
    signals: Sequence[Signals],
    *,
    studies: int,
    weights_sha256: str | None,
    command: str,
    level: float = LEVEL,
) -> IntervalModel:
    """Fits the expected error, then scales it.

    Args:
        ef, truth: ``(N,)`` percent.
        signals: ``N`` of them.
        studies, weights_sha256, command: kept with the model.
        level: share of the clips to hold between the quantiles; what is shipped has 0.9.

    Raises:
        MeasureError: fewer than :data:`FEWEST` clips, or lengths differ.
    """
    found, true = np.asarray(ef, dtype=np.float64), np.asarray(truth, dtype=np.float64)
    if found.shape != true.shape or found.shape != (len(signals),):
        raise MeasureError(f"one EF, truth and set of signals a clip; got {found.shape}, {true.shape} and {len(signals)}")
    if len(found) < FEWEST:
        raise MeasureError(f"{len(found)} measured clips are too few to calibrate an interval; give at least {FEWEST}")
    rows = np.stack([signal.row() for signal in signals])
    # Coefficients that cannot be negative: a clip that doubts itself more never gets a narrower interval.
    weights, _ = nnls(rows, np.abs(found - true))
    weights[0] = max(weights[0], 0.5)  # no clip is certain
    ratio = np.sort((true - found) / (rows @ weights))
    # split conformal prediction: of N + 1 ranks, as many lie outside as the level allows, the same number at either end
    outside = max(int((len(found) + 1) * (1 - level) / 2 + 1e-9), 1)
    low, high = float(ratio[outside - 1]), float(ratio[-outside])
    return IntervalModel(tuple(weights.tolist()), min(low, 0.0), max(high, 0.0), len(found), studies, weights_sha256, command)


def models_text(models: Mapping[Planes, IntervalModel]) -> str:
    """As JSON for :func:`read_models`; ends with a newline."""
    return json.dumps({planes: asdict(model) for planes, model in models.items()}, indent=2) + "\n"


def read_models(text: str) -> dict[Planes, IntervalModel]:
    """What :func:`models_text` wrote.

    Raises:
        MeasureError: it is something else.
    """
    try:
        read: dict[Planes, Any] = json.loads(text)
        models = {planes: IntervalModel(**(values | {"weights": tuple(map(float, values["weights"]))})) for planes, values in read.items()}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise MeasureError(f"not a calibration of EF intervals: {error}; make one with echoseg eval interval") from error
    sound = all(len(model.weights) == 1 + len(SIGNALS) and model.low <= 0 <= model.high for model in models.values())
    if not models or not set(models) <= set(get_args(Planes)) or not sound:
        raise MeasureError("not a calibration of EF intervals: make one with echoseg eval interval")
    return models


@cache
def shipped_model(weights_sha256: str | None, planes: Planes = "single-plane") -> IntervalModel | None:
    """The calibration that comes with echoseg, if it was made with these weights; None for other weights: no interval is guessed."""
    for name in ("ef-interval.json", "ef-interval-sim.json"):
        file = resources.files("echoseg.cardiac").joinpath(name)
        model = read_models(file.read_text(encoding="utf-8")).get(planes) if file.is_file() else None
        if model is not None and model.weights_sha256 == weights_sha256:
            return model
    return None
