"""How EF agrees with a reader's: bias, limits of agreement, mean absolute error (Bland and Altman, Lancet 1986)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

_LIMITS = 1.96  # standard deviations that hold 95 % of normally distributed differences


@dataclass(frozen=True)
class Agreement:
    """Agreement of ``n`` pairs, in percentage points of EF.

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


def agreement(measured: ArrayLike, truth: ArrayLike) -> Agreement | None:
    """Agreement of two equally long rows of numbers; pairs with a NaN do not count, and without pairs there is none."""
    pairs = np.stack([np.asarray(measured, float), np.asarray(truth, float)])
    pairs = pairs[:, np.isfinite(pairs).all(axis=0)]
    n = pairs.shape[1]
    if n == 0:
        return None
    difference = pairs[0] - pairs[1]
    bias, mae = float(difference.mean()), float(np.abs(difference).mean())
    if n == 1:
        return Agreement(1, bias, mae, None, None, None, None)
    sd = float(difference.std(ddof=1))
    r = float(np.corrcoef(pairs)[0, 1]) if (pairs.std(axis=1) > 0).all() else None
    return Agreement(n, bias, mae, sd, bias - _LIMITS * sd, bias + _LIMITS * sd, r)
