"""How well two ways of measuring agree: error, Bland-Altman limits, correlation, ICC(2,1), classes and kappa, with bootstrap intervals.

Own formulas, each a line or two and tested on published examples: the libraries that have them all bring pandas, statsmodels and
scikit-learn with them (some 150 MB) for five sums.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from echoseg.errors import MeasureError
from echoseg.metrics.bootstrap import RESAMPLES, interval, resamples

Floats = NDArray[np.float64]

EF_CLASSES = ("reduced, up to 40 %", "mildly reduced, 41 to 49 %", "preserved, 50 % or more")
"""Classes of ejection fraction in heart failure (Bozkurt B et al., universal definition, J Card Fail 2021;27:387-413)."""
FEWEST = 3


@dataclass(frozen=True)
class Estimate:
    """A statistic and its 95 % percentile bootstrap interval; NaN ends where there are fewer than two subjects."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Agreement:
    """Predictions against a reference.

    Attributes:
        predicted, reference: ``(n,)`` float64, the cases that were compared.
        statistics: ``{name: Estimate}``: ``mae``, ``rmse``, ``bias`` (predicted less reference), ``sd`` of the differences,
            ``loa_low`` and ``loa_high`` (bias less and plus 1.96 sd), ``pearson_r``, ``icc_2_1``, ``kappa`` and ``kappa_linear``.
        confusion: ``(3, 3)`` int64, rows are the reference's :data:`EF_CLASSES`, columns the prediction's.
        subjects: how many subjects the cases come from.
    """

    predicted: Floats
    reference: Floats
    statistics: dict[str, Estimate]
    confusion: NDArray[np.int64]
    subjects: int


def ef_agreement(predicted: ArrayLike, reference: ArrayLike, subjects: Sequence[Hashable] | None = None, seed: int = 0) -> Agreement:
    """Agreement of ejection fractions in percent.

    Args:
        predicted, reference: ``(n,)`` finite values, n >= 3.
        subjects: ``(n,)`` whom each case comes from, resampled as a whole; None: every case is a subject.
        seed: the same seed gives the same intervals.

    Raises:
        MeasureError: shapes differ, fewer than three cases, or a value that is not finite.
    """
    a, b = np.asarray(predicted, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    if a.ndim != 1 or a.shape != b.shape or len(a) < FEWEST:
        given = f"shapes {a.shape} and {b.shape}" if a.shape != b.shape or a.ndim != 1 else f"{len(a)}"
        raise MeasureError(f"agreement needs {FEWEST} or more cases with both values; got {given}")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise MeasureError("agreement needs finite values: leave out cases without one")
    owners = list(range(len(a))) if subjects is None else list(subjects)
    if len(owners) != len(a):
        raise MeasureError(f"one subject a case: {len(a)} cases, {len(owners)} subjects")
    groups: dict[Hashable, list[int]] = {}
    for case, owner in enumerate(owners):
        groups.setdefault(owner, []).append(case)
    statistics = _with_intervals(a, b, [np.array(group) for group in groups.values()], seed)
    return Agreement(a, b, statistics, confusion(ef_classes(b), ef_classes(a)), len(groups))


def ef_classes(ef: Floats) -> NDArray[np.int64]:
    """``(n,)`` index into :data:`EF_CLASSES`, by whole percent."""
    return np.digitize(np.floor(ef + 0.5), (41, 50)).astype(np.int64)


def confusion(reference: NDArray[np.int64], predicted: NDArray[np.int64], classes: int = len(EF_CLASSES)) -> NDArray[np.int64]:
    """``(classes, classes)`` counts: row of the reference's class, column of the prediction's."""
    counts = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(counts, (reference, predicted), 1)
    return counts


def kappa(counts: NDArray[np.int64], *, linear: bool = False) -> float:
    """Cohen's kappa of a confusion matrix (Cohen J, Educ Psychol Meas 1960;20:37-46); NaN when chance alone explains all.

    Args:
        linear: weight a disagreement by how many classes it is apart (Cohen J, Psychol Bull 1968;70:213-20).
    """
    classes = np.arange(len(counts))
    apart = np.abs(classes[:, None] - classes)
    cost = apart.astype(np.float64) if linear else (apart > 0).astype(np.float64)
    by_chance = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / counts.sum()
    expected = float((cost * by_chance).sum())
    return 1 - float((cost * counts).sum()) / expected if expected > 0 else float("nan")


def icc_2_1(ratings: ArrayLike) -> float:
    """Intraclass correlation: two-way random effects, absolute agreement, single rater; NaN when all ratings are equal.

    ``(MSR - MSE) / (MSR + (k - 1) MSE + k (MSC - MSE) / n)``: ICC(2,1) of Shrout PE, Fleiss JL, Psychol Bull 1979;86:420-8.

    Args:
        ratings: ``(n, k)``, n targets by k raters.
    """
    x = np.asarray(ratings, dtype=np.float64)
    n, k = x.shape
    rows, columns = x.mean(axis=1) - x.mean(), x.mean(axis=0) - x.mean()
    between_rows, between_columns = k * float((rows**2).sum()) / (n - 1), n * float((columns**2).sum()) / (k - 1)
    rest = float(((x - x.mean() - rows[:, None] - columns) ** 2).sum()) / ((n - 1) * (k - 1))
    spread = between_rows + (k - 1) * rest + k * (between_columns - rest) / n
    return (between_rows - rest) / spread if np.ptp(x) > 0 and spread > 0 else float("nan")


def pearson_r(a: Floats, b: Floats) -> float:
    """Pearson's correlation; NaN when one of the two does not vary."""
    x, y = a - a.mean(), b - b.mean()
    scale = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y) / scale if min(np.ptp(a), np.ptp(b)) > 0 and scale > 0 else float("nan")


STATISTICS: dict[str, Callable[[Floats, Floats], float]] = {
    "mae": lambda a, b: float(np.abs(a - b).mean()),
    "rmse": lambda a, b: float(np.sqrt(((a - b) ** 2).mean())),
    "bias": lambda a, b: float((a - b).mean()),
    "sd": lambda a, b: float((a - b).std(ddof=1)),
    # Bland JM, Altman DG, Lancet 1986;327:307-10
    "loa_low": lambda a, b: float((a - b).mean() - 1.96 * (a - b).std(ddof=1)),
    "loa_high": lambda a, b: float((a - b).mean() + 1.96 * (a - b).std(ddof=1)),
    "pearson_r": pearson_r,
    "icc_2_1": lambda a, b: icc_2_1(np.stack([a, b], axis=1)),
    "kappa": lambda a, b: kappa(confusion(ef_classes(b), ef_classes(a))),
    "kappa_linear": lambda a, b: kappa(confusion(ef_classes(b), ef_classes(a)), linear=True),
}


def _with_intervals(a: Floats, b: Floats, groups: list[NDArray[np.intp]], seed: int) -> dict[str, Estimate]:
    values = {name: statistic(a, b) for name, statistic in STATISTICS.items()}
    if len(groups) < 2:
        return {name: Estimate(value, float("nan"), float("nan")) for name, value in values.items()}
    found = np.full((RESAMPLES, len(STATISTICS)), np.nan)
    for resample, picks in zip(found, resamples(len(groups), seed), strict=True):
        cases = np.concatenate([groups[pick] for pick in picks])
        if len(cases) >= 2:
            resample[:] = [statistic(a[cases], b[cases]) for statistic in STATISTICS.values()]
    return {name: Estimate(value, *interval(column)) for (name, value), column in zip(values.items(), found.T, strict=True)}


@dataclass(frozen=True)
class Differences:
    """The differences of ``n`` pairs without intervals, in the unit of the values.

    Attributes:
        bias: mean of measured minus truth. ``sd``: of the differences; ``low``, ``high``: 95 % limits of agreement. None for one pair.
        mae: mean absolute difference.
        r: Pearson's correlation; None where it is undefined.
    """

    n: int
    bias: float
    mae: float
    sd: float | None
    low: float | None
    high: float | None
    r: float | None


def differences(measured: ArrayLike, truth: ArrayLike) -> Differences | None:
    """Differences of two equally long rows of numbers; pairs with a NaN do not count, and without pairs there are none."""
    pairs = np.stack([np.asarray(measured, float), np.asarray(truth, float)])
    a, b = pairs[:, np.isfinite(pairs).all(axis=0)]
    if not len(a):
        return None
    spread = [STATISTICS[name](a, b) if len(a) > 1 else np.nan for name in ("sd", "loa_low", "loa_high", "pearson_r")]
    return Differences(
        len(a), STATISTICS["bias"](a, b), STATISTICS["mae"](a, b), *(value if np.isfinite(value) else None for value in spread)
    )
