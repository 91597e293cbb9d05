"""The ``auto`` policy: which frame it seeds, and what it says where it cannot."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

import echoseg
from echoseg.errors import PromptError
from echoseg.io import open_source
from echoseg.prompting import auto
from echoseg.prompting.auto import auto_plan, boxes_plan
from echoseg.types import Box, FrameResult, Structure


def looking_session(micro_model, clip, answers, found=None):
    """A session whose answers on each frame are given: ``{frame: (object_score, iou, logits)}``."""
    session = echoseg.Session(clip, micro_model)
    looked = []

    def preview(frame, prompts):
        looked.append(frame)
        score, iou, logits = answers.get(frame, (1.0, 0.1, [5.0]))
        return SimpleNamespace(object_score=score, iou=iou, mask=torch.tensor(logits))

    session.preview = preview
    session.prompt = lambda object_id, frame, prompts: FrameResult(frame, {object_id: found}, {}, {})
    return session, looked


@pytest.fixture(scope="module")
def clip():
    return np.random.default_rng(0).integers(0, 255, (30, 24, 32), dtype=np.uint8)


def seeded_frame(session):
    ((frame,),) = (tuple(frames) for frames in auto_plan(session, ("LV",)).prompts.values())
    return frame


def test_looks_at_a_few_frames_spread_over_the_clip(micro_model, clip):
    session, looked = looking_session(micro_model, clip, {})
    auto_plan(session, ("LV",))
    assert len(looked) == auto.CANDIDATES
    assert np.diff(sorted(looked)).max() <= 4 and min(looked) >= 1 and max(looked) <= 28


def test_seeds_the_frame_of_the_highest_predicted_iou(micro_model, clip):
    session, _ = looking_session(micro_model, clip, {13: (1.0, 0.8, [5.0])})
    assert seeded_frame(session) == 13


def test_an_unstable_mask_counts_less(micro_model, clip):
    unstable = [5.0, 0.1, 0.2, -0.3]  # of four pixels near the border one stays when the threshold moves
    session, _ = looking_session(micro_model, clip, {13: (1.0, 0.9, unstable), 16: (1.0, 0.7, [5.0, 5.0, -5.0])})
    assert seeded_frame(session) == 16


def test_a_frame_without_the_object_comes_last(micro_model, clip):
    answers = {frame: (-2.0, 0.99, [-1024.0]) for frame in range(30)}
    session, _ = looking_session(micro_model, clip, answers | {16: (0.5, 0.01, [5.0])})
    assert seeded_frame(session) == 16


def test_several_structures_share_the_frame_of_the_first(micro_model, clip):
    plan = auto_plan(echoseg.Session(clip, micro_model), ("LV", "LA"), frame_index=4)
    assert plan.prompts == {1: {4: [Structure("LV")]}, 2: {4: [Structure("LA")]}}
    assert plan.names == {1: "LV", 2: "LA"}


def test_a_given_frame_is_taken_without_looking(micro_model, clip):
    session, looked = looking_session(micro_model, clip, {})
    assert list(auto_plan(session, ("LV",), frame_index=4).prompts[1]) == [4]
    assert looked == []


@pytest.mark.parametrize("frames", [1, 2, 3, 5])
def test_short_clips_work_too(micro_model, clip, frames):
    (frame,) = auto_plan(echoseg.Session(clip[:frames], micro_model), ("LV",)).prompts[1]
    assert 0 <= frame < frames


def test_a_volume_needs_a_prompt_and_is_told_which(micro_model, clip):
    volume = open_source(clip, kind="volume")
    for use in (lambda: echoseg.segment(volume, "auto", micro_model), lambda: auto_plan(echoseg.Session(volume, micro_model), ("LV",))):
        with pytest.raises(PromptError, match="box, points, a mask or a RECIST line") as error:
            use()
        assert "box:x0,y0,x1,y1@slice" in str(error.value)


def test_a_source_that_is_not_ultrasound_is_refused_too(micro_model, clip, monkeypatch):
    source = open_source(clip)
    monkeypatch.setattr(source, "ultrasound", lambda: False)
    with pytest.raises(PromptError, match="is not ultrasound"):
        echoseg.segment(source, "auto", micro_model)


def test_an_unknown_structure_is_named_with_those_there_are(micro_model, clip):
    with pytest.raises(PromptError, match="no structure AORTA; it knows: LV, LA, MYO, RV"):
        echoseg.segment(clip, "auto:LV,aorta", micro_model)


def test_a_model_without_structures_gets_the_box_of_one_that_has(micro_model, clip):
    found = np.zeros(clip.shape[1:], dtype=bool)
    found[5:15, 8:20] = True
    session, _ = looking_session(micro_model, clip, {16: (1.0, 0.8, [5.0])}, found=np.where(found, 1.0, -1.0))
    plan = boxes_plan(session, ("LV",))
    assert plan.prompts == {1: {16: [Box(8, 5, 20, 15)]}}
    assert plan.names == {1: "LV"}


def test_nothing_found_asks_for_a_prompt(micro_model, clip):
    session, _ = looking_session(micro_model, clip, {}, found=np.full(clip.shape[1:], -1.0))
    with pytest.raises(PromptError, match="no LV was found on frame 4: give a box or points"):
        boxes_plan(session, ("LV",), frame_index=4)
