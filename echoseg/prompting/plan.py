"""From whatever a caller may give as ``prompt`` to one plan: ``{object_id: {frame_index: [prompts]}}``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from echoseg.errors import PromptError
from echoseg.types import Box3D, Flag, Point3D, Prompt, PromptPlan, as_prompts, whole_number

if TYPE_CHECKING:
    from echoseg.model.build import WeightsInfo

PromptLike: TypeAlias = (
    "str | Prompt | Box3D | Point3D | Sequence[Prompt] | Mapping[int, Box3D | Point3D | Mapping[int, Sequence[Prompt] | Prompt]]"
)
"""``"auto"``, ``"auto:LV,LA"``, a prompt, several for one object, or ``{object_id: {frame_index: [prompts]}}``; in a volume an object may
also be given by a :class:`Box3D` or a :class:`Point3D`."""


@dataclass(frozen=True)
class MaskFile:
    """A file with the mask of an object; it is read when the source is open, which says where it lies.

    Attributes:
        path: the file.
        object_id: that it gives a mask of.
        frame: the frame that is prompted; None: where the mask is largest.
    """

    path: Path
    object_id: int
    frame: int | None = None


@dataclass(frozen=True)
class Plan:
    """Prompts and names of the objects, independent of source and model.

    Attributes:
        prompts: ``{object_id: {frame_index: [prompts]}}``.
        names: of objects that were named.
        extents: ``{object_id: (first slice, last slice + 1)}`` of objects that a 3D box bounds.
        anywhere: objects given by one click, which may be prompted on another slice than that of the click.
        masks: files whose masks are still to be laid on the source.
        flags: what was assumed of masks.
        found_by: ``{name: weights}`` of what found them, where that was another network than the one that follows them.
    """

    prompts: PromptPlan
    names: Mapping[int, str] = field(default_factory=dict)
    extents: Mapping[int, tuple[int, int]] = field(default_factory=dict)
    anywhere: frozenset[int] = frozenset()
    masks: tuple[MaskFile, ...] = ()
    flags: tuple[Flag, ...] = ()
    found_by: Mapping[str, WeightsInfo] = field(default_factory=dict)

    @property
    def in_depth(self) -> bool:
        """Whether it can be followed in a volume only."""
        return bool(self.extents or self.anywhere)


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
    """The plan of prompts given by hand; a bare prompt is object 1 on ``frame_index``.

    By default that is frame 0, of a 3D box its middle slice, of a 3D point a slice of the policy's choice.

    Raises:
        PromptError: not a prompt, or ``frame_index`` beside prompts that carry their own frames, or outside a 3D box.
    """
    if isinstance(prompt, str):
        raise PromptError(f"unknown prompt {prompt!r}: give 'auto', a Box, Points or MaskPrompt, or {{object_id: {{frame: [prompts]}}}}")
    if isinstance(prompt, Box3D | Point3D):
        return depth_plan(prompt, frame_index=frame_index)
    if isinstance(prompt, Mapping):
        if frame_index is not None:
            raise PromptError("frame_index goes with a bare prompt; these prompts name their frames themselves")
        plans = [_object_plan(whole_number(object_id, "object id"), frames) for object_id, frames in prompt.items()]
        if not plans or not all(frames for plan in plans for frames in plan.prompts.values()):
            raise PromptError("the prompt names no object, or an object without prompts")
        return merged(plans)
    frame = 0 if frame_index is None else whole_number(frame_index, "frame_index")
    return Plan({1: {frame: as_prompts(prompt)}})


def depth_plan(prompt: Box3D | Point3D, object_id: int = 1, frame_index: int | None = None) -> Plan:
    """The plan of one object that a 3D prompt names.

    Raises:
        PromptError: ``frame_index`` lies outside a 3D box, or stands beside a 3D point, which has a slice.
    """
    if isinstance(prompt, Point3D):
        if frame_index is not None:
            raise PromptError("frame_index goes with a prompt without a slice; a 3D point has one")
        return Plan({object_id: {prompt.z: [prompt.click]}}, anywhere=frozenset({object_id}))
    key = (prompt.z0 + prompt.z1 - 1) // 2 if frame_index is None else whole_number(frame_index, "frame_index")
    if not prompt.z0 <= key < prompt.z1:
        raise PromptError(f"slice {key} lies outside the 3D box, which covers slices {prompt.z0} to {prompt.z1 - 1}")
    return Plan({object_id: {key: [prompt.plane]}}, extents={object_id: (prompt.z0, prompt.z1)})


def merged(plans: Sequence[Plan]) -> Plan:
    """The plans of different objects, or of one object on its slices, as one; of extents and names the last one of an object counts."""
    whole = Plan({})
    for plan in plans:
        prompts = {object_id: {frame: list(given) for frame, given in frames.items()} for object_id, frames in whole.prompts.items()}
        for object_id, frames in plan.prompts.items():
            for frame, given in frames.items():
                prompts.setdefault(object_id, {}).setdefault(frame, []).extend(given)
            prompts.setdefault(object_id, {})
        # With a prompt on a slice of the user's choice there is nothing left to choose.
        alone = {i for i in whole.anywhere | plan.anywhere if not (i in whole.prompts and i in plan.prompts)}
        whole = replace(
            plan,
            prompts=prompts,
            names={**whole.names, **plan.names},
            extents={**whole.extents, **plan.extents},
            anywhere=frozenset(alone),
            masks=(*whole.masks, *plan.masks),
            flags=tuple(dict.fromkeys((*whole.flags, *plan.flags))),
        )
    return whole


def _object_plan(object_id: int, frames: object) -> Plan:
    if isinstance(frames, Box3D | Point3D):
        return depth_plan(frames, object_id)
    if not isinstance(frames, Mapping):
        raise PromptError("prompts are given as {object_id: {frame_index: [prompts]}}: an object id must lead to frames")
    return Plan({object_id: {whole_number(frame, "frame index"): as_prompts(given) for frame, given in frames.items()}})
