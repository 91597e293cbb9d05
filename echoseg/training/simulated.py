"""Endless training clips from the simulator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from echoseg.errors import ModelConfigError
from echoseg.simulate import STRUCTURES as LABELS
from echoseg.simulate import EchoOptions, random_clip
from echoseg.training.dataset import Sample, sample_of_labels

_ENDLESS = 2**31


class SimulatedClips:
    """Clip ``index`` is a pure function of ``(seed, index)``; the set has no end, ``len`` is a large number.

    Raises:
        ModelConfigError: an option the simulator does not know.
    """

    def __init__(
        self, seed: int, frames: int, size: int, views: Sequence[str] = ("A4C", "A2C"), options: Mapping[str, Any] | None = None
    ) -> None:
        self.seed, self.frames, self.size, self.views = seed, frames, size, tuple(views)
        try:
            self.options = EchoOptions(**(options or {}))
        except TypeError as error:
            raise ModelConfigError(f"simulator options: {error}") from error

    def __len__(self) -> int:
        return _ENDLESS

    def sample(self, index: int, rng: np.random.Generator) -> Sample:
        """Simulated clip ``index``; ``rng`` is not used."""
        seed = int(np.random.SeedSequence([self.seed, index]).generate_state(1)[0])
        clip = random_clip(seed, self.size, self.frames, self.views, self.options)
        return sample_of_labels(clip.frames, clip.masks, LABELS)
