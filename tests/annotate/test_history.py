"""Undo and redo are exact: what was undone has never been."""

from hypothesis import assume, given
from hypothesis import strategies as st

from echoseg.annotate.frame_mask import FrameMask
from echoseg.annotate.history import COLOURS, history_of
from echoseg.annotate.log import Event


def mask(frame, number=1, counts="x", bbox=(0, 0, 1, 1)):
    return FrameMask(frame, number, counts, bbox, 0.9, 5.0)


def prompt(number, frame, mode="prompt", kind="box", **more):
    return "prompt", {"object": number, "frame": frame, "mode": mode, "kind": kind, "data": [0, 0, 1, 1], **more}


def log_of(*steps):
    """Events of ``(kind, body[, masks])``; a spread belongs to the change before it."""
    events, standing, undone = [], [], []
    for at, step in enumerate(steps, start=1):
        kind, body, masks = (*step, {}, ())[:3] if len(step) > 1 else (step[0], {}, ())
        if kind == "spread":
            if not standing:
                continue
            body = {"change": standing[-1], **body}
        elif kind == "undo":
            if standing:
                undone.append(standing.pop())
        elif kind == "redo":
            if undone:
                standing.append(undone.pop())
        else:
            standing.append(at)
            undone = []
        events.append(Event(at, "item", 0.0, "ana", kind, body, tuple(masks)))
    return events


changes = st.one_of(
    st.tuples(st.integers(1, 3), st.integers(0, 9), st.sampled_from(["prompt", "correct"]), st.text("abc", min_size=1, max_size=3)).map(
        lambda given: (*prompt(given[0], given[1], given[2], "points"), [mask(given[1], given[0], given[3])])
    ),
    st.integers(1, 3).map(lambda number: ("remove", {"object": number})),
    st.tuples(st.integers(1, 3), st.sampled_from(["LV", "LA"])).map(lambda given: ("object", {"object": given[0], "name": given[1]})),
    st.lists(st.integers(0, 9), min_size=1, max_size=2).map(lambda ed: ("marks", {"beats": [{"ed": at, "es": at + 1} for at in ed]})),
)
spreads = st.tuples(st.integers(1, 3), st.booleans(), st.text("xyz", min_size=1, max_size=3)).map(
    lambda given: ("spread", {"how": {str(given[0]): {}}, "complete": given[1]}, [mask(at, given[0], given[2]) for at in range(10)])
)
steps = st.lists(st.one_of(changes, spreads, st.just(("undo",)), st.just(("redo",))), max_size=25)


def without_undone(given_steps):
    """The steps that would have been taken by somebody who never undid: changes with their spreads."""
    standing, undone = [], []
    for step in given_steps:
        if step[0] == "undo":
            if standing:
                undone.append(standing.pop())
        elif step[0] == "redo":
            if undone:
                standing.append(undone.pop())
        elif step[0] == "spread":
            if standing:
                standing[-1].append(step)
        else:
            standing.append([step])
            undone = []
    return [step for group in standing for step in group]


@given(steps)
def test_a_state_after_undo_is_that_of_never_having_done_it(given_steps):
    assert history_of(log_of(*given_steps)).state() == history_of(log_of(*without_undone(given_steps))).state()


@given(steps)
def test_undo_then_redo_changes_nothing(given_steps):
    before = history_of(log_of(*given_steps))
    assume(before.can_undo)
    after = history_of(log_of(*given_steps, ("undo",), ("redo",)))
    assert after.state() == before.state()


def test_a_new_change_forgets_what_was_undone():
    history = history_of(log_of(prompt(1, 0), prompt(1, 5), ("undo",), prompt(1, 7)))
    assert history.undone == ()
    assert history.state().objects[1].prompted == (0, 7)
    assert history.sequence == 4


def test_a_draft_counts_only_where_nothing_stands_and_cannot_be_undone():
    draft = ("draft", {"prompts": [prompt(1, 3, kind="auto", name="LV")[1]], "found": {"ef": 60.0}}, [mask(at) for at in range(4)])
    history = history_of(log_of(draft))
    assert not history.can_undo
    assert not history.state().stale
    assert not history.state().by_hand
    assert len(history.state().masks) == 4
    assert history_of(log_of(prompt(1, 0), draft)).state().masks == {}


def test_clicks_add_up_and_a_new_box_begins_anew():
    first = log_of(prompt(1, 2), prompt(1, 2, "correct", "points"), prompt(1, 2, "correct", "points"))
    assert [each["kind"] for each in history_of(first).state().prompts] == ["box", "points", "points"]
    anew = log_of(prompt(1, 2), prompt(1, 2, "correct", "points"), prompt(1, 2))
    assert [each["kind"] for each in history_of(anew).state().prompts] == ["box"]
    assert history_of(anew).state().objects[1].corrected == ()


def test_beyond_a_stop_mark_an_object_is_empty():
    spread = ("spread", {"how": {"1": {}}, "complete": True}, [mask(at) for at in range(10)])
    state = history_of(log_of(prompt(1, 5), spread, ("marks", {"stops": {"1": [3, 6]}}))).state()
    assert sorted(at for at, _ in state.masks) == [3, 4, 5, 6]


def test_objects_get_colours_that_differ():
    state = history_of(log_of(prompt(1, 0), prompt(2, 0, name="LA"))).state()
    assert [each.colour for each in state.objects.values()] == list(COLOURS[:2])
    assert state.objects[2].name == "LA"
