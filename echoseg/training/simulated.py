"""Endless training clips from the simulator."""

from __future__ import annotations

from typing import Any

import numpy as np

from echoseg.training.dataset import Sample, sample_of_labels

LABELS = {1: "LV", 2: "MYO", 3: "LA", 4: "RV"}
"""The simulator's label values."""
_ENDLESS = 2**31


class SimulatedClips:
    """Clip ``index`` is a pure function of ``(seed, index)``; the set has no end, ``len`` is a large number."""

    def __init__(self, seed: int, frames: int = 8, size: int = 128, options: dict[str, Any] | None = None) -> None:
        self.seed, self.frames, self.size, self.options = seed, frames, size, dict(options or {})

    def __len__(self) -> int:
        return _ENDLESS

    def sample(self, index: int, rng: np.random.Generator) -> Sample:
        """Simulated clip ``index``; ``rng`` is not used."""
        from echoseg.simulate import random_clip

        seed = int(np.random.SeedSequence([self.seed, index]).generate_state(1)[0])
        clip = random_clip(seed, size=self.size, frames=self.frames, **self.options)
        return sample_of_labels(clip.frames, clip.masks, LABELS)
