"""From finished runs to weights that ship: averaged weights as fp16 safetensors with their story in the metadata."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from echoseg.errors import WeightsError
from echoseg.model.checkpoint import check_fits, read_metadata, read_state_dict, sha256
from echoseg.training.licence import joined, licences_of_data

_PATHS = ("weights", "images", "masks", "root")  # fields of a training configuration


@dataclass(frozen=True)
class _Trained:
    """Weights, and what is known of how they came to be."""

    state: Mapping[str, Tensor]
    story: Mapping[str, str]


def export_weights(
    files: str | Path | Sequence[str | Path], out: str | Path, dtype: torch.dtype = torch.float16, shares: Sequence[float] | None = None
) -> Path:
    """Write the averaged weights of a training checkpoint to ``out`` (``.safetensors``), complete or not at all; of several their mean.

    The mean of the weights of runs that began alike is often better than each (model soups: Wortsman M et al. 2022, arXiv 2203.05482). It
    is taken in float32, parameter by parameter; measure it before you trust it.

    The licence is that of what the weights began with and learned from, see :mod:`echoseg.training.licence`. The metadata holds it, what to
    cite, the training configuration (files by their names alone: weights travel, folders do not), the step and the
    evaluation, as text; of a mean ``mean_of``, JSON: name, sha256, share and metadata of each file.

    Args:
        files: a run's ``best.pt`` or ``last.pt``, or several of one model, exported ones (``.safetensors``) among them or not.
        out: where to.
        dtype: of the numbers that are stored.
        shares: of each file in the mean, above 0; they are scaled to sum to 1. None: equal ones.

    Raises:
        WeightsError: a file is neither, they are of different models, or not one share a file.
    """
    paths = [Path(files)] if isinstance(files, str | PathLike) else [Path(file) for file in files]
    parts = _shares(len(paths), shares)
    trained = [_read(path) for path in paths]
    first = trained[0]
    for path, other in zip(paths[1:], trained[1:], strict=True):
        check_fits(first.state, other.state, path.name)
    if len(paths) == 1:
        state, story = first.state, dict(first.story)
    else:
        state = {name: _mean([other.state[name] for other in trained], parts) for name in first.state}
        origins = [
            {"file": path.name, "sha256": sha256(path), "share": round(part, 6), **each.story}
            for path, part, each in zip(paths, parts, trained, strict=True)
        ]
        story = {"mean_of": json.dumps(origins)}
    licence, citation = joined([(each.story.get("licence", ""), each.story.get("citation", "")) for each in trained])
    story |= {name: text for name, text in (("licence", licence), ("citation", citation)) if text}
    out = Path(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    unfinished = out.with_name(out.name + ".part")
    save_file({name: _narrow(value, dtype) for name, value in state.items()}, unfinished, story)
    os.replace(unfinished, out)
    return out


def _shares(count: int, shares: Sequence[float] | None) -> list[float]:
    if not count:
        raise WeightsError("no weights were given: name at least one file")
    shares = [1.0] * count if shares is None else list(shares)
    if len(shares) != count or not all(0 < share < float("inf") for share in shares):
        raise WeightsError(f"{count} files need {count} shares above 0, not {', '.join(map(str, shares)) or 'none'}")
    return [share / sum(shares) for share in shares]


def _read(path: Path) -> _Trained:
    if path.suffix == ".safetensors":
        return _Trained(read_state_dict(path), read_metadata(path))
    try:
        content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        average, progress = content["average"], content["progress"]
    except Exception as error:
        raise WeightsError(f"{path} is not a training checkpoint ({error}): give the run's best.pt or last.pt") from error
    if "config" in progress:
        config = json.loads(progress["config"])
        if "licence" not in progress:  # a run of an earlier version: its data still tell
            progress["licence"], progress["citation"] = joined(licences_of_data(config.get("data", ())))
        progress = {**progress, "config": json.dumps(_without_folders(config))}
    return _Trained(average, {key: value if isinstance(value, str) else json.dumps(value) for key, value in progress.items()})


def _mean(values: Sequence[Tensor], parts: Sequence[float]) -> Tensor:
    """Of a parameter; what is no number with a fraction (an index, a count) is that of the first."""
    if not values[0].is_floating_point():
        return values[0]
    return torch.stack([part * value.float() for value, part in zip(values, parts, strict=True)]).sum(dim=0)


def _without_folders(config: Any) -> Any:
    """A configuration with the files and folders it names cut to their last part."""
    if isinstance(config, dict):
        return {key: Path(v).name if key in _PATHS and isinstance(v, str) else _without_folders(v) for key, v in config.items()}
    return [_without_folders(value) for value in config] if isinstance(config, list) else config


def _narrow(value: Tensor, dtype: torch.dtype) -> Tensor:
    return (value.to(dtype) if value.is_floating_point() else value).contiguous()
