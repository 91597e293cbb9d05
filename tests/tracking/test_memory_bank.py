"""What a frame recalls, and that what is kept is bounded."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from echoseg import Box
from echoseg.model import SAM2Config
from echoseg.tracking import MemoryBank, ObjectMemory
from echoseg.tracking.memory_bank import pointer_span, store

CONFIG = SAM2Config("published", num_maskmem=7, max_obj_ptrs=16)


def memory(index):
    """A memory that says which frame it is from."""
    here = torch.full((1,), float(index))
    return ObjectMemory(here, here, here, 0.9, 1.0)


def bank_after(tracked, prompted=(0,), reverse=False, **options):
    bank = MemoryBank(CONFIG, **options)
    for index in prompted:
        bank.prompted[index] = memory(index)
    for index in tracked:
        bank.remember_tracked(index, memory(index), reverse)
    return bank


def recalled(bank, index, reverse=False, length=100):
    recall = bank.recall(index, reverse, length)
    return [(d, int(m)) for d, m in recall.spatial], [(d, int(m)) for d, m in recall.pointers]


def test_a_frame_recalls_the_prompt_six_frames_and_fifteen_pointers():
    spatial, pointers = recalled(bank_after(range(1, 40)), 40)
    assert spatial == [(0, 0), (6, 34), (5, 35), (4, 36), (3, 37), (2, 38), (1, 39)]
    assert pointers == [(40, 0), *((d, 40 - d) for d in range(1, 16))]


def test_backward_counts_from_the_frames_after():
    spatial, pointers = recalled(bank_after(range(29, 10, -1), prompted=(30,), reverse=True), 10, reverse=True)
    assert spatial == [(0, 30), (6, 16), (5, 15), (4, 14), (3, 13), (2, 12), (1, 11)]
    assert pointers == [(20, 30), *((d, 10 + d) for d in range(1, 16))]


def test_a_prompt_ahead_gives_its_memory_but_not_its_pointer():
    spatial, pointers = recalled(bank_after(range(1, 5), prompted=(0, 9)), 5)
    assert spatial[:2] == [(0, 0), (0, 9)]
    assert [frame for _, frame in pointers] == [0, 4, 3, 2, 1]


def test_one_direction_does_not_see_the_other():
    bank = bank_after(range(1, 10))
    assert recalled(bank, 5, reverse=True) == ([(0, 0)], [])
    bank.forget_tracked(reverse=True)
    assert len(recalled(bank, 10)[0]) == 7
    bank.forget_tracked(reverse=False)
    assert recalled(bank, 10) == ([(0, 0)], [(10, 0)])


def test_a_correction_counts_as_a_tracked_frame():
    bank = bank_after(range(1, 5))
    bank.corrected[4] = memory(400)
    spatial, pointers = recalled(bank, 5)
    assert spatial == [(0, 0), (4, 1), (3, 2), (2, 3), (1, 400)]
    assert pointers[1] == (1, 400)
    assert int(bank.at(4, reverse=False).pointer) == 400
    assert bank.answered(3) is None


def test_short_clips_recall_no_further_than_their_length():
    assert [frame for _, frame in recalled(bank_after(range(1, 10)), 5, length=4)[1]] == [0, 4, 3, 2]
    assert pointer_span(CONFIG, 4) == 3
    assert pointer_span(CONFIG, 16) == pointer_span(CONFIG, 10**6) == pointer_span(CONFIG, None) == 15


@given(history=st.integers(0, 40), frames=st.integers(0, 200), reverse=st.booleans())
def test_what_is_tracked_is_bounded_and_always_enough(history, frames, reverse):
    order = range(1, frames + 1)
    bank = bank_after(reversed(order) if reverse else order, prompted=(frames + 1,) if reverse else (0,), history=history, reverse=reverse)
    kept = [index for index in order if bank.at(index, reverse) is not None]
    newest = sorted(order, reverse=not reverse)[: max(history, 15)]
    assert kept == sorted(newest)
    unbounded = bank_after(
        reversed(order) if reverse else order, prompted=(frames + 1,) if reverse else (0,), history=10**6, reverse=reverse
    )
    following = 0 if reverse else frames + 1
    assert recalled(bank, following, reverse) == recalled(unbounded, following, reverse)


def test_prompted_frames_are_never_forgotten():
    bank = bank_after(range(1, 500), prompted=(0, 3))
    assert bank.answered(3) is not None
    assert recalled(bank, 500)[0][:2] == [(0, 0), (0, 3)]


def test_max_prompted_keeps_the_nearest_and_the_others_near_by_as_tracked():
    bank = bank_after([*range(1, 10), 11], prompted=(0, 10, 12), max_prompted=1)
    spatial, pointers = recalled(bank, 13)
    assert spatial == [(0, 12), (6, 7), (5, 8), (4, 9), (3, 10), (2, 11)]
    assert pointers[0] == (1, 12)
    assert (3, 10) in pointers
    assert (13, 0) in pointers


@pytest.mark.parametrize("index", [1, 6, 11])
def test_without_max_prompted_every_prompt_is_attended_to(index):
    bank = bank_after([], prompted=range(0, 30, 2))
    assert [frame for distance, frame in recalled(bank, index)[0] if distance == 0] == list(range(0, 30, 2))


def test_max_prompted_bounds_a_session(session_over, clip):
    session = session_over(clip, max_prompted=2)
    for frame in (0, 2, 4, 6):
        session.prompt(1, frame, Box(6, 8, 26, 28))
    recall = session._objects[1].bank.recall(8, reverse=False, length=12)
    assert [distance for distance, _ in recall.spatial].count(0) == 2
    assert len(list(session.propagate("forward"))) == 12


def test_memories_are_kept_in_bfloat16(session_over, clip):
    session = session_over(clip)
    session.prompt(1, 0, Box(6, 8, 26, 28))
    list(session.propagate("forward"))
    for index in (0, 5):
        assert session._objects[1].bank.at(index, reverse=False).features.dtype == torch.bfloat16
    assert store(torch.ones(2, requires_grad=True)).requires_grad is False


def test_a_session_remembers_no_more_than_its_history(session_over, clip):
    long = [clip[index % 12] for index in range(40)]
    session = session_over(iter(long), history=8)
    session.prompt(1, 0, Box(6, 8, 26, 28))
    for frame in session.propagate("forward"):
        kept = [index for index in range(1, frame.index + 1) if session._objects[1].bank.at(index, reverse=False)]
        assert kept == list(range(max(1, frame.index - 7), frame.index + 1))
