"""How well a segmented clip moves as the heart does: steadiness, the area curve, and when ED and ES are found."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from echoseg.cardiac import find_beats
from echoseg.metrics.agreement import pearson_r
from echoseg.metrics.overlap import dice
from echoseg.types import BoolMask


def temporal_consistency(masks: BoolMask) -> float:
    """Mean Dice of neighbouring frames, 0..1: high when the border moves little from frame to frame.

    A beating heart moves, so 1 is not the aim: compare with the same figure of the reference.

    Args:
        masks: ``(T, H, W)``. Neighbours that are both empty do not count; NaN when none are left.
    """
    steps = [value for a, b in pairwise(masks) if np.isfinite(value := dice(a, b))]
    return float(np.mean(steps)) if steps else float("nan")


def area_correlation(predicted: BoolMask, truth: BoolMask) -> float:
    """Pearson correlation of the two area curves, -1..1; NaN when there are under 3 frames or a curve is flat.

    Args:
        predicted, truth: ``(T, H, W)``.
    """
    a, b = (masks.sum(axis=(1, 2)).astype(np.float64) for masks in (predicted, truth))
    return pearson_r(a, b) if len(a) >= 3 else float("nan")


def phases(areas: ArrayLike, times: ArrayLike | None) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """End-diastolic and end-systolic frames of an area curve, by :func:`echoseg.cardiac.find_beats`.

    Args:
        areas: ``(T,)``, NaN where unknown. times: ``(T,)`` seconds or None.
    """
    beats = find_beats(areas, times)
    ed = {beat.ed for beat in beats} | {beat.next_ed for beat in beats if beat.next_ed is not None}
    return tuple(sorted(ed)), tuple(beat.es for beat in beats)


def matched(found: Sequence[int], true: Sequence[int]) -> list[tuple[int, int]]:
    """``(found, true)`` frames that are each other's nearest: a beat cut off by the clip's end pairs with none.

    Args:
        found, true: frame indices.
    """
    if not found or not true:
        return []
    apart = np.abs(np.subtract.outer(np.asarray(found), np.asarray(true)))
    return [(found[int(i)], t) for j, t in enumerate(true) if apart[i := apart[:, j].argmin()].argmin() == j]


def phase_error_ms(pairs: Sequence[tuple[int, int]], times: NDArray[np.float64]) -> float:
    """Mean absolute time between the frames of each pair, ms; NaN when there are none.

    Args:
        pairs: of :func:`matched`. times: ``(T,)`` seconds.
    """
    return 1000 * float(np.mean([abs(times[found] - times[true]) for found, true in pairs])) if pairs else float("nan")
