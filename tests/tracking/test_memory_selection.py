"""Which tracked frames are admitted to the memory, and that everything else about it stays as it was."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import echoseg
from echoseg import Box, MemorySelection
from echoseg.errors import ModelConfigError
from echoseg.model import SAM2Config
from echoseg.tracking import MemoryBank, ObjectMemory

CONFIG = SAM2Config("small", num_maskmem=4, max_obj_ptrs=6)
GOOD = MemorySelection(0.5)
EVERY = MemorySelection(0.0, -math.inf)
BOX = Box(6, 8, 26, 28)


def memory(index, iou=0.9, score=1.0):
    """A memory that says which frame it is from."""
    here = torch.full((1,), float(index))
    return ObjectMemory(here, here, here, iou, score)


def bank_after(order, bad=(), prompted=(), reverse=False, **options):
    bank = MemoryBank(CONFIG, **options)
    for index in prompted:
        bank.prompted[index] = memory(index)
    for index in order:
        bank.remember_tracked(index, memory(index, 0.1 if index in bad else 0.9), reverse)
    return bank


def recalled(bank, index, reverse=False, length=100):
    recall = bank.recall(index, reverse, length)
    return [(place, int(m)) for place, m in recall.spatial], [(distance, int(m)) for distance, m in recall.pointers]


@pytest.mark.parametrize(
    ("selection", "iou", "score", "admitted"),
    [
        (MemorySelection(0.7), 0.7, 3.0, True),
        (MemorySelection(0.7), 0.69, 3.0, False),
        (MemorySelection(0.7), 0.9, 0.0, False),  # absent
        (MemorySelection(0.7, -2.0), 0.9, -1.0, True),
        (MemorySelection(0.7, 4.0), 0.9, 3.0, False),
        (EVERY, 0.0, -20.0, True),
    ],
)
def test_both_scores_must_reach_their_threshold(selection, iou, score, admitted):
    assert selection.admits(iou, score) is admitted


@pytest.mark.parametrize("wrong", [(-0.1,), (1.1,), (math.nan,), (0.5, math.nan)])
def test_thresholds_that_mean_nothing_are_refused(wrong):
    with pytest.raises(ModelConfigError, match="memory selection"):
        MemorySelection(*wrong)


def test_frames_that_are_not_admitted_give_their_place_to_those_before_them():
    bank = bank_after(range(1, 11), bad=(6, 8, 9, 10), prompted=(0,), selection=GOOD)
    spatial, pointers = recalled(bank, 11)
    assert spatial == [(0, 0), (3, 4), (2, 5), (1, 7)]
    assert pointers == [(11, 0), (4, 7)]  # as far back as pointers reach, at their true distance


def test_backward_passes_over_them_too():
    bank = bank_after(range(19, 9, -1), bad=(14, 12, 11, 10), prompted=(20,), reverse=True, selection=GOOD)
    spatial, pointers = recalled(bank, 9, reverse=True)
    assert spatial == [(0, 20), (3, 16), (2, 15), (1, 13)]
    assert pointers == [(11, 20), (4, 13)]


def test_the_last_admitted_frames_outlast_any_dropout():
    bank = bank_after(range(1, 500), bad=range(9, 500), prompted=(0,), selection=GOOD, history=0)
    assert recalled(bank, 500)[0] == [(0, 0), (3, 6), (2, 7), (1, 8)]


def test_when_nothing_is_admitted_the_prompt_alone_is_recalled():
    assert recalled(bank_after(range(1, 9), bad=range(1, 9), prompted=(0,), selection=GOOD), 9) == ([(0, 0)], [(9, 0)])


def test_a_corrected_frame_is_always_admitted():
    bank = bank_after(range(1, 6), bad=range(1, 6), prompted=(0,), selection=GOOD)
    bank.corrected[3] = memory(300, iou=0.1)
    assert recalled(bank, 6) == ([(0, 0), (1, 300)], [(6, 0), (3, 300)])


def test_a_frame_tracked_again_counts_as_it_is_now():
    bank = bank_after(range(1, 20), prompted=(0,), selection=GOOD, history=0)
    for index in range(1, 20):  # a second pass, on which all but 2 and 3 are bad
        bank.remember_tracked(index, memory(index, 0.9 if index in (2, 3) else 0.1), False)
    assert recalled(bank, 20)[0] == [(0, 0), (2, 2), (1, 3)]


def test_a_pass_begun_afresh_knows_nothing_of_older_frames():
    bank = bank_after(range(1, 40), bad=range(9, 40), prompted=(0,), selection=GOOD, history=0)
    bank.forget_tracked(reverse=False)
    assert recalled(bank, 40) == ([(0, 0)], [(40, 0)])


@given(
    frames=st.integers(0, 40),
    bad=st.sets(st.integers(1, 40)),
    prompted=st.sets(st.integers(1, 40), max_size=3),
    corrected=st.sets(st.integers(1, 40), max_size=3),
    max_prompted=st.sampled_from([None, 1]),
    history=st.integers(0, 50),
    reverse=st.booleans(),
)
def test_a_selection_that_admits_every_frame_recalls_as_officially(frames, bad, prompted, corrected, max_prompted, history, reverse):
    def bank(selection):
        at = (lambda index: 41 - index) if reverse else (lambda index: index)
        made = bank_after(
            [at(index) for index in range(1, frames + 1)],
            bad={at(index) for index in bad},
            prompted=[at(0), *(at(index) for index in prompted if index <= frames)],
            reverse=reverse,
            selection=selection,
            history=history,
            max_prompted=max_prompted,
        )
        made.corrected |= {at(index): memory(1000 + index) for index in corrected - prompted if index <= frames}
        return recalled(made, at(frames + 1), reverse)

    assert bank(EVERY) == bank(None)


@given(bad=st.sets(st.integers(1, 60)), history=st.integers(0, 30), reverse=st.booleans())
def test_what_is_kept_is_bounded_and_always_enough(bad, history, reverse):
    order = range(60, 0, -1) if reverse else range(1, 61)
    seed, following = (61, 0) if reverse else (0, 61)
    bank, unbounded = (bank_after(order, bad, (seed,), reverse, selection=GOOD, history=kept) for kept in (history, 1000))
    assert recalled(bank, following, reverse) == recalled(unbounded, following, reverse)
    known = [index for store in (bank._tracked, bank._older) for index in store[reverse]]
    assert len(known) == len(set(known)) <= max(history, 5) + 3


@pytest.fixture
def picky(session_over, clip):
    """A selection that admits about half of the frames of ``clip``, as the micro model scores them."""
    session = session_over(clip)
    session.prompt(1, 0, BOX)
    ious = [frame.scores[1] for frame in session.propagate("forward")][1:]
    return MemorySelection(float(np.median(ious)))


def test_selection_changes_what_a_session_answers(session_over, clip, picky):
    """The guard of the equalities below: here some frames are admitted and others are not, and it matters."""
    passes = []
    for selection in (None, picky):
        session = session_over(clip, memory_selection=selection)
        session.prompt(1, 0, BOX)
        passes.append(list(session.propagate("forward")))
    admitted = [picky.admits(frame.scores[1], frame.object_scores[1]) for frame in passes[1][1:]]
    assert 0 < sum(admitted) < len(admitted)
    assert max(np.abs(a.logits[1] - b.logits[1]).max() for a, b in zip(*passes, strict=True)) > 1e-5


def test_streaming_equals_the_whole_clip_with_selection(clip, live, micro_model, session_over, picky, assert_same):
    streamed = echoseg.stream(live(clip), BOX, micro_model, direction="forward", length=len(clip), memory_selection=picky)
    session = session_over(clip, history=1000, memory_selection=picky)
    session.prompt(1, 0, BOX)
    assert_same(streamed, session.propagate("forward"))


def test_segment_takes_the_selection(clip, micro_model, session_over, picky):
    session = session_over(clip, memory_selection=picky)
    session.prompt(1, 4, BOX)
    scores = {frame.index: frame.scores[1] for frame in session.propagate("both")}
    found = echoseg.segment(clip, BOX, micro_model, frame_index=4, memory_selection=picky)
    np.testing.assert_array_equal(found.scores[:, 0], np.float32([scores[index] for index in range(len(clip))]))


def test_backward_over_a_clip_is_forward_over_its_reverse_with_selection(session_over, clip, picky):
    session, mirror = session_over(clip, memory_selection=picky), session_over(clip[::-1], memory_selection=picky)
    session.prompt(1, 11, BOX)
    mirror.prompt(1, 0, BOX)
    for a, b in zip(session.propagate("backward"), mirror.propagate("forward"), strict=True):
        np.testing.assert_array_equal(a.logits[1], b.logits[1])


def test_objects_are_admitted_each_by_its_own_scores(session_over, clip, picky):
    boxes = {1: BOX, 2: Box(30, 4, 50, 20), 7: Box(2, 20, 20, 38)}
    together = session_over(clip, memory_selection=picky)
    for object_id, box in boxes.items():
        together.prompt(object_id, 4, box)
    batched = list(together.propagate("both"))
    for object_id, box in boxes.items():
        alone = session_over(clip, memory_selection=picky)
        alone.prompt(object_id, 4, box)
        for a, b in zip(batched, alone.propagate("both"), strict=True):
            # Batching may change the order of sums, no more.
            np.testing.assert_allclose(a.logits[object_id], b.logits[object_id], atol=1e-5)


def test_going_on_at_a_frame_equals_the_whole_pass_with_selection(session_over, clip, picky, assert_same):
    for history in (0, 100):
        session = session_over(clip, history=history, memory_selection=picky)
        session.prompt(1, 0, BOX)
        whole = list(session.propagate("forward"))
        assert_same(session.propagate("forward", start=7), whole[7:])


def test_a_correction_carries_along_with_selection(session_over, clip, picky):
    corrected = []
    for history in (0, 100):
        session = session_over(clip, history=history, memory_selection=picky)
        session.prompt(1, 0, BOX)
        list(session.propagate("forward"))
        answer = session.correct(1, 3, echoseg.Points([[30, 20]], [1]))
        corrected.append([answer, *session.propagate("forward", start=3)])
    for a, b in zip(*corrected, strict=True):
        np.testing.assert_array_equal(a.logits[1], b.logits[1])


def test_slices_of_a_volume_are_selected_too(micro_model, monkeypatch):
    asked = []
    admits = MemorySelection.admits
    monkeypatch.setattr(MemorySelection, "admits", lambda self, iou, score: asked.append(iou) or admits(self, iou, score))
    volume = echoseg.open_source(np.full((5, 40, 40), 90, np.uint8), kind="volume", spacing=(1.0, 1.0))
    echoseg.segment(volume, BOX, micro_model, frame_index=2, memory_selection=GOOD)
    assert asked
