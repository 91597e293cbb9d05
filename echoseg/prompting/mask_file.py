"""Masks in files as prompts: ``mask:FILE`` or ``mask:FILE@frame``.

Where a mask lies on a source, the two files say together, so that the plan is made once the source is open. Every label (or segment) is
an object. Without a frame each is prompted where it is largest.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from echoseg.errors import PromptError, SourceError
from echoseg.io.images import IMAGE_SUFFIXES
from echoseg.io.source import Source
from echoseg.prompting.plan import Plan, merged
from echoseg.types import MaskPrompt, PromptPlan

if TYPE_CHECKING:
    from echoseg.io.labels.placing import Laid

_IN_FRAMES = (".npy", ".npz", *IMAGE_SUFFIXES)  # files that hold frames in order, and no place in the patient


def mask_prompt(text: object) -> tuple[Path, int | None] | None:
    """``(file, frame)`` of a prompt that names a file with masks; None for every other prompt.

    Raises:
        SourceError: there is no such file.
    """
    match = re.fullmatch(r"mask:(.+?)(?:@(\d+))?", text) if isinstance(text, str) else None
    if match is None:
        return None
    path = Path(match[1])
    if not path.exists():
        raise SourceError(f"{path}: no such file or folder; check the path")
    return path, None if match[2] is None else int(match[2])


def mask_plan(path: Path, source: Source, frame_index: int | None) -> Plan:
    """Every label as an object of its number and name, prompted on ``frame_index``, by default where its mask is largest.

    A single mask without a place, as an image has it, sits on ``frame_index``, by default the first frame of a clip.

    Raises:
        SourceError: damaged, or masks that do not lie on the grid of the source.
        PromptError: nothing is marked on that frame, there is no such frame, or nothing says on which slice a mask lies.
    """
    length = source.length
    if frame_index is not None and length is not None and not 0 <= frame_index < length:
        raise PromptError(f"no frame {frame_index}: {source.name} has {length}")
    laid = _laid(path, source)
    if laid.single and frame_index is None and not source.moments:
        raise PromptError(f"{path.name}: one mask, and nothing says on which of {length} slices it lies: name it, mask:{path.name}@SLICE")
    prompts: PromptPlan = {}
    names: dict[int, str] = {}
    for label in (int(label) for label in np.unique(laid.masks) if label):
        masks = laid.masks == label
        frame = frame_index
        if frame is None:
            frame = 0 if laid.single else int(np.argmax(masks.sum(axis=(1, 2))))
        here = masks[0] if laid.single else masks[frame]
        if not here.any():
            continue
        prompts[label] = {frame: [MaskPrompt(here)]}
        if label in laid.names:
            name = laid.names[label]
            names[label] = name if name not in names.values() else f"{name} {label}"
    if not prompts:
        where = "anywhere" if frame_index is None else f"on frame {frame_index}"
        raise PromptError(f"{path.name}: marks nothing {where}; give another frame, or another file of masks")
    return Plan(prompts, names, flags=laid.flags)


def with_masks(plan: Plan, source: Source) -> Plan:
    """``plan`` with the masks of the files that it names for its objects.

    Raises:
        SourceError, PromptError: as of :func:`mask_plan`; or a file holds several labels, none of them the number of its object.
    """
    if not plan.masks:
        return plan
    plans = [replace(plan, masks=())]
    for given in plan.masks:
        found = mask_plan(given.path, source, given.frame)
        label = given.object_id if len(found.prompts) > 1 else next(iter(found.prompts))
        if label not in found.prompts:
            held = ", ".join(map(str, found.prompts))
            raise PromptError(
                f"{given.path.name}: holds the labels {held}, so object {given.object_id} is none of them; number it as its label"
            )
        plans.append(Plan({given.object_id: found.prompts[label]}, flags=found.flags))
    whole = merged(plans)
    return replace(whole, prompts={object_id: frames for object_id, frames in whole.prompts.items() if frames})


def _laid(path: Path, source: Source) -> Laid:
    from echoseg.io.labels.dicom_seg import is_segmentation
    from echoseg.io.labels.mask import read_mask_map
    from echoseg.io.labels.placing import laid_on, segments_on
    from echoseg.io.labels.read import RUN_MASKS
    from echoseg.io.labels.source import run_names

    if path.is_file() and is_segmentation(path):
        return segments_on(path, source)
    found = read_mask_map(path)
    path = path / RUN_MASKS if (path / RUN_MASKS).is_file() else path
    names = run_names(path)
    found = replace(found, names=names) if names else found
    stored = not path.is_dir() and not path.name.lower().endswith(_IN_FRAMES)
    return laid_on(found, source, path, stored=stored, one=True)
