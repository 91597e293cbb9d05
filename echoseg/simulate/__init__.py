"""Synthetic echo clips of one beating three-dimensional heart, and CT- and MRI-like slice sequences, with exact masks."""

from echoseg.simulate.clip import STRUCTURES, EchoClip, HeartTruth, own_seed, random_clip, simulate_clip, simulate_study
from echoseg.simulate.options import VIEWS, EchoOptions, SimulationError
from echoseg.simulate.volume import VolumeSample, random_volume

__all__ = [
    "STRUCTURES",
    "VIEWS",
    "EchoClip",
    "EchoOptions",
    "HeartTruth",
    "SimulationError",
    "VolumeSample",
    "own_seed",
    "random_clip",
    "random_volume",
    "simulate_clip",
    "simulate_study",
]
