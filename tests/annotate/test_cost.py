"""Costs come from the log alone: idle time is cut, a hidden tab pauses, work that was undone was work."""

import numpy as np
import pytest

from echoseg.annotate.cost import active_seconds, item_cost
from echoseg.annotate.frame_mask import FrameMask
from echoseg.annotate.log import Event
from tests.annotate.conftest import box, click


def events(*told):
    """``(at, kind, body)`` as events of one item by one annotator."""
    full = FrameMask.of(0, 1, np.ones((4, 4), bool))
    return [
        Event(number, "a", at, "ana", kind, body, (FrameMask(body["frame"], 1, full.counts, full.bbox),) if kind == "prompt" else ())
        for number, (at, kind, body) in enumerate(told, start=1)
    ]


def test_a_gap_of_more_than_thirty_seconds_counts_thirty():
    log = events((0, "opened", {}), (10, "prompt", box(0)), (500, "prompt", click(1, 2, 2)), (505, "decision", {"decision": "accept"}))
    assert active_seconds(log) == pytest.approx(10 + 30 + 5)


def test_a_hidden_tab_does_not_count():
    log = events((0, "opened", {}), (4, "hidden", {}), (20, "hidden", {}), (24, "shown", {}), (27, "decision", {"decision": "skip"}))
    assert active_seconds(log) == pytest.approx(4 + 3)


def test_time_between_a_decision_and_the_next_sitting_does_not_count():
    log = events((0, "opened", {}), (5, "decision", {"decision": "skip"}), (20, "opened", {}), (22, "decision", {"decision": "accept"}))
    assert active_seconds(log) == pytest.approx(7)


def test_two_annotators_at_a_time_each_count_their_own():
    first = Event(1, "a", 0.0, "ana", "opened", {}), Event(3, "a", 8.0, "ana", "decision", {"decision": "skip"})
    second = Event(2, "a", 4.0, "ben", "opened", {}), Event(4, "a", 9.0, "ben", "decision", {"decision": "accept"})
    log = sorted([*first, *second], key=lambda event: event.id)
    assert active_seconds(log) == pytest.approx(8 + 5)
    assert item_cost("a", log).users == ("ana", "ben")


def test_what_was_done_is_counted_also_when_it_was_undone():
    log = events(
        (0, "opened", {}),
        (1, "prompt", {**box(0), "wait_s": 0.5}),
        (2, "prompt", click(3, 2, 2)),
        (3, "undo", {}),
        (4, "prompt", click(5, 2, 2)),
        (5, "decision", {"decision": "accept", "model": "compact", "weights_sha256": "ab"}),
    )
    cost = item_cost("a", log)
    assert (cost.boxes, cost.clicks, cost.undos, cost.seeks, cost.wait_s) == (1, 2, 1, 2, 0.5)
    assert (cost.frames, cost.touched, cost.untouched) == (2, 2, 0.0)
    assert (cost.decision, cost.model, cost.weights, cost.drafted) == ("accept", "compact", "ab", False)


def test_an_outline_is_drawn_once_and_bent_after():
    outline = {"object": 1, "frame": 2, "mode": "prompt", "kind": "contour", "data": {"points": [[0, 0], [3, 0], [3, 3]]}}
    cost = item_cost("a", events((0, "prompt", outline), (5, "prompt", {**outline, "mode": "correct"})))
    assert (cost.drawn, cost.drags) == (1, 1)


def test_a_draft_that_nobody_touched_is_wholly_untouched():
    mask = FrameMask.of(0, 1, np.ones((4, 4), bool))
    draft = {"prompts": [{"object": 1, "frame": 0, "mode": "prompt", "name": "LV", "kind": "auto", "data": "LV"}], "found": {}}
    log = [Event(1, "a", 0.0, "echoseg", "draft", draft, (mask,)), *events((9, "opened", {}), (11, "decision", {"decision": "accept"}))]
    cost = item_cost("a", log)
    assert (cost.drafted, cost.untouched, cost.active_s, cost.users) == (True, 1.0, 2.0, ("ana",))
