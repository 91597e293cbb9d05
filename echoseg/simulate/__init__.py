"""Synthetic echo clips of one beating three-dimensional heart, with exact masks and true volumes."""

from echoseg.simulate.clip import STRUCTURES, EchoClip, HeartTruth, random_clip, simulate_clip, simulate_study
from echoseg.simulate.options import VIEWS, EchoOptions, SimulationError

__all__ = ["STRUCTURES", "VIEWS", "EchoClip", "EchoOptions", "HeartTruth", "SimulationError", "random_clip", "simulate_clip", "simulate_study"]
