"""What a project was made with: its inputs and its model, in ``project.json`` of its folder, so that every command agrees."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from echoseg.annotate.items import project_items
from echoseg.annotate.project import Project
from echoseg.errors import OutputError, SourceError
from echoseg.io.atomic import atomic_path
from echoseg.io.dicom.web_address import is_dicomweb

FILE = "project.json"


class ProjectSettings(BaseModel):
    """What a project was made with.

    Attributes:
        inputs: as on the command line, paths absolute.
        model, weights: what round 1 begins from.
        structure: what is labelled and drafted, such as ``LV``. Of volumes only its name.
        licence, citation: of the pictures; the weights that learn from them carry both.
        seed: of the order and of every hold-out.
        held_out: share of a round's patients that it is judged by.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    inputs: Annotated[tuple[str, ...], Field(min_length=1)]
    model: str = "compact"
    weights: Path | None = None
    structure: str = "LV"
    licence: str = ""
    citation: str = ""
    seed: int = 0
    held_out: Annotated[float, Field(gt=0, lt=1)] = 0.1
    schema_version: Literal[1] = 1


def write_settings(folder: Path, settings: ProjectSettings) -> ProjectSettings:
    """Makes the folder and writes them; paths are made absolute.

    Raises:
        OutputError: it cannot be written, or other settings are there already.
    """
    inputs = tuple(each if is_dicomweb(each) else os.path.abspath(each) for each in settings.inputs)
    settings = settings.model_copy(update={"inputs": inputs})
    there = read_settings(folder)
    if there is not None and there != settings:
        raise OutputError(f"{folder} is a project already, made with other inputs or another model: use another folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: the project's folder cannot be made ({error.strerror}); choose another") from error
    with atomic_path(folder / FILE) as path:
        path.write_text(settings.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return settings


def read_settings(folder: Path) -> ProjectSettings | None:
    """The settings of a project; None of one that has none.

    Raises:
        SourceError: the file is damaged.
    """
    try:
        text = (folder / FILE).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SourceError(f"{folder / FILE}: cannot be read ({error.strerror})") from error
    try:
        return ProjectSettings.model_validate_json(text)
    except ValidationError as error:
        raise SourceError(f"{folder / FILE}: not the settings of a project ({error.errors()[0]['msg']}); make it again by init") from error


def open_project(folder: Path) -> tuple[Project, ProjectSettings]:
    """The project in ``folder``.

    Raises:
        SourceError: there is none, or its inputs are gone.
    """
    settings = read_settings(folder)
    if settings is None:
        raise SourceError(f"{folder}: no project there; make one by `echoseg annotate {folder} init INPUT...`")
    return Project(folder, project_items(settings.inputs, folder)), settings
