"""A person corrects; the engine goes on from there."""

import numpy as np
import pytest

from echoseg import Box, MaskPrompt, Points
from echoseg.errors import PromptError

BOX = Box(6, 8, 26, 28)
CLICK = Points([[30, 20]], [1])
OUTSIDE = Points([[8, 30]], [0])


def disk(clip):
    return MaskPrompt(clip[4] > 110)


def test_a_correction_stands_when_propagation_goes_on(session_over, clip):
    session = session_over(clip)
    session.prompt(1, 0, BOX)
    before = list(session.propagate("forward"))
    answer = session.correct(1, 6, CLICK)
    after = list(session.propagate("forward", start=6))
    assert [frame.index for frame in after] == list(range(6, 12))
    np.testing.assert_array_equal(after[0].logits[1], answer.logits[1])
    assert np.abs(answer.logits[1] - before[6].logits[1]).max() > 1e-5
    assert np.abs(after[1].logits[1] - before[7].logits[1]).max() > 1e-6


def test_a_correction_leaves_the_frames_before_it_alone(session_over, clip, assert_same):
    session = session_over(clip)
    session.prompt(1, 0, BOX)
    before = list(session.propagate("forward"))
    session.correct(1, 6, CLICK)
    assert_same(list(session.propagate("forward"))[:6], before[:6])


def test_going_on_from_a_correction_equals_a_whole_pass_with_it(session_over, clip, assert_same):
    session = session_over(clip)
    session.prompt(1, 0, BOX)
    list(session.propagate("forward"))
    session.correct(1, 6, CLICK)
    continued = list(session.propagate("forward", start=6))
    assert_same(continued, list(session.propagate("forward"))[6:])


def test_clicks_on_one_frame_add_up(session_over, clip):
    together, apart = session_over(clip), session_over(clip)
    for session in (together, apart):
        session.prompt(1, 0, BOX)
        list(session.propagate("forward"))
    apart.correct(1, 5, CLICK)
    got = apart.correct(1, 5, OUTSIDE)
    previous = session_over(clip)
    previous.prompt(1, 0, BOX)
    list(previous.propagate("forward"))
    previous.correct(1, 5, CLICK)
    bank, features = previous._objects[1].bank, previous._features(5)
    known = bank.at(5, reverse=False), bank.recall(5, False, previous.tracker.length)
    only_second = previous.tracker.answer(features, [OUTSIDE], *known)
    both_clicks = previous.tracker.answer(features, [CLICK, OUTSIDE], *known)
    np.testing.assert_array_equal(got.logits[1], previous.tracker.result(5, {1: both_clicks}).logits[1])
    assert np.abs(got.logits[1] - previous.tracker.result(5, {1: only_second}).logits[1]).max() > 1e-6


def test_a_refused_correction_changes_nothing(session_over, clip, assert_same):
    session, untouched = session_over(clip), session_over(clip)
    for each in (session, untouched):
        each.prompt(1, 0, BOX)
        list(each.propagate("forward"))
    with pytest.raises(PromptError, match="outside"):
        session.correct(1, 5, Points([[500, 20]], [1]))
    assert_same(session.propagate("forward"), untouched.propagate("forward"))


def test_a_prompted_frame_can_be_corrected_and_stays_prompted(session_over, clip):
    session = session_over(clip)
    answer = session.prompt(1, 0, BOX)
    corrected = session.correct(1, 0, CLICK)
    assert np.abs(answer.logits[1] - corrected.logits[1]).max() > 1e-5
    assert session.prompted_frames(1) == (0,)
    np.testing.assert_array_equal(next(session.propagate("forward")).logits[1], corrected.logits[1])


def test_a_prompt_drops_the_correction_on_its_frame(session_over, clip, assert_same):
    session, direct = session_over(clip), session_over(clip)
    for each in (session, direct):
        each.prompt(1, 0, BOX)
    list(session.propagate("forward"))
    session.correct(1, 5, CLICK)
    for each in (session, direct):
        each.prompt(1, 5, BOX)
    assert_same(session.propagate("forward"), direct.propagate("forward"))


def test_a_correction_of_a_frame_tracked_backward(session_over, clip):
    session = session_over(clip)
    session.prompt(1, 8, BOX)
    before = {frame.index: frame for frame in session.propagate("both")}
    answer = session.correct(1, 3, CLICK)
    after = {frame.index: frame for frame in session.propagate("backward")}
    np.testing.assert_array_equal(after[3].logits[1], answer.logits[1])
    for index in (7, 5, 4):
        np.testing.assert_array_equal(after[index].logits[1], before[index].logits[1])
    for index in (2, 1):
        assert np.abs(after[index].logits[1] - before[index].logits[1]).max() > 1e-6


def test_a_correction_before_any_propagation_tracks_up_to_it(session_over, clip):
    direct, tracked = session_over(clip), session_over(clip)
    for session in (direct, tracked):
        session.prompt(1, 0, BOX)
    list(tracked.propagate("forward"))
    np.testing.assert_array_equal(direct.correct(1, 7, CLICK).logits[1], tracked.correct(1, 7, CLICK).logits[1])


def test_a_correction_of_a_forgotten_frame_equals_one_with_long_memory(session_over, clip, assert_same):
    short, long = session_over(clip, history=0), session_over(clip, history=100)
    corrected = []
    for session in (short, long):
        session.prompt(1, 0, BOX)
        list(session.propagate("forward"))
        corrected.append(session.correct(1, 3, CLICK))
    np.testing.assert_array_equal(corrected[0].logits[1], corrected[1].logits[1])
    assert_same(short.propagate("forward", start=3), long.propagate("forward", start=3))


def test_a_correction_of_a_forgotten_backward_frame_equals_one_with_long_memory(session_over, clip):
    corrected = []
    for history in (0, 100):
        session = session_over(clip, history=history)
        session.prompt(1, 11, BOX)
        list(session.propagate("backward"))
        corrected.append(session.correct(1, 8, CLICK))
    np.testing.assert_array_equal(corrected[0].logits[1], corrected[1].logits[1])


def test_a_correction_before_the_first_prompt_tracks_back_to_it(session_over, clip):
    direct, tracked = session_over(clip), session_over(clip)
    for session in (direct, tracked):
        session.prompt(1, 9, BOX)
    list(tracked.propagate("both"))
    np.testing.assert_array_equal(direct.correct(1, 2, CLICK).logits[1], tracked.correct(1, 2, CLICK).logits[1])


def test_a_box_begins_a_correction_anew(session_over, clip):
    session = session_over(clip)
    session.prompt(1, 0, BOX)
    session.correct(1, 6, Box(0, 0, 10, 10))
    session.correct(1, 6, Box(18, 8, 38, 28))
    assert session._objects[1].corrections[6] == [Box(18, 8, 38, 28)]


def test_the_other_objects_on_a_corrected_frame_keep_their_masks(session_over, clip):
    session = session_over(clip)
    session.prompt(1, 0, BOX)
    session.prompt(2, 0, Box(30, 4, 50, 20))
    before = list(session.propagate("forward"))
    session.correct(1, 5, CLICK)
    after = list(session.propagate("forward", start=5))
    np.testing.assert_array_equal(after[0].logits[2], before[5].logits[2])


def test_a_mask_can_correct_and_stands_as_given(session_over, clip):
    session = session_over(clip)
    session.prompt(1, 0, BOX)
    list(session.propagate("forward"))
    given = disk(clip)
    answer = session.correct(1, 4, given)
    overlap = (answer.masks[1] & given.mask).sum() / (answer.masks[1] | given.mask).sum()
    assert overlap > 0.8  # through a 32-pixel mask and back


def test_a_second_mask_on_a_frame_replaces_the_first(session_over, clip):
    once, twice = session_over(clip), session_over(clip)
    for session in (once, twice):
        session.prompt(1, 0, BOX)
        list(session.propagate("forward"))
    wrong = np.zeros(clip.shape[1:], dtype=bool)
    wrong[:10, :10] = True
    twice.correct(1, 4, MaskPrompt(wrong))
    np.testing.assert_array_equal(twice.correct(1, 4, disk(clip)).logits[1], once.correct(1, 4, disk(clip)).logits[1])


@pytest.mark.parametrize(
    ("object_id", "frame", "reason"), [(2, 5, "no object 2 .there are: 1"), (1, 12, "no frame 12"), (1, -1, "no frame -1")]
)
def test_what_cannot_be_corrected_is_named(session_over, clip, object_id, frame, reason):
    session = session_over(clip)
    session.prompt(1, 4, BOX)
    with pytest.raises(PromptError, match=reason):
        session.correct(object_id, frame, CLICK)
