"""What becomes of tracking when the object is lost for a while, with and without memory selection, on simulated clips."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from echoseg.datasets.case import Case
from echoseg.datasets.simulated import clip_case
from echoseg.evaluation.scores import Score
from echoseg.metrics.overlap import dice
from echoseg.model import Model
from echoseg.model.sam2 import FrameFeatures
from echoseg.options import MemorySelection
from echoseg.prompting.auto import auto_plan
from echoseg.simulate import own_seed, random_clip
from echoseg.simulate.dropouts import KINDS, drop_out
from echoseg.tracking import Session, features_cache
from echoseg.tracking.cache import Cache
from echoseg.types import Box, FrameResult

COUNT, SIZE = 48, 160
BEFORE, LOST, AFTER = 8, 8, 8
THRESHOLDS = (0.5, 0.7, 0.8)
PROMPTS = ("box", "auto")
SEED = 2**31 + 2
"""Apart from the seeds of training and of the other hold-outs."""
ALL_FRAMES = "all frames"
"""The setting without memory selection."""


@dataclass(frozen=True)
class DroppedClip:
    """A clip whose ventricle is lost on some frames.

    Attributes:
        reference: the clip; ``variant`` says what happens, one of :data:`echoseg.simulate.dropouts.KINDS`.
        lost: ``(T,)`` bool, the frames on which it does.
    """

    reference: Case
    lost: NDArray[np.bool_]


def dropped_clips(count: int = COUNT, lost: int = LOST, size: int = SIZE) -> Iterator[DroppedClip]:
    """Clips of different hearts, the same ones every time, one kind of dropout each, in turn.

    Eight frames are seen before the dropout of ``lost`` frames, and eight after it.
    """
    frames = BEFORE + lost + AFTER
    stretch = (np.arange(frames) >= BEFORE) & (np.arange(frames) < BEFORE + lost)
    for index in range(count):
        seed = own_seed(SEED, index)
        kind = KINDS[index % len(KINDS)]
        clip = drop_out(random_clip(seed, size, frames), kind, BEFORE, lost, seed)
        yield DroppedClip(replace(clip_case(clip, f"dropout_{index:03d}"), variant=kind), stretch)


def score_dropout(clip: DroppedClip, model: Model, thresholds: Sequence[float] = THRESHOLDS) -> list[Score]:
    """Scores of one clip by each of :data:`PROMPTS`, without memory selection and with each least predicted IoU.

    ``box``: the exact box of frame 0. ``auto``: the LV by name, on the frame that the policy chooses. Frames after the return are
    those that the track reaches from its seed through the dropout; on both sides when the seed itself lies in it.

    ================  ==============================================================================
    ``dice_lost``     mean over the lost frames, against what the heart does there (frozen: shows)
    ``dice_after``    mean over the frames after the return
    ``lost_track``    1 when that is below 0.5, else 0
    ``gain_lost``     ``dice_lost`` less that of the same clip without selection; ``gain_after`` alike
    ``admitted``      part of the frames outside the dropout that the memory admits; ``admitted_lost`` within
    ================  ==============================================================================

    Returns:
        One score a prompt and setting: ``box, all frames``, ``box, IoU 0.5`` and so on, under the kind of dropout.

    Raises:
        EchosegError: the case cannot be segmented.
    """
    case, cache = clip.reference, features_cache()
    selections = {ALL_FRAMES: None, **{f"IoU {threshold:g}": MemorySelection(threshold) for threshold in thresholds}}
    scores = []
    for prompt in PROMPTS:
        without: dict[str, float] = {}
        for name, selection in selections.items():
            seed, frames = _tracked(case, model, prompt, selection, cache)
            measures = _measures(clip, seed, frames, selection)
            without = without or measures
            if selection is not None:
                measures |= {f"gain_{when}": measures[f"dice_{when}"] - without[f"dice_{when}"] for when in ("lost", "after")}
            scores.append(Score(case.name, case.subject, f"{prompt}, {name}", case.variant, measures))
    return scores


def _tracked(
    reference: Case, model: Model, prompt: str, selection: MemorySelection | None, cache: Cache[FrameFeatures]
) -> tuple[int, list[FrameResult]]:
    """The seeded frame, and the LV on every frame in order."""
    with reference.source() as source:
        session = Session(source, model, cache=cache, history=0, memory_selection=selection)
        if prompt == "box":
            seed = 0
            session.prompt(1, seed, Box.around(reference.truth["LV"][seed]))
        else:
            ((seed, given),) = auto_plan(session, ("LV",)).prompts[1].items()
            session.prompt(1, seed, given)
        return seed, sorted(session.propagate("both"), key=lambda frame: frame.index)


def _measures(clip: DroppedClip, seed: int, frames: Sequence[FrameResult], selection: MemorySelection | None) -> dict[str, float]:
    overlap = np.array([dice(frame.masks[1], truth) for frame, truth in zip(frames, clip.reference.truth["LV"], strict=True)])
    after = returned(clip.lost, seed)
    measures = {"dice_lost": float(overlap[clip.lost].mean()), "dice_after": float(overlap[after].mean())}
    measures["lost_track"] = float(measures["dice_after"] < 0.5)
    if selection is not None:
        admitted = np.array([selection.admits(frame.scores[1], frame.object_scores[1]) for frame in frames])
        measures |= {"admitted": float(admitted[~clip.lost].mean()), "admitted_lost": float(admitted[clip.lost].mean())}
    return measures


def returned(lost: NDArray[np.bool_], seed: int) -> NDArray[np.bool_]:
    """Frames ``(T,)`` that a track from frame ``seed`` reaches only through the stretch of ``lost`` ones."""
    index, stretch = np.arange(len(lost)), np.flatnonzero(lost)
    beyond = (index > stretch[-1]) & (seed <= stretch[-1])
    return beyond | ((index < stretch[0]) & (seed >= stretch[0]))
