"""Masks of a DICOM segmentation as prompts: ``mask:seg.dcm``, or ``mask:seg.dcm@frame``.

Which frame of a source a mask belongs to, the segmentation itself says, so that the plan is made once the source is open.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from echoseg.errors import PromptError
from echoseg.io.source import Source
from echoseg.prompting.plan import Plan
from echoseg.types import MaskPrompt, PromptPlan


def segmentation_prompt(text: object) -> tuple[Path, int | None] | None:
    """``(file, frame)`` of a prompt that names a DICOM segmentation; None for every other prompt."""
    match = re.fullmatch(r"mask:(.+?)(?:@(\d+))?", text) if isinstance(text, str) else None
    if match is None:
        return None
    from echoseg.io.labels.dicom_seg import is_segmentation

    path = Path(match[1])
    return (path, None if match[2] is None else int(match[2])) if is_segmentation(path) else None


def segmentation_plan(path: Path, source: Source, frame_index: int | None) -> Plan:
    """Every segment as an object of its number and label, prompted on ``frame_index``, by default where its mask is largest.

    Raises:
        SourceError: damaged, or a segmentation of other images.
        PromptError: nothing is marked on that frame, or there is no such frame.
    """
    from echoseg.io.labels.dicom_seg import read_segmentation, segmentation_masks

    segmentation = read_segmentation(path)
    if frame_index is not None and not 0 <= frame_index < len(source):
        raise PromptError(f"no frame {frame_index}: {source.name} has {len(source)}")
    prompts: PromptPlan = {}
    names: dict[int, str] = {}
    for segment, masks in segmentation_masks(segmentation, source).items():
        frame = int(np.argmax(masks.sum(axis=(1, 2)))) if frame_index is None else frame_index
        if not masks[frame].any():
            continue
        prompts[segment] = {frame: [MaskPrompt(masks[frame])]}
        label = segmentation.labels[segment]
        names[segment] = label if label not in names.values() else f"{label} {segment}"
    if not prompts:
        where = "anywhere" if frame_index is None else f"on frame {frame_index}"
        raise PromptError(f"{path.name}: marks nothing {where}; give another frame, or another segmentation")
    return Plan(prompts, names)
