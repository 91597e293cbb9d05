"""What rounds saved: seconds a frame against tracing by hand, with intervals that resample patients. Pure functions over rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echoseg.metrics.agreement import Estimate
from echoseg.metrics.bootstrap import interval, mean_interval, resamples


@dataclass(frozen=True)
class Row:
    """One accepted item.

    Attributes:
        arm, round: of a study; of a project one arm, its rounds. ``item``, ``patient``: whose.
        frames: with a mask. ``seconds``: of the whole item; ``correction``: without opening, watching, deciding.
        clicks, boxes, drawn, touched, undos: counts. ``untouched``: share of frames, 0..1.
        dice, ef_error: against the truth, where there is one; NaN else. ``drafted``: Dice of the draft.
    """

    arm: str
    round: int
    item: str
    patient: str
    frames: int
    seconds: float
    correction: float
    clicks: int
    boxes: int
    drawn: int
    touched: int
    undos: int
    untouched: float
    dice: float = float("nan")
    ef_error: float = float("nan")
    drafted: float = float("nan")


@dataclass(frozen=True)
class RoundSum:
    """One round of one arm.

    Attributes:
        items, patients, frames: how many.
        seconds, correction: a frame. ``saving``: 1 - t_r / t_0 of ``seconds``; ``correction_saving`` likewise of ``correction``.
        untouched: mean share of frames. ``clicks``: mean an item.
        dice, ef_error: mean Dice, and mean absolute error of EF in points, of the accepted labels.
    """

    arm: str
    round: int
    items: int
    patients: int
    frames: int
    seconds: Estimate
    correction: Estimate
    saving: Estimate
    correction_saving: Estimate
    untouched: Estimate
    clicks: Estimate
    dice: Estimate
    ef_error: Estimate


def rate(rows: Sequence[Row], of: Callable[[Row], float]) -> Estimate:
    """Sum of ``of`` over the sum of frames."""
    drawn = _rates(rows, of, seed=0)
    return (
        Estimate(_rate(rows, of), *interval(drawn)) if len({row.patient for row in rows}) > 1 else Estimate(_rate(rows, of), np.nan, np.nan)
    )


def saving(rows: Sequence[Row], base: Sequence[Row], of: Callable[[Row], float], base_rate: float | None = None) -> Estimate:
    """1 - t_r / t_0; both are resampled, each by its own patients.

    Args:
        base: the rows traced by hand; or ``base_rate``, seconds a frame that are taken as known.
    """
    if base_rate is None and not base:
        return Estimate(np.nan, np.nan, np.nan)
    nought = base_rate if base_rate is not None else _rate(base, of)
    if not nought > 0:
        return Estimate(np.nan, np.nan, np.nan)
    noughts = np.array([nought]) if base_rate is not None else _rates(base, of, seed=1)
    value = 1 - _rate(rows, of) / nought
    if len({row.patient for row in rows}) < 2:
        return Estimate(value, np.nan, np.nan)
    return Estimate(value, *interval(1 - _rates(rows, of, seed=0) / noughts))


def paired_saving(rows: Sequence[Row], others: Sequence[Row], of: Callable[[Row], float]) -> Estimate:
    """1 - t / t' on the items that are in both, patients resampled together; NaN where there are none.

    Args:
        rows: with what is asked about, such as fine-tuning. ``others``: without.
    """
    first, second = ({row.item: row for row in each} for each in (rows, others))
    both = sorted(first.keys() & second.keys())
    if not both:
        return Estimate(np.nan, np.nan, np.nan)
    pairs = [(first[item], second[item]) for item in both]
    with_, without = np.array([of(a) for a, _ in pairs]), np.array([of(b) for _, b in pairs])
    members = _members([a for a, _ in pairs])
    value = 1 - with_.sum() / without.sum() if without.sum() else np.nan
    if len(members) < 2:
        return Estimate(float(value), np.nan, np.nan)
    sums = np.array([[each[part].sum() for part in members] for each in (with_, without)])
    drawn = resamples(len(members), 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return Estimate(float(value), *interval(1 - sums[0][drawn].sum(axis=1) / sums[1][drawn].sum(axis=1)))


def round_sums(rows: Iterable[Row], base_rate: float | None = None) -> list[RoundSum]:
    """One line an arm and round, in order; what was saved is told against round 0 of the same arm, or ``base_rate`` seconds a frame."""
    groups: dict[tuple[str, int], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.arm, row.round), []).append(row)
    return [_sum(arm, number, members, groups.get((arm, 0), []), base_rate) for (arm, number), members in sorted(groups.items())]


def _sum(arm: str, number: int, rows: Sequence[Row], base: Sequence[Row], base_rate: float | None) -> RoundSum:
    def mean(of: Callable[[Row], float]) -> Estimate:
        found = mean_interval([of(row) for row in rows], [row.patient for row in rows])
        return Estimate(found.value, found.low, found.high)

    return RoundSum(
        arm, number, len(rows), len({row.patient for row in rows}), sum(row.frames for row in rows),
        rate(rows, _seconds), rate(rows, _correction),
        saving(rows, base, _seconds, base_rate), saving(rows, base, _correction, base_rate),
        mean(lambda row: row.untouched), mean(lambda row: row.clicks), mean(lambda row: row.dice), mean(lambda row: abs(row.ef_error)),
    )  # fmt: skip


def _seconds(row: Row) -> float:
    return row.seconds


def _correction(row: Row) -> float:
    return row.correction


def _rate(rows: Sequence[Row], of: Callable[[Row], float]) -> float:
    frames = sum(row.frames for row in rows)
    return sum(of(row) for row in rows) / frames if frames else float("nan")


def _rates(rows: Sequence[Row], of: Callable[[Row], float], seed: int) -> NDArray[np.float64]:
    """Of every resample of patients."""
    members = _members(rows)
    values, frames = np.array([of(row) for row in rows]), np.array([row.frames for row in rows], dtype=float)
    drawn = resamples(len(members), seed)
    over, under = (np.array([each[part].sum() for part in members])[drawn].sum(axis=1) for each in (values, frames))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(over / under)


def _members(rows: Sequence[Row]) -> list[NDArray[np.intp]]:
    """The places of each patient's rows."""
    patients = [row.patient for row in rows]
    return [np.flatnonzero(np.array(patients) == patient) for patient in dict.fromkeys(patients)]
