"""Building a network from its configuration, and loading it ready to use."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from torch import Tensor

from echoseg.errors import WeightsError
from echoseg.model.checkpoint import load_strict, read_state_dict, sha256
from echoseg.model.config import SAM2Config, model_config
from echoseg.model.installed import how_to_get, installed_weights
from echoseg.model.sam2 import SAM2


@dataclass(frozen=True)
class WeightsInfo:
    """Which weights a model runs with: ``file`` name and ``sha256``, for provenance."""

    file: str
    sha256: str


def build_model(config: SAM2Config | str) -> SAM2:
    """The untrained network of ``config`` (or of a registered name), in evaluation mode.

    Raises:
        ModelConfigError: unknown name.
    """
    return SAM2(model_config(config) if isinstance(config, str) else config).eval()


def shipped_weights(config: SAM2Config) -> Path | None:
    """Path of the weights that ship for ``config``, or None."""
    path = Path(str(files("echoseg") / "weights" / config.weights)) if config.weights else None
    return path if path and path.is_file() else None


def load_network(name: str | SAM2Config, weights: str | Path | None = None) -> tuple[SAM2, WeightsInfo]:
    """The network ``name`` with ``weights`` (default: those that ship, else those that were imported or pulled).

    Raises:
        ModelConfigError: unknown name.
        WeightsError: no weights here and none given, weights that do not fit, or imported ones that are not what they were.
    """
    config = model_config(name) if isinstance(name, str) else name
    path = Path(weights) if weights is not None else shipped_weights(config)
    if path is not None:
        state, info = read_state_dict(path), WeightsInfo(path.name, sha256(path))
    else:
        state, info = _installed(config)
    network = build_model(config)
    load_strict(network, state, info.file)
    return network, info


def _installed(config: SAM2Config) -> tuple[dict[str, Tensor], WeightsInfo]:
    record = installed_weights(config.name)
    if record is None:
        raise WeightsError(
            f"no weights ship for {config.name}, and none were imported. {how_to_get(config)} Or pass weights=PATH (--weights PATH)."
        )
    if sha256(record.path) != record.sha256:
        raise WeightsError(f"{record.path}: is not what was imported (its sha256 is another); import {record.name} again")
    return read_state_dict(record.path), WeightsInfo(record.name, record.sha256)
