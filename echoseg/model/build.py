"""Building a network from its configuration, and loading it ready to use."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from torch import Tensor

from echoseg.errors import WeightsError
from echoseg.model.checkpoint import load_strict, read_metadata, read_state_dict, sha256
from echoseg.model.config import REGISTRY, SAM2Config, model_config
from echoseg.model.installed import how_to_get, installed_weights
from echoseg.model.sam2 import SAM2


@dataclass(frozen=True)
class WeightsInfo:
    """Which weights a model runs with, for provenance.

    Attributes:
        file: its name. ``sha256``: hex digest.
        licence: of the weights; None when nothing tells.
        citation: what whoever uses them cites; may be empty.
    """

    file: str
    sha256: str
    licence: str | None = None
    citation: str = ""


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
    if weights is not None:
        state, info = read_state_dict(weights), weights_info(Path(weights))
    elif (path := shipped_weights(config)) is not None:
        state, info = read_state_dict(path), WeightsInfo(path.name, sha256(path), config.licence, config.citation)
    else:
        state, info = _installed(config)
    network = build_model(config)
    load_strict(network, state, info.file)
    return network, info


def weights_info(path: Path) -> WeightsInfo:
    """What is known of a file of weights: those that ship are told by their content, others by their own metadata.

    Raises:
        WeightsError: no such file.
    """
    digest = sha256(path)
    for config in REGISTRY.values():
        shipped = shipped_weights(config)
        if shipped is not None and sha256(shipped) == digest:
            return WeightsInfo(path.name, digest, config.licence, config.citation)
    said = read_metadata(path)
    return WeightsInfo(path.name, digest, said.get("licence"), said.get("citation", ""))


def _installed(config: SAM2Config) -> tuple[dict[str, Tensor], WeightsInfo]:
    record = installed_weights(config.name)
    if record is None:
        raise WeightsError(
            f"no weights ship for {config.name}, and none were imported. {how_to_get(config)} Or pass weights=PATH (--weights PATH)."
        )
    if sha256(record.path) != record.sha256:
        raise WeightsError(f"{record.path}: is not what was imported (its sha256 is another); import {record.name} again")
    return read_state_dict(record.path), WeightsInfo(record.name, record.sha256, record.licence, config.citation)
