"""Scores of clips that lose the ventricle for a while."""

import numpy as np
import pytest

from echoseg.evaluation.dropouts import AFTER, BEFORE, dropped_clips, returned, score_dropout
from echoseg.simulate.dropouts import KINDS

LOST = np.array([0, 0, 1, 1, 0, 0], bool)


@pytest.fixture(scope="module")
def clips():
    return list(dropped_clips(2, lost=3, size=48))


@pytest.mark.parametrize(
    ("seed", "frames"),
    [(0, [4, 5]), (5, [0, 1]), (2, [0, 1, 4, 5])],  # before, after, and within the dropout
)
def test_frames_after_the_return_lie_beyond_the_dropout_as_the_track_runs(seed, frames):
    assert np.flatnonzero(returned(LOST, seed)).tolist() == frames


def test_each_clip_has_another_heart_and_the_next_kind_of_dropout(clips):
    first, second = clips
    assert [clip.reference.variant for clip in clips] == list(KINDS[:2])
    assert first.reference.subject != second.reference.subject
    assert np.flatnonzero(first.lost).tolist() == [BEFORE, BEFORE + 1, BEFORE + 2]
    assert len(first.reference.frames) == BEFORE + 3 + AFTER
    assert not first.reference.frames[first.lost].any()
    (again,) = dropped_clips(1, lost=3, size=48)
    assert np.array_equal(again.reference.frames, first.reference.frames)


def test_gains_are_differences_to_the_same_clip_without_selection(clips, micro_model):
    scores = {score.setting: score for score in score_dropout(clips[1], micro_model, (0.0, 1.0))}
    assert list(scores) == [f"{prompt}, {memory}" for prompt in ("box", "auto") for memory in ("all frames", "IoU 0", "IoU 1")]
    assert {score.label for score in scores.values()} == {"frozen"}
    for prompt in ("box", "auto"):
        without, every, none = (scores[f"{prompt}, {memory}"].measures for memory in ("all frames", "IoU 0", "IoU 1"))
        assert list(without) == ["dice_lost", "dice_after", "lost_track"]
        assert (every["gain_lost"], every["gain_after"], every["admitted"]) == (0, 0, 1)  # this model sees the object everywhere
        assert (none["admitted"], none["admitted_lost"]) == (0, 0)
        assert none["gain_after"] == none["dice_after"] - without["dice_after"] != 0
        assert without["lost_track"] == (without["dice_after"] < 0.5)


def test_perfect_masks_score_one(clips, micro_model, monkeypatch):
    reference = clips[0].reference
    answers = iter(reference.truth["LV"])
    monkeypatch.setattr("echoseg.types.FrameResult.masks", property(lambda self: {1: next(answers)}), raising=False)
    monkeypatch.setattr("echoseg.evaluation.dropouts.PROMPTS", ("box",))
    (score,) = score_dropout(clips[0], micro_model, ())
    assert score.measures == {"dice_lost": 1.0, "dice_after": 1.0, "lost_track": 0.0}
