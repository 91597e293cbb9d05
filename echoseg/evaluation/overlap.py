"""Overlap of two masks."""

from __future__ import annotations

from echoseg.types import BoolMask


def dice(predicted: BoolMask, truth: BoolMask) -> float:
    """``2 |A & B| / (|A| + |B|)``, 0..1; NaN when both masks are empty: there is nothing to measure.

    Args:
        predicted, truth: of one shape, any number of axes.
    """
    total = int(predicted.sum()) + int(truth.sum())
    return 2 * int((predicted & truth).sum()) / total if total else float("nan")


def iou(predicted: BoolMask, truth: BoolMask) -> float:
    """``|A & B| / |A | B|``, 0..1; NaN when both masks are empty. Arguments as :func:`dice`."""
    union = int((predicted | truth).sum())
    return int((predicted & truth).sum()) / union if union else float("nan")
