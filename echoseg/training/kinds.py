"""Configurations that train something else than a model of masks: their YAML file says so by ``kind``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import ValidationError

from echoseg.errors import ModelConfigError
from echoseg.io.data_path import Strict


class OfKind(Strict):
    """What they have in common: ``name`` names the folder of the run."""

    name: str

    def folder(self) -> Path:
        """Where the run writes unless told otherwise: outside the tree."""
        return Path.home() / ".cache" / "echoseg" / "train" / self.name


@dataclass(frozen=True)
class Trained:
    """``weights``: the file that was written. ``step``: steps of the optimizer. ``loss``: mean of the last ones."""

    weights: Path
    step: int
    loss: float


Config = TypeVar("Config", bound=OfKind)


def read_kind(path: str | Path, kind: str, config: type[Config]) -> Config | None:
    """The configuration in a YAML file; None when it trains something else.

    Raises:
        ModelConfigError: a key is unknown or out of range; the message names each.
    """
    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError):
        return None  # whoever reads it as another configuration says why
    if not isinstance(content, dict) or content.get("kind") != kind:
        return None
    try:
        return config.model_validate(content)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'file'}: {e['msg']}" for e in error.errors())
        raise ModelConfigError(f"{path}: {faults}") from error
