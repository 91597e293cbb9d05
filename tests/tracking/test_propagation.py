"""What a propagation covers, and what a frame may know of the others."""

import numpy as np
import pytest

import echoseg
from echoseg import Box
from echoseg.errors import PromptError

BOX = Box(6, 8, 26, 28)


def at(frames, index):
    return next(frame for frame in frames if frame.index == index)


@pytest.mark.parametrize(
    ("direction", "order"),
    [
        ("forward", [5, 6, 7, 8, 9, 10, 11]),
        ("backward", [5, 4, 3, 2, 1, 0]),
        ("both", [5, 6, 7, 8, 9, 10, 11, 4, 3, 2, 1, 0]),
    ],
)
def test_each_frame_comes_once(session_over, clip, direction, order):
    session = session_over(clip)
    session.prompt(1, 5, BOX)
    assert [frame.index for frame in session.propagate(direction)] == order


def test_both_is_forward_and_then_backward(session_over, clip, assert_same):
    session = session_over(clip)
    session.prompt(1, 5, BOX)
    forward, backward, both = (list(session.propagate(direction)) for direction in ("forward", "backward", "both"))
    assert_same(both, forward + backward[1:])


def test_backward_knows_nothing_of_an_earlier_forward_pass(session_over, clip, assert_same):
    fresh, used = session_over(clip), session_over(clip)
    fresh.prompt(1, 5, BOX)
    used.prompt(1, 5, BOX)
    list(used.propagate("forward"))
    assert_same(used.propagate("backward"), fresh.propagate("backward"))


def test_a_second_pass_equals_the_first(session_over, clip, assert_same):
    session = session_over(clip)
    session.prompt(1, 4, BOX)
    first = list(session.propagate("both"))
    assert_same(session.propagate("both"), first)


def test_backward_over_a_clip_is_forward_over_its_reverse(session_over, clip, assert_same):
    session, mirror = session_over(clip), session_over(clip[::-1])
    session.prompt(1, 11, BOX)
    mirror.prompt(1, 0, BOX)
    backward, forward = list(session.propagate("backward")), list(mirror.propagate("forward"))
    for a, b in zip(backward, forward, strict=True):
        np.testing.assert_array_equal(a.logits[1], b.logits[1])


def test_memory_reaches_the_next_frames(session_over, clip):
    """The guard of every equality here: this model's answers do depend on what it remembers."""
    changed = clip.copy()
    changed[3] = 255 - changed[3]
    passes = []
    for frames in (clip, changed):
        session = session_over(frames)
        session.prompt(1, 0, BOX)
        passes.append(list(session.propagate("forward")))
    for index in (0, 1, 2):
        np.testing.assert_array_equal(passes[0][index].logits[1], passes[1][index].logits[1])
    for index in (4, 5, 6):
        assert np.abs(passes[0][index].logits[1] - passes[1][index].logits[1]).max() > 1e-5


def test_a_prompted_frame_keeps_its_answer(session_over, clip):
    session = session_over(clip)
    answers = {frame: session.prompt(1, frame, BOX) for frame in (2, 6)}
    frames = list(session.propagate("both"))
    for frame, answer in answers.items():
        np.testing.assert_array_equal(at(frames, frame).logits[1], answer.logits[1])
        assert at(frames, frame).scores == answer.scores


def test_propagation_starts_at_the_first_prompt_and_backward_at_the_last(session_over, clip):
    session = session_over(clip)
    session.prompt(1, 6, BOX)
    session.prompt(1, 2, BOX)
    assert session.prompted_frames(1) == (2, 6)
    assert next(session.propagate("forward")).index == 2
    assert next(session.propagate("backward")).index == 6
    assert [frame.index for frame in session.propagate("both")] == [*range(2, 12), 1, 0]


def test_a_second_prompt_changes_the_frames_around_it(session_over, clip):
    one, two = session_over(clip), session_over(clip)
    one.prompt(1, 2, BOX)
    two.prompt(1, 2, BOX)
    two.prompt(1, 8, Box(20, 8, 42, 28))
    alone, together = list(one.propagate("forward")), list(two.propagate("forward"))
    for index in (5, 9):
        assert np.abs(at(alone, index).logits[1] - at(together, index).logits[1]).max() > 1e-6


def test_a_prompt_replaces_an_earlier_one_on_its_frame(session_over, clip, assert_same):
    changed, direct = session_over(clip), session_over(clip)
    changed.prompt(1, 3, Box(30, 2, 50, 12))
    changed.prompt(1, 3, BOX)
    direct.prompt(1, 3, BOX)
    assert_same(changed.propagate("forward"), direct.propagate("forward"))


def test_a_prompt_on_a_tracked_frame_replaces_what_was_tracked_there(session_over, clip, assert_same):
    prompted_before, prompted_after = session_over(clip), session_over(clip)
    for session in (prompted_before, prompted_after):
        session.prompt(1, 0, BOX)
    list(prompted_after.propagate("forward"))
    for session in (prompted_before, prompted_after):
        session.prompt(1, 5, Box(18, 8, 38, 28))
    wanted = [frame for frame in prompted_before.propagate("forward") if frame.index < 6]
    again = [frame for frame in prompted_after.propagate("forward") if frame.index < 6]
    assert_same(again, wanted)


def test_what_was_tracked_on_a_frame_is_void_once_it_is_prompted(session_over, clip):
    session = session_over(clip)
    session.prompt(1, 0, BOX)
    list(session.propagate("forward"))
    session.prompt(1, 5, Box(18, 8, 38, 28))
    next(session.propagate("forward", start=5))
    recall = session._objects[1].bank.recall(6, reverse=False, length=12)
    assert [distance for distance, _ in recall.spatial] == [0, 0, 3, 2]  # frame 5, at distance 1, is there as a prompt
    assert [distance for distance, _ in recall.pointers] == [6, 1, 2, 3, 4, 5]


def test_start_continues_with_what_is_remembered(session_over, clip, assert_same):
    session = session_over(clip)
    session.prompt(1, 1, BOX)
    whole = list(session.propagate("forward"))
    assert_same(session.propagate("forward", start=7), whole[6:])


def test_start_without_a_pass_before_it_catches_up_silently(session_over, clip, assert_same):
    session, whole = session_over(clip), session_over(clip)
    session.prompt(1, 1, BOX)
    whole.prompt(1, 1, BOX)
    assert_same(session.propagate("forward", start=9), list(whole.propagate("forward"))[8:])


def test_backward_start_without_a_pass_before_it_catches_up_silently(session_over, clip, assert_same):
    session, whole = session_over(clip), session_over(clip)
    session.prompt(1, 10, BOX)
    whole.prompt(1, 10, BOX)
    assert_same(session.propagate("backward", start=3), list(whole.propagate("backward"))[7:])


def test_propagation_can_stop_and_go_on(session_over, clip, assert_same):
    session, whole = session_over(clip), session_over(clip)
    session.prompt(1, 0, BOX)
    whole.prompt(1, 0, BOX)
    part = session.propagate("forward")
    got = [next(part) for _ in range(5)]
    part.close()
    assert_same([*got, *session.propagate("forward", start=5)], whole.propagate("forward"))


def test_stream_and_segment_are_thin_over_a_session(session_over, clip, micro_model, assert_same):
    session = session_over(clip)
    session.prompt(1, 4, BOX)
    wanted = list(session.propagate("both"))
    assert_same(echoseg.stream(clip, BOX, micro_model, frame_index=4), wanted)
    whole = echoseg.segment(clip, BOX, micro_model, frame_index=4)
    assert whole.masks.shape == clip.shape and whole.masks.dtype == np.uint8
    for frame in wanted:
        np.testing.assert_array_equal(whole.masks[frame.index], frame.label_map())
        assert whole.scores[frame.index, 0] == np.float32(frame.scores[1])
        assert whole.object_scores[frame.index, 0] == np.float32(frame.object_scores[1])
    assert whole.seeds == {1: (4,)}


def test_frames_that_the_direction_does_not_reach_have_no_mask_and_nan_scores(clip, micro_model):
    got = echoseg.segment(clip, BOX, micro_model, frame_index=4, direction="forward")
    assert np.isnan(got.scores[:4]).all() and np.isnan(got.object_scores[:4]).all()
    assert np.isfinite(got.scores[4:]).all()
    assert not got.masks[:4].any()


def test_one_frame_is_a_clip(clip, micro_model):
    got = echoseg.segment(clip[0], BOX, micro_model)
    assert got.masks.shape == (1, *clip.shape[1:])
    assert got.scores.shape == (1, 1)


def test_results_are_at_source_size(session_over, clip):
    session = session_over(clip)
    result = session.prompt(1, 0, BOX)
    assert result.logits[1].shape == clip.shape[1:] and result.logits[1].dtype == np.float32
    assert result.masks[1].dtype == bool
    np.testing.assert_array_equal(result.masks[1], result.logits[1] > 0)


@pytest.mark.parametrize(
    ("direction", "start", "reason"),
    [("sideways", None, "direction is"), ("forward", 12, "no frame 12"), ("backward", -1, "no frame -1")],
)
def test_wrong_directions_and_starts_are_refused_at_once(session_over, clip, direction, start, reason):
    session = session_over(clip)
    session.prompt(1, 0, BOX)
    with pytest.raises(PromptError, match=reason):
        session.propagate(direction, start)


def test_nothing_prompted_cannot_propagate(session_over, clip):
    with pytest.raises(PromptError, match="prompt an object first"):
        session_over(clip).propagate("forward")
