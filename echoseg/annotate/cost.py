"""What an item has cost, from its events alone: seconds at work, clicks, frames touched. Pure functions over the log.

Time at work is the sum of the gaps between the events of one sitting, from ``opened`` to the decision. A gap longer than
:data:`IDLE_S` counts as :data:`IDLE_S`; what lies between ``hidden`` and ``shown`` (the page is in a tab that nobody sees) counts nothing.
``active`` is a sign of life, such as a key or the wheel.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from echoseg.annotate.history import State, history_of
from echoseg.annotate.log import Event

IDLE_S = 30.0
SIGNS = ("hidden", "shown", "active")
"""Kinds of events that tell of attention alone."""
_BY_PEOPLE = ("opened", "prompt", "object", "remove", "marks", "undo", "redo", "decision", *SIGNS)


@dataclass(frozen=True)
class ItemCost:
    """What one item has cost until it was decided (or until now), over all sittings.

    Attributes:
        item: its id. ``users``: who worked on it, in order.
        active_s: seconds at work, see above. ``wait_s``: of these, how long the network took.
        clicks, boxes, drawn, drags: prompts by points, by boxes and RECIST lines, outlines and masks drawn, and further ones on
            the same frame. What was undone counts: it was work.
        seeks: how often the next answer was given on another frame.
        undos: changes taken back.
        frames: frames with a mask in the end. ``touched``: frames of these that a person answered on.
        decision: ``accept``, ``reject``, ``skip`` or None. ``model``: of the sitting that decided. ``weights``: their sha256, where noted.
        drafted: whether a draft stood at the beginning.
    """

    item: str
    users: tuple[str, ...] = ()
    active_s: float = 0.0
    wait_s: float = 0.0
    clicks: int = 0
    boxes: int = 0
    drawn: int = 0
    drags: int = 0
    seeks: int = 0
    undos: int = 0
    frames: int = 0
    touched: int = 0
    decision: str | None = None
    model: str | None = None
    weights: str | None = None
    drafted: bool = False

    @property
    def untouched(self) -> float:
        """Share of the frames with a mask that nobody had to touch, 0..1; NaN where there is no mask."""
        return 1 - self.touched / self.frames if self.frames else float("nan")


def item_cost(item: str, events: Iterable[Event], idle_s: float = IDLE_S) -> ItemCost:
    """The cost of an item from its events, in the order of the log; events of other items do not count."""
    own = [event for event in events if event.item == item]
    state = history_of(own).state()
    people = [event for event in own if event.kind in _BY_PEOPLE]
    cost = ItemCost(item, tuple(dict.fromkeys(event.user for event in people)), active_seconds(people, idle_s))
    cost = replace(cost, wait_s=sum(float(event.body.get("wait_s", 0.0)) for event in own), drafted=_drafted(own))
    seen: int | None = None
    drawn: set[tuple[int, int]] = set()
    for event in people:
        body = event.body
        if event.kind == "undo":
            cost = replace(cost, undos=cost.undos + 1)
        elif event.kind == "decision":
            cost = replace(cost, decision=body["decision"], model=body.get("model"), weights=body.get("weights_sha256"))
        elif event.kind == "prompt":
            cost = _prompted(cost, event, drawn)
            cost = replace(cost, seeks=cost.seeks + (seen is not None and seen != body["frame"]))
            seen = body["frame"]
    return replace(cost, frames=len(_masked(state)), touched=len(_touched(people, state)))


def active_seconds(events: Iterable[Event], idle_s: float = IDLE_S) -> float:
    """Seconds at work of the events of one item, see above; each user's sittings by themselves."""
    total = 0.0
    last: dict[str, Event] = {}
    for event in events:
        before = last.get(event.user)
        if before is not None and before.kind not in ("hidden", "decision") and event.kind != "opened":
            total += min(max(event.at - before.at, 0.0), idle_s)
        hidden_still = before is not None and before.kind == "hidden" and event.kind == "hidden"
        if not hidden_still:
            last[event.user] = event
    return round(total, 3)


def _prompted(cost: ItemCost, event: Event, drawn: set[tuple[int, int]]) -> ItemCost:
    body = event.body
    if body["kind"] == "points":
        return replace(cost, clicks=cost.clicks + len(body["data"]["points"]))
    if body["kind"] in ("box", "recist"):
        return replace(cost, boxes=cost.boxes + 1)
    if body["kind"] in ("mask", "contour"):
        place = (body["object"], body["frame"])
        if place in drawn:  # an outline that is there is bent, not drawn anew
            return replace(cost, drags=cost.drags + 1)
        drawn.add(place)
        return replace(cost, drawn=cost.drawn + 1)
    return cost


def _drafted(events: Iterable[Event]) -> bool:
    """Whether the model's own attempt was there before anybody changed anything."""
    for event in events:
        if event.kind in ("draft", "prompt", "object", "marks"):
            return event.kind == "draft"
    return False


def _masked(state: State) -> set[int]:
    return {frame for (frame, _), mask in state.masks.items() if mask.bbox is not None}


def _touched(events: Iterable[Event], state: State) -> set[int]:
    by_hand = {event.body["frame"] for event in events if event.kind == "prompt" and event.body["kind"] != "auto"}
    return by_hand & _masked(state)
