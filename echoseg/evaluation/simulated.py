"""The simulator as a reference: a hold-out of clips by seed, apart from the seeds of training."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from echoseg.evaluation.reference import Reference
from echoseg.simulate import STRUCTURES, random_clip

SEED = 2**31
"""Seed of the hold-out; training runs have small ones, and 2**30 for what they watch."""
COUNT, FRAMES, SIZE = 20, 32, 160


def simulated_clips(count: int = COUNT, frames: int = FRAMES, size: int = SIZE) -> Iterator[Reference]:
    """Clips of different hearts in apical 4- and 2-chamber views, the same ones every time; every frame has truth."""
    for index in range(count):
        seed = int(np.random.SeedSequence([SEED, index]).generate_state(1)[0])
        clip = random_clip(seed, size, frames)
        truth = {name: clip.masks == value for value, name in STRUCTURES.items()}
        fps = (frames - 1) / float(clip.times[-1]) if frames > 1 else None
        name = f"simulated_{index:03d}_{clip.view}"
        yield Reference(name, name, clip.frames, truth, np.ones(frames, bool), spacing=clip.spacing, fps=fps)
