"""A simulated annotator: clicks where the error is largest until the mask is good enough."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from echoseg.metrics.overlap import dice
from echoseg.tracking import Session
from echoseg.types import BoolMask, Points

TARGET, MOST = 0.9, 20


def next_click(predicted: BoolMask, truth: BoolMask) -> Points | None:
    """A click in the middle of the largest connected error; None when the masks are equal.

    The error is what was missed (the click says 1, inside) or wrongly taken (0, outside); its middle is the pixel farthest from its
    border, as in the evaluation of SAM 2.

    Args:
        predicted, truth: ``(H, W)``.
    """
    largest, label = max(
        ((_largest_part(error), label) for error, label in ((truth & ~predicted, 1), (predicted & ~truth, 0))),
        key=lambda part: int(part[0].sum()),
    )
    if not largest.any():
        return None
    depth = ndimage.distance_transform_edt(np.pad(largest, 1))[1:-1, 1:-1]
    y, x = np.unravel_index(int(depth.argmax()), depth.shape)
    return Points(np.array([[x + 0.5, y + 0.5]], np.float32), np.array([label], np.int32))


def click_until_good(session: Session, frame: int, truth: BoolMask, target: float = TARGET, most: int = MOST) -> list[float]:
    """Dice after each click on one frame, until ``target`` is reached or ``most`` clicks are made.

    Args:
        session: of the source; object 1 is prompted anew.
        truth: ``(H, W)``, not empty.
    """
    reached: list[float] = []
    mask = np.zeros_like(truth)
    while len(reached) < most and (not reached or reached[-1] < target):
        click = next_click(mask, truth)
        assert click is not None  # Dice below the target, so there is an error
        answer = session.correct(1, frame, click) if reached else session.prompt(1, frame, click)
        mask = answer.masks[1]
        reached.append(dice(mask, truth))
    return reached


def clicks_needed(reached: Sequence[float], target: float = TARGET, most: int = MOST) -> int:
    """NoC: clicks until ``target``; ``most`` when it was never reached, as is the custom."""
    good = np.flatnonzero(np.asarray(reached) >= target)
    return int(good[0]) + 1 if len(good) else most


def dice_by_click(reached: Sequence[float], most: int = MOST) -> NDArray[np.float64]:
    """``(most,)`` best Dice with up to 1, 2, ... clicks."""
    best = np.maximum.accumulate(np.asarray(reached, np.float64))
    return np.pad(best, (0, most - len(best)), mode="edge")


def _largest_part(error: BoolMask) -> BoolMask:
    """The largest 4-connected part; empty when there is none."""
    parts, count = ndimage.label(error)
    if count == 0:
        return error
    return np.asarray(parts == 1 + int(np.bincount(parts[parts > 0] - 1).argmax()))
