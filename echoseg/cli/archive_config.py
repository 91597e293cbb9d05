"""``echoseg archive --config FILE``: the options of the command in a YAML file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from echoseg.cli.run_config import read_config
from echoseg.cli.video_options import Reader


class ArchiveConfig(BaseModel):
    """The options of ``echoseg archive`` under their own names; what is left out keeps the command's default."""

    model_config = ConfigDict(extra="forbid")

    engine: Literal["local", "ray"] | None = None
    ray_address: str | None = None
    workers: Annotated[int | None, Field(ge=1)] = None
    threads: Annotated[int | None, Field(ge=1)] = None
    gpus_per_worker: Annotated[float | None, Field(ge=0)] = None
    time_limit: Annotated[float | None, Field(ge=1)] = None
    memory_limit: Annotated[float | None, Field(ge=0.1)] = None
    attempts: Annotated[int | None, Field(ge=1)] = None
    keep: Literal["rows", "frames", "all"] | None = None
    review: Annotated[int | None, Field(ge=0)] = None
    prompt: str | None = None
    model: str | None = None
    weights: Path | None = None
    device: str | None = None
    direction: Literal["forward", "backward", "both"] | None = None
    memory_selection: float | str | None = None
    method: Literal["disks", "area-length", "camus-2019"] | None = None
    reader: Reader | None = None


def read_archive_config(path: Path) -> dict[str, Any]:
    """The options that the YAML file ``path`` sets; one left empty is not set.

    Raises:
        typer.BadParameter: see :func:`echoseg.cli.run_config.read_config`.
    """
    return read_config(path, ArchiveConfig)
