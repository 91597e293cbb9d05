"""MedSAM2's training files: ``.npz`` with ``imgs`` and ``gts``, one volume or clip each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from natsort import natsorted

from echoseg.errors import SourceError
from echoseg.io.labels.read import read_labels
from echoseg.io.open import open_source
from echoseg.training.dataset import Sample, sample_of_source


class MedSam2Npz:
    """One sample a file: ``imgs (T, H, W)`` or ``(T, H, W, 3)``, ``gts (T, H, W)`` label numbers, 0 the background.

    Labels are objects without a name. ``recist``, ``spacing`` and other arrays may be there; training draws its prompts from ``gts``.

    Args:
        root: searched with its subfolders.
        frames: longest sample; see :func:`~echoseg.training.dataset.sample_of_source`.

    Raises:
        SourceError: no such files.
    """

    def __init__(self, root: str | Path, frames: int) -> None:
        self.frames = frames
        self.files = natsorted(Path(root).rglob("*.npz"))
        if not self.files:
            raise SourceError(f"{root}: no .npz files in this folder or below")

    def __len__(self) -> int:
        return len(self.files)

    def sample(self, index: int, rng: np.random.Generator) -> Sample:
        """Consecutive slices of file ``index``, drawn by ``rng`` around one that shows an object."""
        path = self.files[index]
        with open_source(path) as source:
            return sample_of_source(source, read_labels(path, array="gts", white=False).masks, {}, self.frames, rng)
