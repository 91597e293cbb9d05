"""The simulator as a data set: hold-outs of clips and of volumes by seed, apart from the seeds of training."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from echoseg.datasets.case import Case
from echoseg.simulate import STRUCTURES, EchoClip, VolumeSample, own_seed, random_clip, random_volume

SEED = 2**31
"""Seed of the hold-out; training runs have small ones, and 2**30 for what they watch."""
COUNT, FRAMES, SIZE = 20, 32, 160
SLICES, SLICE_SIZE = 16, 256
KINDS = ("lesion", "organ", "cine")
_LEAST = 20
"""Pixels of an object on its largest slice below which nobody draws a box around it."""


def simulated_clips(count: int = COUNT, frames: int = FRAMES, size: int = SIZE) -> Iterator[Case]:
    """Clips of different hearts in apical 4- and 2-chamber views, the same ones every time; every frame has truth."""
    for index in range(count):
        yield clip_case(random_clip(own_seed(SEED, index), size, frames), f"simulated_{index:03d}")


def clip_case(clip: EchoClip, prefix: str) -> Case:
    """A simulated clip as a case, named by ``prefix`` and its view."""
    name, known = f"{prefix}_{clip.view}", np.ones(len(clip.frames), bool)
    return Case(name, name, clip.frames, clip.masks, STRUCTURES, known, spacing=clip.spacing, fps=clip.fps, view=clip.view)


def simulated_volumes(count: int = COUNT, slices: int = SLICES, size: int = SLICE_SIZE) -> Iterator[Case]:
    """Objects of ``count`` volumes, the same ones every time: lesions, organs and short-axis cine MR in turn (the variants).

    One case an object, called ``object``; a cine is one case with LV, MYO and RV. Objects under 20 pixels on their largest
    slice are left out.
    """
    for index in range(count):
        kind = KINDS[index % len(KINDS)]
        volume = random_volume(own_seed(SEED, index), size, slices, (kind,))
        name = f"simulated_{index:03d}_{kind}"
        labels = np.unique(volume.masks[volume.masks > 0]).tolist()
        large = [label for label in labels if (volume.masks == label).sum(axis=(1, 2)).max() >= _LEAST]
        if kind == "cine":
            yield _volume_case(name, name, volume, {label: STRUCTURES[label] for label in large})
            continue
        for label in large:
            yield _volume_case(f"{name}_{label}", name, volume, {label: "object"})


def _volume_case(name: str, subject: str, volume: VolumeSample, names: dict[int, str]) -> Case:
    slice_mm, row_mm, column_mm = volume.spacing
    return Case(
        name=name,
        subject=subject,
        frames=volume.frames,
        labels=volume.masks,
        names=names,
        known=np.ones(len(volume.frames), bool),
        kind="cine" if volume.kind == "cine" else "volume",
        spacing=(row_mm, column_mm),
        slice_mm=slice_mm,
        variant=volume.kind,
    )
