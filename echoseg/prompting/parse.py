"""Prompts as text: the ``--prompt`` option of the command line, and prompt files in JSON."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from echoseg.errors import PromptError
from echoseg.io.labels.recist import read_recist_array
from echoseg.io.regular import read_regular
from echoseg.prompting.mask_file import mask_prompt
from echoseg.prompting.plan import MaskFile, Plan, PromptLike, auto_structures, depth_plan, manual_plan, merged
from echoseg.prompting.recist import recist_box, recist_lines, recist_points
from echoseg.types import Box, Box3D, Point3D, Points, Prompt, whole_number

GRAMMAR = (
    "auto, auto:LV,LA, box:x0,y0,x1,y1@frame, points:x,y,+;x,y,-@frame, mask:FILE@frame, recist:x0,y0,x1,y1@frame, "
    "in volumes also box:x0,y0,z0,x1,y1,z1, point:x,y,z, recist:FILE.npz and recist-points: in place of recist:, or a .json file"
)
_LONGEST = 1 << 24  # bytes of a prompt file
_MOST_POINTS = 10_000
_NAMES_FILE = re.compile(r"(mask:|recist:|recist-points:)(.+?)(@\d+)?")


@dataclass(frozen=True)
class Asked:
    """A prompt that has been read. Of ``structures``, ``masks`` and ``plan`` one is set.

    Attributes:
        given: as the provenance of a result says it: prompts by object and frame, or as it was given.
        frame: to seed with ``auto``, or of the masks in a file; None: the policy chooses.
        structures: that an ``auto`` prompt names; a policy decides.
        masks: a file with masks; the source decides where they lie.
        plan: every other prompt.
    """

    given: object
    frame: int | None = None
    structures: tuple[str, ...] = ()
    masks: Path = Path()
    plan: Plan | None = None


def read_prompt(prompt: PromptLike | Plan, frame_index: int | None = None) -> Asked:
    """Reads whatever a caller may give as ``prompt``; what names no frame sits on ``frame_index`` (default 0).

    Raises:
        PromptError: not a prompt, or a frame index that is none or does not go with it.
    """
    frame = None if frame_index is None else whole_number(frame_index, "frame_index")
    if structures := auto_structures(prompt):
        return Asked(prompt, frame, structures)
    if masks := mask_prompt(prompt):
        return Asked(prompt, frame if masks[1] is None else masks[1], masks=masks[0])
    if isinstance(prompt, str):
        prompt = _parsed(prompt, frame)
    if isinstance(prompt, Plan):
        return Asked(prompt.prompts, plan=prompt)
    return Asked(prompt, plan=manual_plan(prompt, frame))


def parse_prompt(text: str, frame_index: int | None = None) -> str | Plan:
    """Reads a ``--prompt`` value; without ``@frame`` a prompt sits on ``frame_index`` (default 0).

    A box of six numbers is a :class:`Box3D`, prompted on its middle slice by default. ``recist:`` gives the square box of MedSAM2's
    rule, ``recist-points:`` five clicks on the line; a file holds lines as pixels, each an object of its own.

    Returns:
        the text itself for ``auto`` prompts (a policy decides) and files with masks (the source decides), else a plan.

    Raises:
        PromptError: the text is not a prompt; the message shows what is.
    """
    return read_prompt(text, frame_index).plan or text


def _parsed(text: str, frame_index: int | None) -> Plan:
    if text.lower().endswith(".json"):
        return read_prompt_file(text, frame_index)
    kind, _, rest = text.partition(":")
    body, frame = _split_frame(rest)
    given_frame = frame_index if frame is None else frame
    if kind == "box" and body.count(",") == 5:
        return depth_plan(_box_3d(body), frame_index=given_frame)
    if kind == "point" and frame is None:
        return depth_plan(_point_3d(body), frame_index=frame_index)
    if kind in _LINES and body.lower().endswith(".npz"):
        return _line_plan(kind, body, given_frame)
    readers: dict[str, Callable[[str, int], Prompt]] = {"box": _box, "points": _points}
    readers |= {kind: partial(_line, kind) for kind in _LINES}
    if kind not in readers or not body:
        raise PromptError(f"cannot read the prompt {text!r}; give {GRAMMAR}")
    frame = given_frame or 0
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


def _box_3d(body: str) -> Box3D:
    x0, y0, z0, x1, y1, z1 = _numbers(body, 6)
    return Box3D(x0, y0, _slice(z0), x1, y1, _slice(z1))


def _point_3d(body: str) -> Point3D:
    x, y, z = _numbers(body, 3)
    return Point3D(x, y, _slice(z))


def _slice(number: float) -> int:
    if not number.is_integer():
        raise PromptError(f"slices are counted in whole numbers; got {number:g}")
    return int(number)


_LINES: dict[str, Callable[[float, float, float, float], Prompt]] = {"recist": recist_box, "recist-points": recist_points}


def _line(kind: str, body: str, frame: int) -> Prompt:
    x0, y0, x1, y1 = _numbers(body, 4)
    return _LINES[kind](x0, y0, x1, y1)


def _line_plan(kind: str, path: str, frame: int | None) -> Plan:
    if frame is not None:
        raise PromptError(f"the lines in {Path(path).name} have their slices: leave @frame out")
    lines = recist_lines(read_recist_array(path))
    if max(lines) > 255:
        raise PromptError(f"{Path(path).name}: object ids run from 1 to 255; there is a line numbered {max(lines)}")
    return Plan({number: {at: [_LINES[kind](*ends)]} for number, (at, ends) in lines.items()})


def _points(body: str, frame: int) -> Points:
    xy, labels = [], []
    for click in body.split(";"):
        match = re.fullmatch(r"\s*(.+)\s*,\s*([+-])\s*", click)
        if not match:
            raise PromptError(f"{click!r} should be a point such as 120,80,+ (inside) or 120,80,- (outside)")
        xy.append(_numbers(match[1], 2))
        labels.append(int(match[2] == "+"))
    return Points(np.array(xy, dtype=np.float32), np.array(labels, dtype=np.int32))


class _Entry(BaseModel):
    """One prompt of a prompt file."""

    model_config = ConfigDict(extra="forbid")
    frame: int | None = None
    box: tuple[float, float, float, float] | tuple[float, float, int, float, float, int] | None = None
    recist: tuple[float, float, float, float] | None = None
    recist_points: tuple[float, float, float, float] | None = None
    points: list[tuple[float, float, int]] | None = Field(default=None, max_length=_MOST_POINTS)
    point: tuple[float, float, int] | None = None
    mask: str | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> _Entry:
        given = (self.box, self.recist, self.recist_points, self.points, self.point, self.mask)
        if sum(value is not None for value in given) != 1:
            raise ValueError("give exactly one of box, recist, recist_points, points, point, mask")
        return self

    def plan(self, object_id: int, folder: Path, frame_index: int | None) -> Plan:
        """The plan of this prompt alone."""
        frame = frame_index if self.frame is None else self.frame
        if self.point is not None:
            return depth_plan(Point3D(*self.point), object_id, self.frame)
        if self.box is not None and len(self.box) == 6:
            return depth_plan(Box3D(*self.box), object_id, frame)
        if self.mask is not None:
            if not (folder / self.mask).exists():
                raise PromptError(f"{self.mask}: no such file beside the prompt file; check the path")
            if not (folder / self.mask).resolve().is_relative_to(folder.resolve()):
                raise PromptError(f"{self.mask}: lies outside of the folder of the prompt file; put both side by side")
            return Plan({object_id: {}}, masks=(MaskFile(folder / self.mask, object_id, frame),))
        return Plan({object_id: {frame or 0: [self._prompt()]}})

    def _prompt(self) -> Prompt:
        if self.box is not None and len(self.box) == 4:
            return Box(*self.box)
        if self.recist is not None:
            return recist_box(*self.recist)
        if self.recist_points is not None:
            return recist_points(*self.recist_points)
        assert self.points is not None
        clicks = np.array(self.points, dtype=np.float32).reshape(-1, 3)
        return Points(clicks[:, :2], clicks[:, 2].astype(np.int32))


class _Object(BaseModel):
    model_config = ConfigDict(extra="forbid")
    id: int
    name: str | None = None
    prompts: list[_Entry] = Field(min_length=1, max_length=_MOST_POINTS)


class _PromptFile(BaseModel):
    model_config = ConfigDict(extra="forbid")
    objects: list[_Object] = Field(min_length=1)


def read_prompt_file(path: str | Path, frame_index: int | None = None) -> Plan:
    """Prompts from JSON: ``{"objects": [{"id": 1, "name": "LV", "prompts": [{"frame": 0, "box": [x0, y0, x1, y1]}]}]}``.

    A prompt holds one of ``box``, ``recist`` or ``recist_points`` (line ends), ``points`` (``[x, y, 1 or 0]`` each) or ``mask`` (a
    file, relative to the JSON); in volumes also a ``box`` of six numbers, or a ``point`` ``[x, y, z]``, which has its slice. Without
    ``frame`` it sits on ``frame_index`` (default 0; a 3D box on its middle slice, a mask where it is largest). A file of several masks
    gives an object the label of its id.

    Raises:
        PromptError: unreadable, not of this form, or an id or a name given twice; the message names the place.
    """
    path = Path(path)
    try:
        content = _PromptFile.model_validate(json.loads(read_regular(path, _LONGEST)))
    except FileNotFoundError:
        raise PromptError(f"no prompt file {path.name}") from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise PromptError(f"{path.name} cannot be read as JSON: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise PromptError(f"{path.name}: {where}: {first['msg']}") from error
    plans: list[Plan] = []
    names: dict[int, str] = {}
    for item in content.objects:
        if any(item.id in plan.prompts for plan in plans):
            raise PromptError(f"{path.name}: object {item.id} is given twice")
        if item.name and item.name in names.values():
            raise PromptError(f"{path.name}: two objects are named {item.name}")
        if item.name:
            names[item.id] = item.name
        plans.append(merged([entry.plan(item.id, path.parent, frame_index) for entry in item.prompts]))
    return replace(merged(plans), names=names)


def prompt_file(prompt: str) -> tuple[str, str, str] | None:
    """What stands before the name of a file in a prompt, the name, and what stands behind it; None for a prompt without a file."""
    if prompt.lower().endswith(".json"):
        return "", prompt, ""
    match = _NAMES_FILE.fullmatch(prompt)
    if match is None or (match[1] != "mask:" and not match[2].lower().endswith(".npz")):  # else the ends of a line
        return None
    return match[1], match[2], match[3] or ""


def located_prompt(prompt: str, folder: str | os.PathLike[str]) -> str:
    """The prompt with its file, where it names one, taken relative to ``folder``."""
    found = prompt_file(prompt)
    return prompt if found is None else f"{found[0]}{os.path.join(folder, found[1])}{found[2]}"


def bare_prompt(prompt: str) -> str:
    """The prompt with its file, where it names one, without a folder: what it says wherever the archive lies."""
    found = prompt_file(prompt)
    return prompt if found is None else f"{found[0]}{os.path.basename(found[1])}{found[2]}"
