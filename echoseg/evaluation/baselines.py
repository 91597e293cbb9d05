"""What a prompt gives without a model: the figures a model has to beat."""

from __future__ import annotations

import numpy as np

from echoseg.types import BoolMask, Box


def ellipse_in(box: Box, size: tuple[int, int]) -> BoolMask:
    """``(H, W)`` mask of the pixels whose centre lies in the ellipse that touches the box's sides."""
    ys, xs = np.indices(size) + 0.5
    x = (2 * xs - box.x0 - box.x1) / (box.x1 - box.x0)
    y = (2 * ys - box.y0 - box.y1) / (box.y1 - box.y0)
    return np.asarray(x**2 + y**2 <= 1)


def filled(box: Box, size: tuple[int, int]) -> BoolMask:
    """``(H, W)`` mask of the pixels whose centre lies in the box."""
    ys, xs = np.indices(size) + 0.5
    return np.asarray((xs >= box.x0) & (xs <= box.x1) & (ys >= box.y0) & (ys <= box.y1))


def ellipse_in_every_box(truth: BoolMask) -> BoolMask:
    """``(T, H, W)``: on each frame the ellipse in the true box of that frame; knows more than any prompt tells."""
    size = (truth.shape[1], truth.shape[2])
    return np.stack([ellipse_in(Box.around(mask), size) if mask.any() else mask for mask in truth])


def copied(mask: BoolMask, truth: BoolMask) -> BoolMask:
    """``(T, H, W)``: one mask ``(H, W)`` on every slice that truly shows the object; knows the object's extent."""
    shown = np.flatnonzero(truth.any(axis=(1, 2)))
    masks = np.zeros_like(truth)
    masks[shown] = mask
    return masks
