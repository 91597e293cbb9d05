"""Overlap of two masks."""

from __future__ import annotations

from echoseg.types import BoolMask


def dice(predicted: BoolMask, truth: BoolMask, empty: float = float("nan")) -> float:
    """``2 |A & B| / (|A| + |B|)``, 0..1.

    Args:
        predicted, truth: of one shape, any number of axes.
        empty: the answer when both masks are empty. NaN: there is nothing to measure; 1: the two agree.
    """
    total = int(predicted.sum()) + int(truth.sum())
    return 2 * int((predicted & truth).sum()) / total if total else empty


def iou(predicted: BoolMask, truth: BoolMask) -> float:
    """``|A & B| / |A | B|``, 0..1; NaN when both masks are empty. Arguments as :func:`dice`."""
    union = int((predicted | truth).sum())
    return int((predicted & truth).sum()) / union if union else float("nan")
