"""Colour that is drawn over a grey picture: colour Doppler, tissue Doppler, an overlay. A tint of the whole picture is none."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from echoseg.types import BoolMask

_LEVELS = 16
"""Steps of brightness in each of which the picture's own tint is taken: colour maps for grey pictures give each brightness one hue."""
_DEPARTURE = 24.0
"""Distance from that tint in Cb and Cr above which a pixel is coloured; compression of grey pictures stays below 10."""
_CHANGE = 6.0
"""Temporal standard deviation of Cb or Cr above which colour is alive: a depth scale or a text stands still."""


def coloured_share(frames: NDArray[np.uint8], region: BoolMask | None) -> float:
    """The largest share of ``region`` that is coloured on one of the frames; 0 for grey ones.

    Args:
        frames: ``(T, H, W)`` or ``(T, H, W, 3)`` RGB. With one frame, colour that stands still counts.
        region: ``(H, W)`` of the sector; None: the whole frame.
    """
    if frames.ndim == 3 or not len(frames):
        return 0.0
    spaces = np.stack([cv2.cvtColor(frame, cv2.COLOR_RGB2YCrCb) for frame in frames])
    inside = np.ones(frames.shape[1:3], dtype=bool) if region is None else region
    seen = spaces[:, inside]  # (T, pixels of the region, 3)
    chroma, levels = seen[..., 1:].astype(np.float32), seen[..., 0] // (256 // _LEVELS)
    departure = np.zeros(levels.shape, dtype=np.float32)
    for level in range(_LEVELS):
        here = levels == level
        tint = chroma[here]
        if len(tint):
            departure[here] = np.hypot(*(tint - np.median(tint, axis=0)).T)
    alive = departure > _DEPARTURE
    if len(frames) > 1:
        alive &= chroma.std(axis=0).max(axis=-1, initial=0) > _CHANGE
    coloured = np.zeros(spaces.shape[:3], dtype=bool)
    coloured[:, inside] = alive
    kernel = np.ones((3, 3), np.uint8)  # an ECG's line and letters are thinner
    kept = [cv2.morphologyEx(one.astype(np.uint8), cv2.MORPH_OPEN, kernel) for one in coloured]
    return float(max(one.sum() for one in kept) / max(inside.sum(), 1))
