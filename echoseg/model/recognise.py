"""Which architecture of the registry a file of weights belongs to, by the names and shapes of its parameters."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

from echoseg.errors import WeightsError
from echoseg.model.build import build_model
from echoseg.model.checkpoint import check_fits
from echoseg.model.config import REGISTRY, SAM2Config


def recognise(state: Mapping[str, Tensor], file_name: str, digest: str) -> SAM2Config:
    """The configuration that ``state`` fits.

    MedSAM2 and SAM 2.1 tiny differ in nothing but the size of their input, which no parameter tells: between architectures that fit
    alike, the digest of a published file decides, else the name of the file.

    Args:
        state: parameters by name; only their shapes are looked at.
        file_name: of the file they come from. ``digest``: its sha256.

    Raises:
        WeightsError: it fits none, or several and nothing tells which.
    """
    fitting = [config for config in REGISTRY.values() if shapes(config) == {key: tuple(value.shape) for key, value in state.items()}]
    if not fitting:
        raise _unknown(state, file_name)
    published = [(config, config.published) for config in fitting if config.published is not None]
    hints = (
        fitting,
        [config for config, file in published if file.sha256 == digest],
        [config for config, file in published if _bare(Path(file.file).stem) in _bare(file_name)],
        [config for config in fitting if _bare(config.name) in _bare(file_name)],
    )
    for found in hints:
        if len(found) == 1:
            return found[0]
    names = [config.name for config in fitting]
    raise WeightsError(
        f"{file_name} fits {' and '.join(names)} alike, which differ in the size of their input only: say which by --model {names[0]}"
    )


@cache
def shapes(config: SAM2Config) -> Mapping[str, tuple[int, ...]]:
    """Names and shapes of the parameters of ``config``; nothing is allocated."""
    return {key: tuple(value.shape) for key, value in empty_state(config).items()}


def empty_state(config: SAM2Config) -> Mapping[str, Tensor]:
    """Parameters of ``config`` without values, on the ``meta`` device."""
    with torch.device("meta"):
        return build_model(config).state_dict()


def _bare(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _unknown(state: Mapping[str, Tensor], file_name: str) -> WeightsError:
    """Says what the most similar architecture lacks."""
    nearest = min(REGISTRY.values(), key=lambda config: len(shapes(config).keys() ^ state.keys()))
    try:
        check_fits(empty_state(nearest), state, file_name)
    except WeightsError as error:
        return WeightsError(f"{file_name} fits no model that echoseg knows; of the nearest, {nearest.name}: {error}")
    raise AssertionError("a state that fits was not recognised")
