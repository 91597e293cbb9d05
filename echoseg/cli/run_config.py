"""``echoseg run --config FILE``: the options of the command in a YAML file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from echoseg.cli.video_options import Reader
from echoseg.cli.volume_options import Axis, Format


class RunConfig(BaseModel):
    """The options of ``echoseg run`` under their own names; what is left out keeps the command's default."""

    model_config = ConfigDict(extra="forbid")

    prompt: str | None = None
    model: str | None = None
    weights: Path | None = None
    direction: Literal["forward", "backward", "both"] | None = None
    frame_index: Annotated[int | None, Field(ge=0)] = None
    memory_selection: float | str | None = None
    device: str | None = None
    spacing: tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]] | None = None
    fps: Annotated[float | None, Field(gt=0)] = None
    views: list[str] | str | None = None
    method: Literal["disks", "area-length", "camus-2019"] | None = None
    sex: Literal["M", "F"] | None = None
    height: Annotated[float | None, Field(ge=20, le=250)] = None
    weight: Annotated[float | None, Field(ge=0.3, le=400)] = None
    series: str | int | None = None
    part: str | None = None
    axis: Axis | None = None
    window: str | None = None
    reader: Reader | None = None
    recipe: Literal["mask", "box"] | None = None
    stop: bool | None = None
    zoom: bool | None = None
    format: Format | None = None
    overwrite: bool = False
    dicom: bool = False
    fractional: bool = False
    deidentify: bool = False
    store: str | None = None


def read_run_config(path: Path) -> dict[str, Any]:
    """The options that the YAML file ``path`` sets; one left empty is not set. Errors: see :func:`read_config`."""
    return read_config(path, RunConfig)


def read_config(path: Path, options: type[BaseModel]) -> dict[str, Any]:
    """The fields of ``options`` that the YAML file ``path`` sets; one left empty is not set.

    Raises:
        typer.BadParameter: not a readable YAML file, an unknown key or an unusable value; the message names each key.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        return options.model_validate({} if content is None else content).model_dump(exclude_unset=True, exclude_none=True)
    except ValidationError as error:
        found = [(".".join(map(str, e["loc"])) or "the file", _reason(options, e["type"], e["msg"])) for e in error.errors()]
        reasons = "; ".join(f"{where}: {why}" for where, why in found)
        raise typer.BadParameter(f"{path}: {reasons}", param_hint="--config") from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise typer.BadParameter(f"{path} is not a readable YAML file: {error}", param_hint="--config") from error


def _reason(options: type[BaseModel], kind: str, message: str) -> str:
    if kind == "extra_forbidden":
        return f"unknown key; known are {', '.join(options.model_fields)}"
    if kind == "model_type":
        return "must hold lines of `option: value`"
    return message[0].lower() + message[1:]
