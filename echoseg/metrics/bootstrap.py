"""Percentile bootstrap intervals that resample subjects, as cases of one subject are not independent; and means with theirs."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

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


def resamples(subjects: int, seed: int) -> NDArray[np.int64]:
    """``(RESAMPLES, subjects)`` numbers of subjects drawn with replacement; the same ones for the same seed."""
    return np.random.default_rng(seed).integers(subjects, size=(RESAMPLES, subjects))


def interval(values: NDArray[np.float64]) -> tuple[float, float]:
    """The ends between which :data:`CONFIDENCE` of the finite ``values`` of a statistic over the resamples lie; NaN where none is."""
    usable, tail = values[np.isfinite(values)], 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(usable, (tail, 100 - tail)) if len(usable) else (np.nan, np.nan)
    return float(low), float(high)


def mean_interval(values: ArrayLike, subjects: Sequence[Hashable], seed: int = 0) -> Mean:
    """Mean over cases with its interval.

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
    drawn = resamples(len(groups), seed)
    low, high = interval(sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1))
    return Mean(mean, low, high, len(usable), len(groups))


def statistic_interval(
    values: NDArray[np.float64], subjects: Sequence[Hashable], statistic: Callable[[NDArray[np.float64]], float], seed: int = 0
) -> tuple[float, float, float]:
    """Any statistic over cases, with the percentile interval of :func:`mean_interval`: ``(value, low, high)``.

    Args:
        values: ``(n,)`` finite; subjects: ``(n,)`` whom each value comes from.
        statistic: such as a percentile, of any number of values.
        seed: the same seed gives the same interval.
    """
    groups: dict[Hashable, list[float]] = {}
    for value, subject in zip(values, subjects, strict=True):
        groups.setdefault(subject, []).append(float(value))
    if len(groups) < 2:
        return statistic(values), float("nan"), float("nan")
    members = [np.array(group) for group in groups.values()]
    drawn = [statistic(np.concatenate([members[i] for i in chosen])) for chosen in resamples(len(members), seed)]
    return statistic(values), *interval(np.array(drawn))
