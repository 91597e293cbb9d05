"""A project: items, their log in one folder, and the order in which they are looked at."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, get_args

from echoseg.annotate.items import StudioItem
from echoseg.annotate.log import Event, EventLog
from echoseg.errors import OutputError

Order = Literal["uncertainty", "given"]
Status = Literal["all", "todo", "done", "flagged"]
DraftState = Literal["none", "waiting", "running", "done", "failed", "off"]
_TELLING = ("decision", "draft", "draft_failed", "draft_off", "opened")
_SERIOUS = ("review", "reject")


@dataclass(frozen=True)
class ItemState:
    """What is known of an item without opening it.

    Attributes:
        kind: ``clip``, ``volume`` or ``image``; None until it was opened or drafted.
        decision: ``accept``, ``reject`` or ``skip``; None: none yet.
        draft: how far the model's own attempt is. ``found``: what came of it: ``uncertainty``, ``ef``, ``flags``.
        reason: why it cannot be read.
    """

    kind: str | None = None
    decision: str | None = None
    draft: DraftState = "none"
    found: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""

    def after(self, event: Event) -> ItemState:
        """With one event more."""
        body = event.body
        if event.kind == "decision":
            return replace(self, decision=body["decision"])
        if event.kind == "draft":
            return replace(self, draft="done", found=body.get("found", {}), kind=body.get("kind", self.kind), reason="")
        if event.kind == "draft_failed":
            return replace(self, draft="failed", reason=body["reason"])
        if event.kind == "draft_off":
            return replace(self, draft="off", kind=body.get("kind", self.kind), reason="")
        if event.kind == "opened":
            return replace(self, kind=body["kind"], reason="")
        return self

    @property
    def state(self) -> Literal["todo", "done", "flagged", "failed"]:
        """One word for the queue."""
        if self.decision in ("accept", "reject"):
            return "done"
        if self.reason:
            return "failed"
        worst = any(flag["severity"] == "reject" for flag in self.found.get("flags", ()))
        return "flagged" if self.decision == "skip" or worst else "todo"

    def has(self, status: Status) -> bool:
        """Whether it belongs in a list of items of this status."""
        if status == "todo":
            return self.decision is None and self.state != "failed"
        if status == "flagged":
            serious = any(flag["severity"] in _SERIOUS for flag in self.found.get("flags", ()))
            return self.decision == "skip" or (self.decision is None and serious)
        return status == "all" or self.state == "done"

    @property
    def uncertainty(self) -> float | None:
        """How unsure the draft is: 1 - mean predicted IoU, and half the width of the EF's interval as a share of 1."""
        return self.found.get("uncertainty")


class Project:
    """Items and log of one folder.

    Args:
        folder: of the project; made when missing.
        items: in the user's order.

    Raises:
        OutputError: the folder cannot be made or written to.
    """

    def __init__(self, folder: Path, items: Sequence[StudioItem]) -> None:
        self.folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{folder}: the project's folder cannot be made ({error.strerror}); choose another") from error
        self.log = EventLog(folder / "project.sqlite")
        self.items: dict[str, StudioItem] = {item.id: item for item in items}
        self._states: dict[str, ItemState] = {}
        self._seen = 0
        self._lock = threading.Lock()

    def add(self, item: StudioItem) -> StudioItem:
        """One item more, at the end; the same again stays one."""
        with self._lock:
            if item.id not in self.items:
                self.items[item.id] = replace(item, number=len(self.items) + 1)
            return self.items[item.id]

    def states(self) -> dict[str, ItemState]:
        """Of every item, with what other servers have noted in the same folder since."""
        with self._lock:
            for event in self.log.of_kinds(_TELLING, after=self._seen):
                self._states[event.item] = self._states.get(event.item, ItemState()).after(event)
                self._seen = event.id
            return {key: self._states.get(key, ItemState()) for key in self.items}

    def queue(self, order: Order = "uncertainty", status: Status = "all") -> list[tuple[StudioItem, ItemState]]:
        """The items of a status, the most uncertain first (those without a draft last), or in the user's order."""
        assert order in get_args(Order) and status in get_args(Status)
        states = self.states()
        found = [(self.items[key], state) for key, state in states.items() if state.has(status)]
        if order == "given":
            return found
        return sorted(found, key=lambda each: (each[1].uncertainty is None, -(each[1].uncertainty or 0.0), each[0].number))

    def counts(self) -> dict[str, int]:
        """How many items there are of each status."""
        states = list(self.states().values())
        return {status: sum(state.has(status) for state in states) for status in get_args(Status)}

    def next_for(self, user: str, order: Order = "uncertainty") -> StudioItem | None:
        """The first item without a decision that nobody else has."""
        taken = self.log.leases()
        free = [item for item, _ in self.queue(order, "todo") if taken.get(item.id, user) == user]
        return free[0] if free else None
