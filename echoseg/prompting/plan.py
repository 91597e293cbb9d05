"""From whatever a caller may give as ``prompt`` to one plan: ``{object_id: {frame_index: [prompts]}}``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from echoseg.errors import PromptError
from echoseg.types import Box, MaskPrompt, Points, Prompt, PromptPlan, Structure

PromptLike: TypeAlias = "str | Prompt | Sequence[Prompt] | Mapping[int, Mapping[int, Sequence[Prompt] | Prompt]]"
"""``"auto"``, ``"auto:LV,LA"``, a prompt, several for one object, or ``{object_id: {frame_index: [prompts]}}``."""

@dataclass(frozen=True)
class Plan:
    """Prompts and names of the objects, independent of source and model."""

    prompts: PromptPlan
    names: Mapping[int, str] = field(default_factory=dict)


def auto_structures(prompt: object) -> tuple[str, ...] | None:
    """The structures that ``"auto"`` (LV alone) or ``"auto:LV,LA,MYO"`` asks for; None when ``prompt`` is not of that kind.

    Raises:
        PromptError: ``auto:`` without names, or a name given twice.
    """
    if not isinstance(prompt, str) or prompt.split(":", 1)[0].strip().lower() != "auto":
        return None
    if ":" not in prompt:
        return ("LV",)
    names = tuple(name.strip().upper() for name in prompt.split(":", 1)[1].split(","))
    if not all(names) or len(set(names)) < len(names):
        raise PromptError(f"{prompt!r} should name each structure once, as in auto:LV,LA,MYO")
    return names


def manual_plan(prompt: PromptLike, frame_index: int | None = None) -> Plan:
    """The plan of prompts given by hand; a bare prompt is object 1 on ``frame_index`` (default 0).

    Raises:
        PromptError: not a prompt, or ``frame_index`` beside prompts that carry their own frames.
    """
    if isinstance(prompt, str):
        raise PromptError(f"unknown prompt {prompt!r}: give 'auto', a Box, Points or MaskPrompt, or {{object_id: {{frame: [prompts]}}}}")
    if isinstance(prompt, Mapping):
        if frame_index is not None:
            raise PromptError("frame_index goes with a bare prompt; these prompts name their frames themselves")
        plan = {
            _integer(object_id, "object id"): {_integer(frame, "frame index"): _checked(given) for frame, given in _frames(frames).items()}
            for object_id, frames in prompt.items()
        }
        if not plan or not all(plan.values()):
            raise PromptError("the prompt names no object, or an object without prompts")
        return Plan(plan)
    return Plan({1: {frame_index or 0: _checked(prompt)}})


def _frames(frames: object) -> Mapping[object, object]:
    if not isinstance(frames, Mapping):
        raise PromptError("prompts are given as {object_id: {frame_index: [prompts]}}: an object id must lead to frames")
    return frames


def _checked(given: object) -> list[Prompt]:
    prompts: list[Prompt] = []
    for prompt in given if isinstance(given, Sequence) and not isinstance(given, str) else [given]:
        if not isinstance(prompt, Box | Points | MaskPrompt | Structure):
            raise PromptError(f"a prompt is a Box, Points or MaskPrompt; got {type(prompt).__name__}")
        prompts.append(prompt)
    if not prompts:
        raise PromptError("an empty list of prompts")
    return prompts


def _integer(value: object, what: str) -> int:
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise PromptError(f"{what} must be a whole number; got {value!r}")
    return int(value.__index__())
