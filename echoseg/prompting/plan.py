"""From whatever a caller may give as ``prompt`` to one plan: ``{object_id: {frame_index: [prompts]}}``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from echoseg.errors import PromptError
from echoseg.types import Prompt, PromptPlan, as_prompts, whole_number

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
        plan: PromptPlan = {}
        for object_id, frames in prompt.items():
            given = {whole_number(frame, "frame index"): as_prompts(prompts) for frame, prompts in _frames(frames).items()}
            plan[whole_number(object_id, "object id")] = given
        if not plan or not all(plan.values()):
            raise PromptError("the prompt names no object, or an object without prompts")
        return Plan(plan)
    frame = 0 if frame_index is None else whole_number(frame_index, "frame_index")
    return Plan({1: {frame: as_prompts(prompt)}})


def _frames(frames: object) -> Mapping[object, object]:
    if not isinstance(frames, Mapping):
        raise PromptError("prompts are given as {object_id: {frame_index: [prompts]}}: an object id must lead to frames")
    return frames

