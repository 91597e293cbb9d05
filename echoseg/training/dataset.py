"""The protocol every training set stands behind, and the words for structures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from echoseg.datasets.case import Case
from echoseg.model.config import STRUCTURES
from echoseg.types import Image

UNNAMED = -1
"""Structure index of an object without a name the model knows."""


@dataclass(frozen=True)
class Sample:
    """A short sequence with its objects, as it lies in the file or leaves the simulator.

    Attributes:
        frames: ``(T, H, W)`` or ``(T, H, W, 3)`` uint8.
        masks: ``(T, n, H, W)`` bool, one layer an object; objects may overlap, and may be absent from a frame.
        structures: ``(n,)`` int64 index into :data:`~echoseg.model.config.STRUCTURES`, or -1.
        known: ``(T,)`` bool; False where a frame has no truth (it is tracked through but not scored).
        starts: ``(T,)`` bool; the frames on which a user would prompt, or None: all that show an object.
    """

    frames: Image
    masks: NDArray[np.bool_]
    structures: NDArray[np.int64]
    known: NDArray[np.bool_]
    starts: NDArray[np.bool_] | None = None


class Dataset(Protocol):
    """A map from an index to a sample. Deterministic: the same index and generator state give the same sample."""

    def __len__(self) -> int: ...

    def sample(self, index: int, rng: np.random.Generator) -> Sample: ...


def sample_of_case(case: Case) -> Sample:
    """The sample that a case is: one object a label above 0 that is there."""
    return sample_of_labels(case.frames, case.labels, case.names, case.known)


def sample_of_labels(
    frames: Image, labels: NDArray[np.integer], names: Mapping[int, str], known: NDArray[np.bool_] | None = None
) -> Sample:
    """A sample from a label map ``(T, H, W)``: one object per label above 0; ``names`` gives a label its structure."""
    values = [int(v) for v in np.unique(labels) if v > 0]
    masks = np.stack([labels == v for v in values], axis=1) if values else np.zeros((len(labels), 0, *labels.shape[1:]), bool)
    structures = np.array([structure_index(names.get(v)) for v in values], dtype=np.int64)
    return Sample(frames, masks, structures, np.ones(len(labels), bool) if known is None else known)


def structure_index(name: str | None) -> int:
    """Index of a structure's name in :data:`~echoseg.model.config.STRUCTURES`; -1 for None or a name the model has no embedding for."""
    return STRUCTURES.index(name) if name in STRUCTURES else UNNAMED
