"""EchoNet-Dynamic (Ouyang et al. 2020) as training data: apical 4-chamber clips with the LV traced at ED and ES."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from echoseg.datasets.echonet import cavity, traced_videos
from echoseg.errors import SourceError
from echoseg.io.open import open_source
from echoseg.training.dataset import Sample, sample_of_labels

LABELS = {1: "LV"}


class EchoNet:
    """One sample a traced video: frames from one traced frame (ED or ES) to the other; only those two have truth.

    Args:
        split: ``TRAIN``, ``VAL`` or ``TEST`` of ``FileList.csv``. Listed videos that are not there, or not traced, are left out.
        frames: frames of a sample, evenly spaced in time.

    Raises:
        SourceError: a table is missing or lacks a column, or no traced video of the split is there.
    """

    def __init__(self, root: str | Path, split: str, frames: int) -> None:
        self.frames = frames
        self.videos = list(traced_videos(Path(root), split).items())

    def __len__(self) -> int:
        return len(self.videos)

    def sample(self, index: int, rng: np.random.Generator) -> Sample:
        """Frames of video ``index``; ``rng`` is not used."""
        path, traced = self.videos[index]
        first, last = min(traced), max(traced)
        chosen = np.unique(np.rint(np.linspace(first, last, self.frames)).astype(int))
        with open_source(path) as source:
            read = list(source.frames(first, last + 1))
            if len(read) <= last - first:
                raise SourceError(f"{path}: frame {last} is traced, but the video has only {first + len(read)}")
            labels = np.zeros((len(chosen), *source.size), np.uint8)
        for i, frame in enumerate(chosen):
            if frame in traced:
                labels[i] = cavity(traced[frame], labels.shape[1:])
        return sample_of_labels(np.stack([read[frame - first] for frame in chosen]), labels, LABELS, [frame in traced for frame in chosen])
