"""Prompts as text: the ``--prompt`` option of the command line, and prompt files in JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from echoseg.errors import PromptError
from echoseg.io.mask_file import read_mask
from echoseg.prompting.plan import Plan, auto_structures
from echoseg.prompting.recist import recist_box
from echoseg.types import Box, MaskPrompt, Points, Prompt

GRAMMAR = (
    "auto, auto:LV,LA, box:x0,y0,x1,y1@frame, points:x,y,+;x,y,-@frame, mask:FILE@frame, recist:x0,y0,x1,y1@frame, or a .json file"
)


def parse_prompt(text: str, frame_index: int | None = None) -> str | Plan:
    """Reads a ``--prompt`` value; without ``@frame`` a prompt sits on ``frame_index`` (default 0).

    Returns:
        the text itself for ``auto`` prompts (a policy decides), else a plan.

    Raises:
        PromptError: the text is not a prompt; the message shows what is.
    """
    if auto_structures(text) is not None:
        return text
    if text.lower().endswith(".json"):
        return read_prompt_file(text, frame_index)
    kind, _, rest = text.partition(":")
    body, frame = _split_frame(rest)
    readers: dict[str, Callable[[str, int], Prompt]] = {"box": _box, "points": _points, "mask": _mask, "recist": _recist}
    if kind not in readers or not body:
        raise PromptError(f"cannot read the prompt {text!r}; give {GRAMMAR}")
    frame = (frame_index or 0) if frame is None else frame
    return Plan({1: {frame: [readers[kind](body, frame)]}})


def _split_frame(text: str) -> tuple[str, int | None]:
    match = re.fullmatch(r"(.*)@(\d+)", text)
    return (match[1], int(match[2])) if match else (text, None)


def _numbers(text: str, count: int) -> list[float]:
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        values = []
    if len(values) != count:
        raise PromptError(f"{text!r} should be {count} numbers separated by commas")
    return values


def _box(body: str, frame: int) -> Box:
    return Box(*_numbers(body, 4))


def _recist(body: str, frame: int) -> Box:
    return recist_box(*_numbers(body, 4))


def _points(body: str, frame: int) -> Points:
    xy, labels = [], []
    for click in body.split(";"):
        match = re.fullmatch(r"\s*(.+)\s*,\s*([+-])\s*", click)
        if not match:
            raise PromptError(f"{click!r} should be a point such as 120,80,+ (inside) or 120,80,- (outside)")
        xy.append(_numbers(match[1], 2))
        labels.append(int(match[2] == "+"))
    return Points(np.array(xy, dtype=np.float32), np.array(labels, dtype=np.int32))


def _mask(body: str, frame: int) -> MaskPrompt:
    return MaskPrompt(read_mask(body, frame))


class _Entry(BaseModel):
    """One prompt of a prompt file."""

    model_config = ConfigDict(extra="forbid")
    frame: int | None = None
    box: tuple[float, float, float, float] | None = None
    recist: tuple[float, float, float, float] | None = None
    points: list[tuple[float, float, int]] | None = None
    mask: str | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> _Entry:
        if sum(value is not None for value in (self.box, self.recist, self.points, self.mask)) != 1:
            raise ValueError("give exactly one of box, recist, points, mask")
        return self

    def prompt(self, folder: Path, frame: int) -> Prompt:
        if self.box is not None:
            return Box(*self.box)
        if self.recist is not None:
            return recist_box(*self.recist)
        if self.points is not None:
            clicks = np.array(self.points, dtype=np.float32).reshape(-1, 3)
            return Points(clicks[:, :2], clicks[:, 2].astype(np.int32))
        assert self.mask is not None
        return MaskPrompt(read_mask(folder / self.mask, frame))


class _Object(BaseModel):
    model_config = ConfigDict(extra="forbid")
    id: int
    name: str | None = None
    prompts: list[_Entry] = Field(min_length=1)


class _PromptFile(BaseModel):
    model_config = ConfigDict(extra="forbid")
    objects: list[_Object] = Field(min_length=1)


def read_prompt_file(path: str | Path, frame_index: int | None = None) -> Plan:
    """Prompts from JSON: ``{"objects": [{"id": 1, "name": "LV", "prompts": [{"frame": 0, "box": [x0, y0, x1, y1]}]}]}``.

    A prompt holds one of ``box``, ``recist`` (line ends), ``points`` (``[x, y, 1 or 0]`` each) or ``mask`` (a file, relative to the JSON).
    Without ``frame`` it sits on ``frame_index`` (default 0).

    Raises:
        PromptError: unreadable, not of this form, or an id or a name given twice; the message names the place.
        SourceError: a mask file is unreadable.
    """
    path = Path(path)
    try:
        content = _PromptFile.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise PromptError(f"no prompt file {path.name}") from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise PromptError(f"{path.name} cannot be read as JSON: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise PromptError(f"{path.name}: {where}: {first['msg']}") from error
    prompts: dict[int, dict[int, list[Prompt]]] = {}
    names: dict[int, str] = {}
    for item in content.objects:
        if item.id in prompts:
            raise PromptError(f"{path.name}: object {item.id} is given twice")
        if item.name and item.name in names.values():
            raise PromptError(f"{path.name}: two objects are named {item.name}")
        if item.name:
            names[item.id] = item.name
        frames = prompts.setdefault(item.id, {})
        for entry in item.prompts:
            frame = (frame_index or 0) if entry.frame is None else entry.frame
            frames.setdefault(frame, []).append(entry.prompt(path.parent, frame))
    return Plan(prompts, names)
