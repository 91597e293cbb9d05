"""How fast whole clips go, from what is read to what is written, through each runtime in turn."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
import torch

from echoseg import pipeline
from echoseg.evaluation.speed import by_runtime
from echoseg.model import Model

SIDE = 112
"""Pixels of the side of an array clip: as EchoNet-Dynamic's."""


@dataclass(frozen=True)
class RunSpeed:
    """Attributes:
    what: the clip, and what is done with it.
    threads: CPU threads. ``frames``: of the clip.
    fps: median frames a second, by runtime.
    ratio: median over the rounds of torch's time by the runtime's; above 1, it is faster than torch.
    """

    what: str
    threads: int
    frames: int
    fps: Mapping[str, float]
    ratio: Mapping[str, float]


def bench_array(model: Model, threads: int, frames: int = 40, rounds: int = 3) -> RunSpeed:
    """An array of noise, segmented and not measured; ``model`` knows structures."""
    clip = np.random.default_rng(0).integers(0, 256, (frames, SIDE, SIDE), dtype=np.uint8)
    return _in_turn(f"array {SIDE} x {SIDE}, masks", model, threads, rounds, lambda each: len(pipeline.segment(clip, "auto", each).masks))


def bench_file(model: Model, threads: int, path: Path, rounds: int = 3) -> RunSpeed:
    """A file, decoded, segmented, measured, and everything written, as ``echoseg run`` does."""

    def run(each: Model) -> int:
        with tempfile.TemporaryDirectory() as folder:
            return len(pipeline.run(path, folder, "auto", each).segmentation.masks)

    return _in_turn(f"{path.name}, everything written", model, threads, rounds, run)


def _in_turn(what: str, model: Model, threads: int, rounds: int, run: Callable[[Model], int]) -> RunSpeed:
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        models, _ = by_runtime(model)
        frames, *_ = [run(each) for each in models.values()]  # this round imports, and makes ready
        spent: dict[str, list[float]] = {name: [] for name in models}
        for _ in range(rounds):
            for name, each in models.items():
                start = time.perf_counter()
                run(each)
                spent[name].append(time.perf_counter() - start)
    finally:
        torch.set_num_threads(before)
    ratio = {name: median(a / b for a, b in zip(spent["torch"], times, strict=True)) for name, times in spent.items()}
    return RunSpeed(what, threads, frames, {name: frames / median(times) for name, times in spent.items()}, ratio)
