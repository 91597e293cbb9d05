"""Prompts, spreads, undo and restart with a real network: exact, and never lost."""

import threading

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import echoseg
from echoseg.annotate.log import EventLog
from echoseg.annotate.refused import Refused
from echoseg.errors import OutputError, PromptError
from echoseg.types import Box
from tests.annotate.conftest import FRAMES, ITEM, box, click


def spread(live, visible=0, most=None):
    masks = live.spread("ana", visible)
    taken = []
    for found in masks:
        taken.append(found)
        if len(taken) == most:
            masks.close()
            break
    return taken


def test_a_first_spread_is_what_segment_finds(log, open_item, discs, micro_model):
    live = open_item(log)
    live.prompt("ana", 1, box(5))
    assert live.state.stale
    found = spread(live, 5)
    assert not live.state.stale
    assert sorted(mask.frame for mask in found) == [at for at in range(FRAMES) if at != 5]
    result = echoseg.segment(echoseg.open_source(discs, kind="clip"), Box(10, 18, 40, 48), micro_model, frame_index=5)
    for (frame, _), mask in live.state.masks.items():
        assert np.array_equal(mask.mask((64, 64)), result.masks[frame] == 1), frame


def test_frames_near_the_one_in_view_come_first(log, open_item):
    live = open_item(log)
    live.prompt("ana", 1, box(5))
    assert [mask.frame for mask in spread(live, 5)][:6] == [6, 4, 7, 3, 8, 2]


def test_a_correction_changes_the_frames_up_to_the_next_answers(log, open_item):
    live = open_item(log)
    live.prompt("ana", 1, box(2))
    spread(live, 2)
    before = dict(live.state.masks)
    live.prompt("ana", 2, click(8, 50, 10))
    found = spread(live, 8)
    assert sorted(mask.frame for mask in found) == [3, 4, 5, 6, 7, 9, 10, 11]
    assert all(live.state.masks[at, 1] == before[at, 1] for at in (0, 1, 2))
    live.prompt("ana", 3, click(5, 5, 60, 0))
    assert sorted(mask.frame for mask in spread(live, 5)) == [3, 4, 6, 7]


def test_what_is_said_of_one_object_changes_no_other(log, open_item):
    live = open_item(log)
    live.prompt("ana", 1, box(0))
    live.prompt("ana", 2, box(0, (30, 5, 60, 25), 2))
    spread(live)
    before = {key: mask for key, mask in live.state.masks.items() if key[1] == 1}
    live.prompt("ana", 3, click(6, 50, 12, 1, 2))
    spread(live, 6)
    assert {key: mask for key, mask in live.state.masks.items() if key[1] == 1} == before


operations = st.lists(
    st.one_of(
        st.tuples(st.just("box"), st.integers(0, FRAMES - 1)),
        st.tuples(st.just("click"), st.integers(0, FRAMES - 1)),
        st.tuples(st.just("spread"), st.integers(0, FRAMES - 1)),
        st.tuples(st.just("part"), st.integers(1, 6)),
        st.tuples(st.just("undo"), st.just(0)),
        st.tuples(st.just("redo"), st.just(0)),
    ),
    min_size=2,
    max_size=9,
)


def play(live, steps):
    for what, at in steps:
        number = live.history.sequence + 1
        if what == "box":
            live.prompt("ana", number, box(at))
        elif what == "click":
            live.prompt("ana", number, click(at, 20 + at, 30))
        elif what in ("undo", "redo"):
            try:
                live.undo("ana", number, again=what == "redo")
            except Refused:
                continue
        elif live.state.objects:
            spread(live, at, None if what == "spread" else at)


def kept_steps(steps):
    standing, undone = [], []
    for step in steps:
        if step[0] == "undo":
            if standing:
                undone.append(standing.pop())
        elif step[0] == "redo":
            if undone:
                standing.append(undone.pop())
        elif step[0] in ("spread", "part"):
            if standing:
                standing[-1].append(step)
        else:
            standing.append([step])
            undone = []
    return [step for group in standing for step in group]


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=operations)
def test_after_undo_and_after_a_restart_the_network_goes_on_as_if_nothing_had_been(steps, open_item, tmp_path_factory):
    folder = tmp_path_factory.mktemp("logs")
    once, never = EventLog(folder / "once.sqlite"), EventLog(folder / "never.sqlite")
    done, undone = open_item(once), open_item(never)
    play(done, steps)
    play(undone, kept_steps(steps))
    assert done.state == undone.state
    restarted = open_item(once)
    assert restarted.state == done.state
    if done.state.objects:
        for live in (done, undone, restarted):
            play(live, [("click", 7), ("spread", 7)])
        assert done.state.masks == undone.state.masks == restarted.state.masks


def test_a_spread_that_was_stopped_keeps_what_came_and_goes_on(log, open_item):
    live = open_item(log)
    live.prompt("ana", 1, box(5))
    spread(live, 5, most=4)
    assert live.state.stale
    assert len(live.state.masks) == 5
    spread(live, 5)
    assert not live.state.stale
    assert len(live.state.masks) == FRAMES


def test_a_prompt_ends_a_spread_under_way(log, open_item):
    live = open_item(log)
    live.prompt("ana", 1, box(5))
    masks = live.spread("ana", 5)
    next(masks)
    answered = threading.Thread(target=live.prompt, args=("ana", 2, click(5, 30, 30)))
    answered.start()
    for _ in masks:  # it ends by itself, though there are frames left
        pass
    answered.join(30)
    assert not answered.is_alive()
    assert live.history.sequence == 2
    assert len(live.state.masks) < FRAMES


def test_a_change_sent_twice_counts_once_and_one_out_of_turn_not_at_all(log, open_item):
    live = open_item(log)
    first = live.prompt("ana", 1, box(5))
    assert live.prompt("ana", 1, box(5)) == first
    assert live.history.sequence == 1
    with pytest.raises(Refused) as refused:
        live.prompt("ana", 5, box(5))
    assert refused.value.facts == {"expected": 2}


@pytest.mark.parametrize(
    "given",
    [
        box(FRAMES),
        {**box(0), "data": [10, 10, 80, 30]},
        {**box(0), "data": [10, 10, 5, 5]},
        {**box(0), "data": "LV"},
        {**click(0, 70, 5)},
        {**click(0, 5, 5), "data": {"points": [], "labels": []}},
        {**box(0), "kind": "contour", "data": {"points": [[1, 1], [2, 2]]}},
        {**box(0), "kind": "mask", "data": {"rle": {"size": [64, 64], "counts": "00"}}},
        {**box(0), "kind": "auto", "data": "spleen"},
    ],
)
def test_a_prompt_that_does_not_fit_changes_nothing(given, log, open_item):
    live = open_item(log)
    with pytest.raises(PromptError):
        live.prompt("ana", 1, given)
    assert live.history.sequence == 0
    assert log.of(ITEM) == []
    live.prompt("ana", 1, box(0))


def test_what_cannot_be_written_down_has_not_happened(log, open_item, monkeypatch):
    live = open_item(log)
    live.prompt("ana", 1, box(5))
    spread(live, 5)
    before = live.state

    def full(*args, **more):
        raise OutputError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(log, "append", full)
        with pytest.raises(OutputError):
            live.prompt("ana", 2, click(5, 50, 50))
    assert live.state == before
    live.prompt("ana", 2, click(8, 20, 20))
    assert open_item(log).state == live.state


def test_a_dragged_border_is_the_mask_of_its_frame(log, open_item):
    live = open_item(log)
    corners = [[20, 20], [44, 20], [44, 40], [20, 40]]
    live.prompt("ana", 1, {**box(3), "kind": "contour", "data": {"points": corners}})
    shown = live.state.masks[3, 1].mask((64, 64))
    wanted = np.zeros((64, 64), bool)
    wanted[20:40, 20:44] = True
    assert (shown & wanted).sum() / (shown | wanted).sum() > 0.9


def test_a_volume_ends_where_a_stop_mark_says(log, open_item, discs):
    live = open_item(log, frames=discs, kind="volume")
    live.prompt("ana", 1, {**box(5), "kind": "recist", "data": [12, 32, 40, 32]})
    spread(live, 5)
    live.mark("ana", 2, {"stops": {"1": [4, 7]}})
    assert all(4 <= frame <= 7 for frame, _ in live.state.masks)
    told = live.measures()
    assert told["kind"] == "volume"
    assert told["volume_note"] is not None
    assert told["objects"][0]["volume_ml"] is None  # the array states no spacing


def test_marks_out_of_range_are_refused(log, open_item):
    live = open_item(log)
    live.prompt("ana", 1, box(0))
    for marks in (
        {"beats": [{"ed": 0, "es": FRAMES}]},
        {"beats": [{"ed": 3, "es": 3}]},
        {"landmarks": {"0": {"mitral": [[0, 0], [70, 0]]}}},
        {"stops": {"1": [5, 2]}},
    ):
        with pytest.raises(PromptError):
            live.mark("ana", 2, marks)
    assert live.history.sequence == 1
