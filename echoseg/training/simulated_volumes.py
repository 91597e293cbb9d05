"""Endless training volumes from the simulator, seen as a volume is seen in use: a window around one object."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from echoseg.simulate import random_volume
from echoseg.training.dataset import Sample, sample_of_labels

_ENDLESS = 2**31
_CAVITY, _MYOCARDIUM = 1, 2  # labels of a simulated cine MR
_SMALLEST = 48  # pixels of a window's side: less is blown up to mush


class SimulatedVolumes:
    """Volume ``index`` is a pure function of ``(seed, index)``; the set has no end, ``len`` is a large number.

    Args:
        seed: of the set.
        frames: slices simulated a volume.
        size: side of the simulated slice in pixels, before the window is cut.
        kinds: of :func:`echoseg.simulate.random_volume`.
        fill: least and greatest share of the window's side that the object's box takes on its largest slice.
    """

    def __init__(self, seed: int, frames: int, size: int, kinds: Sequence[str], fill: tuple[float, float]) -> None:
        self.seed, self.frames, self.size, self.kinds, self.fill = seed, frames, size, tuple(kinds), fill

    def __len__(self) -> int:
        return _ENDLESS

    def sample(self, index: int, rng: np.random.Generator) -> Sample:
        """Simulated volume ``index``, cut to a square window around one of its objects; ``rng`` is not used."""
        own = np.random.default_rng([self.seed, index])
        volume = random_volume(int(own.integers(2**31)), self.size, self.frames, self.kinds)
        label = int(own.choice(np.unique(volume.masks[volume.masks > 0])))
        largest = int((volume.masks == label).sum(axis=(1, 2)).argmax())
        ys, xs = np.nonzero(volume.masks[largest] == label)
        extent = max(np.ptp(xs), np.ptp(ys)) + 1
        share = np.exp(own.uniform(*np.log(self.fill)))
        side = int(np.clip(extent / share, min(_SMALLEST, self.size), self.size))
        # The object lies anywhere in the window's middle half, as far as the slice reaches.
        low = [
            int(np.clip((c.min() + c.max() + 1) / 2 + own.uniform(-0.25, 0.25) * (side - extent) - side / 2, 0, self.size - side))
            for c in (ys, xs)
        ]
        window = (slice(None), slice(low[0], low[0] + side), slice(low[1], low[1] + side))
        masks = volume.masks[window]
        sample = sample_of_labels(volume.frames[window], masks, {})
        if volume.kind != "cine":
            return sample
        # A box around the myocardium is one around all that it encloses: what is asked for is the epicardial area, never a ring.
        filled = [layer | (masks == _CAVITY) if (layer & (masks == _MYOCARDIUM)).any() else layer for layer in sample.masks.swapaxes(0, 1)]
        return replace(sample, masks=np.stack(filled, axis=1))
