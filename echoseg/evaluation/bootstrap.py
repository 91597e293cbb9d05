"""Means with bootstrap intervals, through scipy."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import bootstrap

CONFIDENCE = 0.95
RESAMPLES = 2000


class Mean(NamedTuple):
    """A mean and its 95 % interval.

    Attributes:
        value: mean over all values; NaN when there are none.
        low, high: ends of the interval; NaN when there are fewer than two subjects.
        cases: how many values. ``subjects``: how many subjects they come from.
    """

    value: float
    low: float
    high: float
    cases: int
    subjects: int


def mean_interval(values: ArrayLike, subjects: Sequence[Hashable], seed: int = 0) -> Mean:
    """Mean over cases with a percentile bootstrap interval that resamples subjects, as cases of one subject are not independent.

    Args:
        values: ``(n,)``; those that are not finite do not count.
        subjects: ``(n,)`` whom each value comes from.
        seed: the same seed gives the same interval.
    """
    numbers = np.asarray(values, dtype=np.float64)
    usable = np.flatnonzero(np.isfinite(numbers))
    groups: dict[Hashable, list[float]] = {}
    for index in usable:
        groups.setdefault(subjects[int(index)], []).append(float(numbers[index]))
    if not groups:
        return Mean(float("nan"), float("nan"), float("nan"), 0, 0)
    sums, counts = np.array([sum(group) for group in groups.values()]), np.array([len(group) for group in groups.values()])
    mean = float(sums.sum() / counts.sum())
    if len(groups) < 2:
        return Mean(mean, float("nan"), float("nan"), len(usable), len(groups))
    found = bootstrap(
        (sums, counts),
        lambda total, count, axis=-1: total.sum(axis=axis) / count.sum(axis=axis),
        paired=True,
        vectorized=True,
        method="percentile",
        confidence_level=CONFIDENCE,
        n_resamples=RESAMPLES,
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return Mean(mean, float(found.low), float(found.high), len(usable), len(groups))
