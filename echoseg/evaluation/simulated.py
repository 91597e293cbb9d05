"""The simulator as a reference: hold-outs of clips and of volumes by seed, apart from the seeds of training."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from echoseg.evaluation.reference import Reference
from echoseg.simulate import STRUCTURES, VolumeSample, random_clip, random_volume
from echoseg.types import BoolMask

SEED = 2**31
"""Seed of the hold-out; training runs have small ones, and 2**30 for what they watch."""
COUNT, FRAMES, SIZE = 20, 32, 160
SLICES, SLICE_SIZE = 16, 256
KINDS = ("lesion", "organ", "cine")
_LEAST = 20
"""Pixels of an object on its largest slice below which nobody draws a box around it."""


def simulated_clips(count: int = COUNT, frames: int = FRAMES, size: int = SIZE) -> Iterator[Reference]:
    """Clips of different hearts in apical 4- and 2-chamber views, the same ones every time; every frame has truth."""
    for index in range(count):
        seed = _seed(index)
        clip = random_clip(seed, size, frames)
        truth = {name: clip.masks == value for value, name in STRUCTURES.items()}
        fps = (frames - 1) / float(clip.times[-1]) if frames > 1 else None
        name = f"simulated_{index:03d}_{clip.view}"
        yield Reference(name, name, clip.frames, truth, np.ones(frames, bool), spacing=clip.spacing, fps=fps)


def simulated_volumes(count: int = COUNT, slices: int = SLICES, size: int = SLICE_SIZE) -> Iterator[Reference]:
    """Objects of ``count`` volumes, the same ones every time: lesions, organs and short-axis cine MR in turn (the variants).

    One reference an object, called ``object``; a cine is one reference with LV, MYO and RV. Objects under 20 pixels on their largest
    slice are left out.
    """
    for index in range(count):
        kind = KINDS[index % len(KINDS)]
        volume = random_volume(_seed(index), size, slices, (kind,))
        name = f"simulated_{index:03d}_{kind}"
        objects = {label: volume.masks == label for label in np.unique(volume.masks[volume.masks > 0]).tolist()}
        large = {label: masks for label, masks in objects.items() if masks.sum(axis=(1, 2)).max() >= _LEAST}
        if kind == "cine":
            yield _volume_case(name, name, volume, {STRUCTURES[label]: masks for label, masks in large.items()})
            continue
        for label, masks in large.items():
            yield _volume_case(f"{name}_{label}", name, volume, {"object": masks})


def _volume_case(name: str, subject: str, volume: VolumeSample, truth: dict[str, BoolMask]) -> Reference:
    slice_mm, row_mm, column_mm = volume.spacing
    return Reference(
        name=name,
        subject=subject,
        frames=volume.frames,
        truth=truth,
        known=np.ones(len(volume.frames), bool),
        kind="cine" if volume.kind == "cine" else "volume",
        spacing=(row_mm, column_mm),
        slice_mm=slice_mm,
        variant=volume.kind,
    )


def _seed(index: int) -> int:
    return int(np.random.SeedSequence([SEED, index]).generate_state(1)[0])
