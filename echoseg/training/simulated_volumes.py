"""Endless training volumes from the simulator, seen as a volume is seen in use: a window around one object."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from echoseg.simulate import random_volume
from echoseg.training.dataset import Sample, sample_of_labels
from echoseg.training.windowed import Seen, through_window

_ENDLESS = 2**31
_CAVITY, _MYOCARDIUM = 1, 2  # labels of a simulated cine MR


class SimulatedVolumes:
    """Volume ``index`` is a pure function of ``(seed, index)``; the set has no end, ``len`` is a large number.

    Args:
        seed: of the set.
        frames: slices simulated a volume.
        size: side of the simulated slice in pixels, before the window is cut.
        kinds: of :func:`echoseg.simulate.random_volume`.
        seen: how windows are cut.
        rings: the myocardium of a cine is the ring that readers outline; else all that its outer border encloses.
    """

    def __init__(self, seed: int, frames: int, size: int, kinds: Sequence[str], seen: Seen, rings: bool = False) -> None:
        self.seed, self.frames, self.size, self.kinds = seed, frames, size, tuple(kinds)
        self.seen, self.rings = seen, rings

    def __len__(self) -> int:
        return _ENDLESS

    def sample(self, index: int, rng: np.random.Generator) -> Sample:
        """Simulated volume ``index``, cut to a square window around one of its objects; ``rng`` is not used."""
        own = np.random.default_rng([self.seed, index])
        volume = random_volume(int(own.integers(2**31)), self.size, self.frames, self.kinds)
        sample = sample_of_labels(volume.frames, volume.masks, {})
        if volume.kind == "cine" and not self.rings:
            sample = replace(sample, masks=_filled(sample, volume.masks))
        return through_window(sample, self.seen, own)


def _filled(sample: Sample, labels: np.ndarray) -> np.ndarray:
    """The layers of a cine, its myocardium with all that it encloses: a box around it is one around that, too."""
    layers = sample.masks.swapaxes(0, 1)
    return np.stack([layer | (labels == _CAVITY) if (layer & (labels == _MYOCARDIUM)).any() else layer for layer in layers], axis=1)
