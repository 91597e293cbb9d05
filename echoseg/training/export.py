"""From a finished run to weights that ship: the averaged weights as fp16 safetensors with their story in the metadata."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from echoseg.errors import WeightsError

_PATHS = ("weights", "images", "masks", "root")  # fields of a training configuration


def export_weights(checkpoint: str | Path, out: str | Path, dtype: torch.dtype = torch.float16) -> Path:
    """Write the averaged weights of a training checkpoint to ``out`` (``.safetensors``), complete or not at all.

    The metadata holds the training configuration (files by their names alone: weights travel, folders do not), the step and the
    evaluation, as text.

    Raises:
        WeightsError: ``checkpoint`` is not one of :func:`echoseg.training.checkpoint.save_checkpoint`.
    """
    try:
        state: dict[str, Any] = torch.load(checkpoint, map_location="cpu", weights_only=True)
        average, progress = state["average"], state["progress"]
    except Exception as error:
        raise WeightsError(f"{checkpoint} is not a training checkpoint ({error}): give the run's best.pt or last.pt") from error
    out = Path(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(out.name + ".part")
    progress = {**progress, "config": json.dumps(_without_folders(json.loads(progress["config"])))} if "config" in progress else progress
    metadata = {key: value if isinstance(value, str) else json.dumps(value) for key, value in progress.items()}
    save_file({name: _narrow(value, dtype) for name, value in average.items()}, part, metadata)
    os.replace(part, out)
    return out


def _without_folders(config: Any) -> Any:
    """A configuration with the files and folders it names cut to their last part."""
    if isinstance(config, dict):
        return {key: Path(v).name if key in _PATHS and isinstance(v, str) else _without_folders(v) for key, v in config.items()}
    return [_without_folders(value) for value in config] if isinstance(config, list) else config


def _narrow(value: Tensor, dtype: torch.dtype) -> Tensor:
    return (value.to(dtype) if value.is_floating_point() else value).contiguous()
