"""CAMUS (Leclerc et al. 2019) as training data: the ED and the ES frame of each apical view."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from echoseg.datasets.camus import LABELS, find_views
from echoseg.training.between import frames_between
from echoseg.training.dataset import Sample, sample_of_labels


class Camus:
    """One sample a view: the ED and the ES frame, as a clip of two, or with ``between`` made frames between them.

    Frames keep their own pixels, which are not square in the original release; the model sees every frame stretched to a square.

    Raises:
        SourceError: no patient with both phases of a view was found.
    """

    def __init__(self, root: str | Path, patients: Sequence[str] | None = None, between: int = 0) -> None:
        self.views = find_views(Path(root), patients)
        self.between = between
        self._read: dict[int, tuple[NDArray[np.uint8], NDArray[np.uint8]]] = {}

    def __len__(self) -> int:
        return len(self.views)

    def sample(self, index: int, rng: np.random.Generator) -> Sample:
        """ED then ES of view ``index``; ``rng`` is not used."""
        if index not in self._read:  # a thousand views fit into memory
            frames, labels, _ = self.views[index].read()
            self._read[index] = frames_between(frames, labels, self.between) if self.between else (frames, labels)
        frames, labels = self._read[index]
        return sample_of_labels(frames, labels, LABELS)
