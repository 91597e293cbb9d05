"""Frames that come once, in order, and perhaps without end."""

import numpy as np
import pytest

import echoseg
from echoseg import Box
from echoseg.errors import NotRereadableError, PromptError

BOX = Box(6, 8, 26, 28)


def test_streaming_equals_the_whole_clip(clip, live, micro_model, assert_same):
    streamed = echoseg.stream(live(clip), BOX, micro_model, direction="forward", length=len(clip))
    assert_same(streamed, echoseg.stream(clip, BOX, micro_model, direction="forward"))


def test_segmenting_a_stream_equals_segmenting_the_whole_clip(clip, live, micro_model):
    plan = {1: {2: [BOX]}, 2: {2: [Box(18, 8, 40, 28)]}}
    streamed = echoseg.segment(live(clip), plan, micro_model, direction="forward", length=len(clip))
    whole = echoseg.segment(clip, plan, micro_model, direction="forward")
    np.testing.assert_array_equal(streamed.masks, whole.masks)
    np.testing.assert_array_equal(streamed.scores, whole.scores)
    np.testing.assert_array_equal(streamed.object_scores, whole.object_scores)


def test_a_stream_of_unknown_length_counts_as_a_long_one(clip, live, session_over, assert_same):
    """Only clips shorter than the pointers' span (6 frames here, 16 in the published models) scale their times otherwise."""

    def tracked(source, length=None):
        session = session_over(source, length=length)
        session.prompt(1, 0, BOX)
        return list(session.propagate("forward"))

    short = clip[:4]
    unknown = tracked(live(short))
    assert_same(unknown, tracked(live(short), length=6))
    assert_same(unknown, tracked(live(short), length=1000))
    known = tracked(live(short), length=4)
    assert np.abs(unknown[-1].logits[1] - known[-1].logits[1]).max() > 1e-7


def test_frames_are_taken_as_they_are_asked_for(clip, session_over):
    taken = []

    def camera():
        for index in range(10**9):
            taken.append(index)
            yield clip[index % len(clip)]

    session = session_over(camera())
    session.prompt(1, 0, BOX)
    frames = session.propagate("forward")
    for _ in range(20):
        frame = next(frames)
    assert frame.index == 19
    assert len(taken) == 20


def test_a_prompt_ahead_reads_up_to_it_and_tracking_goes_on_there(clip, live, session_over, assert_same):
    session, whole = session_over(live(clip), length=len(clip)), session_over(clip)
    session.prompt(1, 5, BOX)
    whole.prompt(1, 5, BOX)
    assert_same(session.propagate("forward"), whole.propagate("forward"))


def test_an_object_can_be_added_while_the_stream_runs(clip, live, session_over):
    session = session_over(live(clip))
    session.prompt(1, 0, BOX)
    frames = session.propagate("forward")
    assert [sorted(next(frames).logits) for _ in range(4)] == [[1]] * 4
    session.prompt(2, 3, Box(30, 4, 50, 20))  # the frame last seen
    assert sorted(next(frames).logits) == [1, 2]


def test_a_correction_on_the_last_frame_of_a_stream_carries_on(clip, live, session_over, assert_same):
    session, whole = session_over(live(clip), length=len(clip)), session_over(clip)
    for each in (session, whole):
        each.prompt(1, 0, BOX)
        frames = each.propagate("forward")
        for _ in range(7):
            next(frames)
        frames.close()
        each.correct(1, 6, echoseg.Points([[30, 20]], [1]))
    assert_same(session.propagate("forward", start=6), whole.propagate("forward", start=6))


@pytest.mark.parametrize("direction", ["backward", "both"])
def test_backward_needs_frames_that_can_be_read_again(clip, live, micro_model, session_over, direction):
    session = session_over(live(clip))
    session.prompt(1, 0, BOX)
    with pytest.raises(NotRereadableError, match="use 'forward'"):
        session.propagate(direction)
    with pytest.raises(NotRereadableError, match="use 'forward'"):
        echoseg.stream(live(clip), BOX, micro_model, direction=direction)


def test_a_frame_that_has_passed_cannot_be_tracked_again(clip, live, session_over):
    session = session_over(live(clip))
    session.prompt(1, 0, BOX)
    list(session.propagate("forward"))
    with pytest.raises(NotRereadableError, match="frame 0 has passed"):
        next(session.propagate("forward"))


def test_a_prompt_after_the_end_says_so(clip, live, session_over):
    with pytest.raises(PromptError, match="ended before frame 40"):
        session_over(live(clip)).prompt(1, 40, BOX)


def test_a_stream_seeds_before_the_first_frame_is_asked_for(clip, micro_model):
    with pytest.raises(PromptError, match="outside"):
        echoseg.stream(clip, Box(500, 500, 510, 510), micro_model)


def test_auto_takes_the_first_frame_of_a_stream(clip, live, micro_model):
    first = next(iter(echoseg.stream(live(clip), "auto", micro_model, direction="forward")))
    assert first.index == 0


def test_a_live_source_is_prompted_on_one_frame_only(clip, live, micro_model):
    plan = {1: {0: [BOX]}, 2: {3: [BOX]}}
    with pytest.raises(NotRereadableError, match="prompt all objects on one frame"):
        echoseg.stream(live(clip), plan, micro_model, direction="forward")
