"""Paths in YAML files that name data: they may begin with an environment variable, so that a file fits every machine."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict


def expanded(path: object) -> object:
    """A path with the value of the environment variable that it begins with.

    Raises:
        ValueError: that variable is not set.
    """
    found = re.match(r"\$(\w+|\{\w+\})", str(path))
    if found is None:
        return path
    name = found.group(1).strip("{}")
    if not os.environ.get(name):
        raise ValueError(f"{path}: the environment variable {name} is not set; set it to the folder of the data")
    return os.environ[name] + str(path)[found.end() :]


DataPath = Annotated[Path, BeforeValidator(expanded)]
"""A path that may begin with an environment variable, such as ``$ECHOSEG_TRAIN/camus/train``."""


class Strict(BaseModel):
    """Frozen, and unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)
