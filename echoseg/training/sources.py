"""Datasets by their configuration."""

from __future__ import annotations

from echoseg.training.config import CamusData, Data, EchoNetData, FolderData, MedSam2Data, SimulatedVolumeData, TrainConfig
from echoseg.training.dataset import Dataset


def build_datasets(config: TrainConfig) -> list[tuple[Dataset, float]]:
    """Every dataset of a run with its weight, files listed but not yet read.

    Raises:
        SourceError: a folder is missing or holds nothing usable.
    """
    return [(build_dataset(data, config.seed), data.weight) for data in config.data]


def build_dataset(data: Data, seed: int) -> Dataset:
    """One dataset; ``seed`` steers the simulator."""
    if isinstance(data, FolderData):
        from echoseg.training.folders import FolderPairs

        return FolderPairs(data.images, data.masks, data.structures, data.frames)
    if isinstance(data, MedSam2Data):
        from echoseg.training.medsam2_npz import MedSam2Npz

        return MedSam2Npz(data.root, data.frames)
    if isinstance(data, CamusData):
        from echoseg.training.camus import Camus

        return Camus(data.root, data.patients, data.between)
    if isinstance(data, EchoNetData):
        from echoseg.training.echonet import EchoNet

        return EchoNet(data.root, data.split, data.frames)
    if isinstance(data, SimulatedVolumeData):
        from echoseg.training.simulated_volumes import SimulatedVolumes

        return SimulatedVolumes(seed, data.frames, data.size, data.kinds, data.fill)
    from echoseg.training.simulated import SimulatedClips

    return SimulatedClips(seed, data.frames, data.size, data.views, data.options)
