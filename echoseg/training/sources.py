"""Datasets by their configuration."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from echoseg.datasets.camus import CamusView, find_views
from echoseg.datasets.case import Case, read_case
from echoseg.datasets.echonet import Outline, clip_between_traced, traced_videos
from echoseg.datasets.folders import paired_by_name, part_of
from echoseg.datasets.medsam2 import npz_files
from echoseg.datasets.simulated import clip_case
from echoseg.errors import ModelConfigError, SourceError
from echoseg.io.labels.placing import labels_on
from echoseg.io.labels.read import read_labels
from echoseg.io.names import output_name
from echoseg.io.open import open_source
from echoseg.simulate import EchoOptions, own_seed, random_clip
from echoseg.training.beats import Beats, two_phases
from echoseg.training.between import with_frames_between
from echoseg.training.config import (
    BeatData,
    CamusData,
    Data,
    EchoNetData,
    FolderData,
    MedSam2Data,
    SimulatedData,
    SimulatedVolumeData,
    TrainConfig,
)
from echoseg.training.dataset import Dataset, Sample, sample_of_case
from echoseg.training.simulated_volumes import SimulatedVolumes
from echoseg.training.windowed import Seen, Windowed

Item = TypeVar("Item")
ENDLESS = range(2**31)
"""Numbers of simulated clips: the set has no end."""


@dataclass(frozen=True)
class Cases(Generic[Item]):
    """One sample an item, made from the case that ``read(item, rng)`` gives."""

    items: Sequence[Item]
    read: Callable[[Item, np.random.Generator], Case]

    def __len__(self) -> int:
        return len(self.items)

    def sample(self, index: int, rng: np.random.Generator) -> Sample:
        """The sample of item ``index``."""
        return sample_of_case(self.read(self.items[index], rng))


def build_datasets(config: TrainConfig) -> list[tuple[Dataset, float]]:
    """Every dataset of a run with its weight, files listed but not yet read.

    Raises:
        SourceError: a folder is missing or holds nothing usable.
        ModelConfigError: an option the simulator does not know.
    """
    return [(build_dataset(data, config.seed), data.weight) for data in config.data]


def build_dataset(data: Data, seed: int) -> Dataset:
    """One dataset; ``seed`` steers the simulator. Errors as :func:`build_datasets`."""
    match data:
        case FolderData():
            return _folder(data)
        case BeatData():
            found = two_phases(paired_by_name(data.images, data.masks), data.masks)
            return Windowed(Cases(found, Beats(data.structures, data.between)), Seen(data.fill, data.coarse))
        case MedSam2Data():
            return Cases(npz_files(data.root), partial(_npz, data))
        case CamusData():
            return Cases(find_views(data.root, data.patients), EndDiastoleToSystole(data.between))
        case EchoNetData():
            return Cases(list(traced_videos(data.root, data.split).items()), partial(_video, data))
        case SimulatedVolumeData():
            return SimulatedVolumes(seed, data.frames, data.size, data.kinds, Seen(data.fill, data.coarse), data.rings)
        case SimulatedData():
            try:
                options = EchoOptions(**data.options)  # type: ignore[arg-type]
            except TypeError as error:
                raise ModelConfigError(f"simulator options: {error}") from error
            return Cases(ENDLESS, partial(_simulated, data, seed, options))


class EndDiastoleToSystole:
    """Reads the views of CAMUS, each once, as a clip of the ED and the ES frame with ``between`` made frames between them.

    Frames keep their own pixels, which are not square in the original release; the model sees every frame stretched to a square.
    """

    def __init__(self, between: int) -> None:
        self._between = between
        self._read: dict[CamusView, Case] = {}  # a thousand views fit into memory

    def __call__(self, view: CamusView, rng: np.random.Generator) -> Case:
        if view not in self._read:
            self._read[view] = with_frames_between(view.read(), self._between)
        return self._read[view]


def stretch_that_shows(labels: NDArray[np.integer], where: Path, frames: int, rng: np.random.Generator) -> slice:
    """Up to ``frames`` consecutive frames, drawn around one of ``labels`` ``(T, H, W)`` that shows an object; ``where`` is for an error.

    Raises:
        SourceError: none shows any.
    """
    shown = np.flatnonzero(labels.any(axis=(1, 2)))
    if len(shown) == 0:
        raise SourceError(f"{where}: the label maps show no object; leave it out of the training data")
    latest = max(len(labels) - frames, 0)
    start = int(np.clip(rng.choice(shown) - rng.integers(frames), 0, latest))
    return slice(start, min(start + frames, len(labels)))


def _folder(data: FolderData) -> Dataset:
    dataset: Dataset = Cases(part_of(paired_by_name(data.images, data.masks), data.part), partial(_pair, data))
    return dataset if data.fill is None else Windowed(dataset, Seen(data.fill, data.coarse))


def _pair(data: FolderData, files: tuple[Path, Path], rng: np.random.Generator) -> Case:
    image, mask = files
    stretch = partial(stretch_that_shows, where=mask, frames=data.frames, rng=rng)
    with open_source(image) as source:
        labels = source.to_stored(labels_on(mask, source, white=False))
        return read_case(source, labels, mask, output_name(mask), data.structures, stretch)


def _npz(data: MedSam2Data, path: Path, rng: np.random.Generator) -> Case:
    stretch = partial(stretch_that_shows, where=path, frames=data.frames, rng=rng)
    with open_source(path) as source:
        return read_case(source, read_labels(path, array="gts", white=False).masks, path, path.stem, {}, stretch)


def _video(data: EchoNetData, traced: tuple[Path, dict[int, Outline]], rng: np.random.Generator) -> Case:
    return clip_between_traced(*traced, data.frames)


def _simulated(data: SimulatedData, seed: int, options: EchoOptions, index: int, rng: np.random.Generator) -> Case:
    return clip_case(random_clip(own_seed(seed, index), data.size, data.frames, data.views, options), "simulated")
