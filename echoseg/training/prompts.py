"""What the user would give: the first frame's prompt drawn from the true mask, and corrective clicks drawn from the error region."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from echoseg.training.config import PromptConfig
from echoseg.training.dataset import UNNAMED

PromptKind = Literal["box", "points", "structure", "mask"]
INSIDE, OUTSIDE, CORNER_FIRST, CORNER_LAST = 1, 0, 2, 3
"""Point labels of SAM: a click inside, a click outside, the two corners of a box."""


@dataclass(frozen=True)
class DrawnPrompt:
    """One object's prompt on its first frame.

    Attributes:
        kind: which sort was drawn.
        points: ``(n, 2)`` float32 x, y in model-input pixels (edge coordinates); a box is its two corners.
        labels: ``(n,)`` int64, see :data:`INSIDE` and its neighbours.
        structure: structure index, -1 unless ``kind`` is ``structure``.
    """

    kind: PromptKind
    points: NDArray[np.float32]
    labels: NDArray[np.int64]
    structure: int = UNNAMED


def draw_prompt(
    mask: NDArray[np.bool_], structure: int, config: PromptConfig, rng: np.random.Generator, *, clip: bool, clicks: int | None = None
) -> DrawnPrompt:
    """A random prompt for one object.

    Args:
        mask: ``(H, W)`` true mask on the first frame. An empty one can only be asked for by name.
        structure: the object's structure index, or -1.
        clip: whether later frames follow (else a mask prompt is pointless).
        clicks: number of clicks of a click prompt; drawn in 1..max_clicks when None.
    """
    if not mask.any():
        return DrawnPrompt("structure", np.zeros((0, 2), np.float32), np.zeros(0, np.int64), structure)
    shares = {
        "box": config.box,
        "points": config.points,
        "structure": config.structure if structure != UNNAMED else 0.0,
        "mask": config.mask if clip else 0.0,
    }
    weights = np.array(list(shares.values()), float)
    weights = weights / weights.sum() if weights.sum() > 0 else np.array([1.0, 0, 0, 0])
    kind: PromptKind = ("box", "points", "structure", "mask")[rng.choice(4, p=weights)]
    if kind == "box":
        return DrawnPrompt(kind, jittered_box(mask, config.box_jitter, rng), np.array([CORNER_FIRST, CORNER_LAST]))
    if kind == "points":
        return DrawnPrompt(kind, *first_clicks(mask, clicks or int(rng.integers(1, config.max_clicks + 1)), rng))
    return DrawnPrompt(kind, np.zeros((0, 2), np.float32), np.zeros(0, np.int64), structure if kind == "structure" else UNNAMED)


def jittered_box(mask: NDArray[np.bool_], jitter: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """``(2, 2)`` corners of the mask's box: exact one time in three, else each edge moved by a normal share ``jitter`` of the box side.

    A move is cut at 20 input pixels per 1024 of the frame's side or twice the jitter, whichever is larger (SAM caps it likewise); the box
    keeps at least one pixel and stays in the frame.
    """
    ys, xs = np.nonzero(mask)
    low = np.array([xs.min(), ys.min()], float)
    high = np.array([xs.max(), ys.max()], float) + 1
    if rng.random() >= 1 / 3:
        side = high - low
        limit = np.maximum(2 * jitter * side, 20 / 1024 * max(mask.shape))
        low, high = (edge + np.clip(rng.normal(0, 1, 2) * jitter * side, -limit, limit) for edge in (low, high))
        frame = np.array([mask.shape[1], mask.shape[0]], float)
        low = np.clip(low, 0, frame - 1)
        high = np.clip(np.maximum(high, low + 1), low + 1, frame)
    return np.stack([low, high]).astype(np.float32)


def first_clicks(mask: NDArray[np.bool_], count: int, rng: np.random.Generator) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """``count`` clicks that begin an object: the first inside (half the time at its middle), the others inside or just outside it.

    Returns:
        ``(count, 2)`` float32 xy and ``(count,)`` int64 labels.
    """
    ring = cv2.dilate(mask.astype(np.uint8), np.ones((9, 9), np.uint8)).astype(bool) & ~mask
    points = [middle(mask) if rng.random() < 0.5 else _any_pixel(mask, rng)]
    labels = [INSIDE]
    for _ in range(count - 1):
        outside = rng.random() < 0.5 and bool(ring.any())
        points.append(_any_pixel(ring if outside else mask, rng))
        labels.append(OUTSIDE if outside else INSIDE)
    return np.array(points, np.float32), np.array(labels, np.int64)


def corrective_click(predicted: NDArray[np.bool_], truth: NDArray[np.bool_], rng: np.random.Generator) -> tuple[NDArray[np.float32], int]:
    """The click a careful user would make next (RITM; SAM 2): in the larger of the missed and the surplus region.

    Half the clicks fall in the middle of that region (farthest from its border), half anywhere in it. Without an error the click
    falls inside the object, or outside where there is no object.

    Returns:
        ``(2,)`` float32 xy in pixels of the mask (edge coordinates) and the label (1 inside, 0 outside).
    """
    missed, surplus = truth & ~predicted, predicted & ~truth
    if not missed.any() and not surplus.any():
        return (_any_pixel(truth, rng), INSIDE) if truth.any() else (_any_pixel(~truth, rng), OUTSIDE)
    depth_missed, depth_surplus = _depth(missed), _depth(surplus)
    inside = depth_missed.max() >= depth_surplus.max()
    region = missed if inside else surplus
    point = middle(region) if rng.random() < 0.5 else _any_pixel(region, rng)
    return point, INSIDE if inside else OUTSIDE


def middle(region: NDArray[np.bool_]) -> NDArray[np.float32]:
    """``(2,)`` xy of the centre of the pixel farthest from the border of ``region``, which must not be empty."""
    depth = _depth(region)
    y, x = np.unravel_index(int(depth.argmax()), depth.shape)
    return np.array([x + 0.5, y + 0.5], np.float32)


def _depth(region: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Distance of each pixel of the region to the nearest one outside; the frame's border counts as outside."""
    padded = np.pad(region, 1).astype(np.uint8)
    return np.asarray(cv2.distanceTransform(padded, cv2.DIST_L2, 3), np.float32)[1:-1, 1:-1]


def _any_pixel(region: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.float32]:
    """``(2,)`` xy of the centre of a random pixel of ``region``."""
    flat = np.flatnonzero(region)
    y, x = divmod(int(flat[rng.integers(len(flat))]), region.shape[1])
    return np.array([x + 0.5, y + 0.5], np.float32)
