"""Building a network from its configuration, and loading it ready to use."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from echoseg.errors import WeightsError
from echoseg.model.checkpoint import load_strict, read_state_dict, sha256
from echoseg.model.config import SAM2Config, model_config
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
    """The network ``name`` with ``weights`` (default: those that ship).

    Raises:
        ModelConfigError: unknown name.
        WeightsError: no shipped weights and none given, or weights that do not fit.
    """
    config = model_config(name) if isinstance(name, str) else name
    path = Path(weights) if weights is not None else shipped_weights(config)
    if path is None:
        raise WeightsError(f"no weights ship for {config.name}: download them ({config.origin}) and pass weights=PATH (--weights PATH)")
    network = build_model(config)
    load_strict(network, read_state_dict(path), path.name)
    return network, WeightsInfo(path.name, sha256(path))
