"""Checkpoints from which a run resumes exactly. No random-generator state is kept: every draw is a function of (seed, step)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch
from torch import nn

from echoseg.errors import WeightsError
from echoseg.training.ema import WeightAverage


def save_checkpoint(
    path: Path, model: nn.Module, average: WeightAverage, optimizer: torch.optim.Optimizer, progress: dict[str, Any]
) -> None:
    """Write everything a run needs to go on; ``path`` appears complete or not at all.

    Args:
        progress: plain values: ``step`` (the next one to do), ``best``, the config as JSON text.
    """
    state = {
        "model": model.state_dict(),
        "average": average.state,
        "average_updates": average.updates,
        "optimizer": optimizer.state_dict(),
        "progress": progress,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    torch.save(state, part)
    os.replace(part, path)


def load_checkpoint(path: Path, model: nn.Module, average: WeightAverage, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """Restore what :func:`save_checkpoint` wrote into the given objects and return its ``progress``.

    Raises:
        WeightsError: the file cannot be read safely or belongs to another architecture.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        model.load_state_dict(state["model"])
        for name, value in state["average"].items():
            average.state[name].copy_(value)
        average.updates = int(state["average_updates"])
        optimizer.load_state_dict(state["optimizer"])
    except Exception as error:
        raise WeightsError(f"cannot resume from {path}: {error}. Train into another folder, or pass resume=False") from error
    progress: dict[str, Any] = state["progress"]
    return progress
