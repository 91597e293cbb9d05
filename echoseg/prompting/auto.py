"""The ``auto`` policy: finds named structures without a human and chooses the frame to seed.

A few frames spread over the clip are segmented by their structure prompts; the frame where the model is surest of the first
structure, by predicted IoU times mask stability, seeds them all.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from echoseg.errors import PromptError
from echoseg.model import SAM2Config
from echoseg.prompting.plan import Plan
from echoseg.tracking import ObjectMemory, Session
from echoseg.types import Box, Prompt, Structure

CANDIDATES = 8
_MOMENTS = "; if its slices are moments, give kind 'clip' (--kind clip)"
_STABILITY_MARGIN = 1.0  # logits; how far the border may move when the threshold does


def auto_plan(session: Session, structures: tuple[str, ...], frame_index: int | None = None) -> Plan:
    """Seeds ``structures`` (objects 1, 2, ... in this order) by structure prompts.

    Args:
        session: of a model that knows the structures, over the source.
        structures: names such as ``("LV", "LA")``.
        frame_index: the frame to seed; None chooses one (the first when the source can be read only once).

    Raises:
        PromptError: the source is known not to be ultrasound, as a volume is, or the model does not know a structure.
    """
    source = session.source
    if source.ultrasound() is False:
        what = "a volume" if source.kind == "volume" else "not ultrasound"
        raise PromptError(
            f"{source.name} is {what}, in which no structure is known: give a box, points, a mask or a RECIST line, "
            f"for example box:x0,y0,x1,y1@slice{_MOMENTS if source.stored_in == 'NIfTI' else ''}"
        )
    check_structures(structures, session.model.config)
    frame = _best_frame(session, structures[0]) if frame_index is None else frame_index
    names = dict(enumerate(structures, start=1))
    return Plan({object_id: {frame: [Structure(name)]} for object_id, name in names.items()}, names)


def check_structures(structures: tuple[str, ...], config: SAM2Config) -> None:
    """Passes when the model knows every one of ``structures``.

    Raises:
        PromptError: names those it does not know, and all that it does.
    """
    unknown = [name for name in structures if name not in config.structures]
    if unknown:
        known = ", ".join(config.structures) or "none"
        raise PromptError(f"model {config.name} has no structure {', '.join(unknown)}; it knows: {known}")


def boxes_plan(finder: Session, structures: tuple[str, ...], frame_index: int | None = None) -> Plan:
    """As :func:`auto_plan`, but with boxes around what ``finder`` sees, for a model that has no structure prompts.

    Raises:
        PromptError: as :func:`auto_plan`, or a structure was not found.
    """
    plan = auto_plan(finder, structures, frame_index)
    prompts: dict[int, dict[int, list[Prompt]]] = {}
    for object_id, frames in plan.prompts.items():
        for frame, structure in frames.items():
            mask = finder.prompt(object_id, frame, structure).masks[object_id]
            if not mask.any():
                raise PromptError(f"{finder.source.name}: no {plan.names[object_id]} was found on frame {frame}: give a box or points")
            prompts[object_id] = {frame: [Box.around(mask)]}
    return Plan(prompts, plan.names)


def _best_frame(session: Session, structure: str) -> int:
    length = session.source.length
    if length is None or not session.source.rereadable:
        return 0
    frames = np.unique(np.linspace(0, length - 1, CANDIDATES + 2).round().astype(int)[1:-1]) if length > 2 else np.arange(length)
    return int(max(frames, key=lambda frame: confidence(session.preview(int(frame), [Structure(structure)]))))


def confidence(answer: ObjectMemory) -> float:
    """Predicted IoU x stability; below zero for an absent object."""
    return answer.iou * _stability(answer.mask) if answer.object_score > 0 else answer.object_score


def _stability(logits: Tensor) -> float:
    inner = int(torch.count_nonzero(logits > _STABILITY_MARGIN))
    outer = int(torch.count_nonzero(logits > -_STABILITY_MARGIN))
    return inner / outer if outer else 0.0
