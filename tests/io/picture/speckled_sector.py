"""A scan sector of speckle with a dark ventricle that beats in it: a clean clip, to be spoilt by tests."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def sector_clip(count: int = 24, height: int = 120, width: int = 160, seed: int = 0) -> NDArray[np.uint8]:
    """``(T, H, W)`` uint8, tip at the top; the speckle lives but keeps its pattern for the most part."""
    noise = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    across, down = x - width / 2, y - 4
    inside = (np.hypot(across, down) < height - 10) & (np.abs(across) < 0.8 * down)
    fixed = noise.uniform(60, 180, (height, width))
    frames = []
    for t in range(count):
        size = 0.16 * height * (1 + 0.25 * np.cos(2 * np.pi * t / 12))
        cavity = (across / size) ** 2 + ((down - 0.5 * height) / (1.6 * size)) ** 2 < 1
        picture = np.where(cavity, 15, fixed) + noise.normal(0, 8, (height, width))
        frames.append(np.where(inside, np.clip(picture, 5, 255), 0))
    return np.asarray(frames, np.uint8)


def coloured(clip: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The same in RGB."""
    return np.repeat(clip[..., None], 3, axis=-1)
