"""A session goes back to what it was, and then on as if nothing had been."""

import numpy as np
import pytest

from echoseg.tracking import Session
from echoseg.types import Box, Points

CLIP = np.uint8([40 + 180 * (np.hypot(*(np.mgrid[:64, :64] - 32.0)) < 14 - at / 2) for at in range(10)])


def logits(frames):
    return {frame.index: frame.logits[1] for frame in frames}


@pytest.fixture
def session(micro_model):
    made = Session(CLIP, micro_model)
    made.prompt(1, 4, Box(16, 16, 48, 48))
    list(made.propagate())
    return made


def test_what_came_after_is_as_if_it_had_never_been(session):
    kept = session.kept()
    once = logits(session.propagate("forward", start=6))
    for _ in range(2):  # it may be gone back to again
        session.restore(kept)
        session.correct(1, 7, Points([[50, 50]], [1]))
        session.prompt(2, 0, Box(1, 1, 20, 20))
        list(session.propagate())
        session.restore(kept)
        assert session.object_ids == (1,)
        again = logits(session.propagate("forward", start=6))
        assert again.keys() == once.keys()
        assert all(np.array_equal(again[at], once[at]) for at in once)


def test_a_settled_frame_is_corrected_from_the_mask_of_that_pass(session, micro_model):
    """Frames before the prompt were tracked backward; settled, a forward pass goes on from them without tracking them again."""
    encoded = []
    session.settle(range(4), reverse=True)
    before = session.tracker.track

    def counted(features, banks, index, reverse, structures):
        encoded.append(index)
        return before(features, banks, index, reverse, structures)

    session.tracker.track = counted
    session.correct(1, 2, Points([[30, 30]], [0]))
    next(session.propagate("forward", start=3))
    assert encoded == [3]


def test_the_answer_on_a_frame_is_what_was_answered(session):
    answered = session.prompt(1, 4, Box(16, 16, 48, 48))
    assert np.array_equal(session.answer_on(1, 4).logits[1], answered.logits[1])
    assert session.answer_on(1, 5) is None
