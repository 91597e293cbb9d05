"""Who works on what: sessions over one shared model, so many at once, each with bounded memory."""

from __future__ import annotations

import re
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from echoseg.annotate.cost import SIGNS
from echoseg.annotate.items import StudioItem
from echoseg.annotate.labels import write_label
from echoseg.annotate.live import LiveItem
from echoseg.annotate.measuring import Measuring
from echoseg.annotate.project import Order, Project
from echoseg.annotate.refused import Refused
from echoseg.annotate.track import Looking
from echoseg.io import Source, open_source

if TYPE_CHECKING:
    from echoseg.model import Model

LEASE_S = 900.0
SESSION_ID = re.compile(r"[0-9a-f]{32}")
_USER = re.compile(r"[^\x00-\x1f\x7f]{1,64}")


@dataclass(frozen=True)
class Limits:
    """How much at once. ``sessions``: open items. ``cache_bytes``: frame features kept of each, the largest part of its memory."""

    sessions: int = 8
    cache_bytes: int = 256 * 2**20


@dataclass
class Sitting:
    """A user at an item. ``used``: when last, seconds of the monotonic clock. ``since``: when it was opened, likewise."""

    id: str
    item: StudioItem
    user: str
    live: LiveItem
    used: float
    since: float


class Desk:
    """The open items of a project.

    Args:
        project: whose items.
        model: shared by all; asked one frame at a time.
        limits: how much at once.
        order: in which items are given out.
    """

    def __init__(self, project: Project, model: Model, limits: Limits | None = None, order: Order = "uncertainty") -> None:
        self.project, self.model, self.limits, self.order = project, model, limits or Limits(), order
        self.model_lock = threading.Lock()
        self._sittings: dict[str, Sitting] = {}
        self._lock = threading.RLock()
        self.busy_until = 0.0

    def open(self, item_id: str | None, user: str) -> Sitting:
        """The user at an item, or at the next one.

        Raises:
            Refused: ``unknown_clip``, ``leased``, ``nothing_left``, ``full``, or ``invalid``: no such name for a user.
            SourceError: the item cannot be read.
        """
        if not _USER.fullmatch(user) or not user.strip():
            raise Refused("invalid", "a user's name has 1 to 64 characters")
        with self._lock:
            item = self.project.next_for(user, self.order) if item_id is None else self.project.items.get(item_id)
            if item is None:
                if item_id is None:
                    raise Refused("nothing_left", "every item has been decided, or is with somebody else")
                raise Refused("unknown_clip", "there is no such item")
            self._leased(item, user)
            there = next((each for each in self._sittings.values() if each.item.id == item.id and each.user == user), None)
            if there is not None:
                there.used = time.monotonic()
                return there
            self._make_room()
            live = self._opened(item, user)
            now = time.monotonic()
            sitting = Sitting(secrets.token_hex(16), item, user, live, now, now)
            self._sittings[sitting.id] = sitting
        threading.Thread(target=live.warm, daemon=True, name="studio-warm").start()
        return sitting

    def at(self, session_id: str) -> Sitting:
        """An open session; its lease begins anew.

        Raises:
            Refused: ``unknown_session``, or ``leased``: somebody else has taken the item since.
        """
        sitting = self._sittings.get(session_id)
        if sitting is None:
            raise Refused("unknown_session", "this session is closed; open the item again: everything is there")
        self._leased(sitting.item, sitting.user)
        sitting.used = time.monotonic()
        return sitting

    def working(self) -> None:
        """Says that somebody waits for an answer: drafting pauses for a while."""
        self.busy_until = time.monotonic() + 20.0

    def attend(self, sitting: Sitting, sign: str) -> None:
        """Notes a sign of attention, one of :data:`echoseg.annotate.cost.SIGNS`: time in a tab that nobody sees does not count."""
        if sign not in SIGNS:
            raise Refused("invalid", f"{sign!r} is none of {', '.join(SIGNS)}")
        self.project.log.append(sitting.item.id, sitting.user, sign, {})

    @property
    def busy(self) -> bool:
        return time.monotonic() < self.busy_until

    @property
    def count(self) -> int:
        return len(self._sittings)

    def close(self, session_id: str) -> None:
        """Gives an item back; nothing is lost."""
        with self._lock:
            sitting = self._sittings.pop(session_id, None)
        if sitting is not None:
            sitting.live.close()
            self.project.log.release(sitting.item.id, sitting.user)

    def close_all(self) -> None:
        for session_id in list(self._sittings):
            self.close(session_id)

    def decide(self, sitting: Sitting, sequence: int, body: Mapping[str, Any]) -> bool:
        """Notes a decision, and of an accepted item writes the label; the item is given back. False when that had been done already.

        Raises:
            Refused: as of :meth:`echoseg.annotate.live.LiveItem.decide`.
            OutputError: the label cannot be written; then nothing is noted either.
        """
        live = sitting.live
        live.stop()
        noted = {**body, "open_s": round(time.monotonic() - sitting.since, 1), "model": self.model.name}
        noted["weights_sha256"] = live.looking.model.weights.sha256
        if body["decision"] == "accept" and any(mask.bbox for mask in live.state.masks.values()) and sequence == live.history.sequence + 1:
            write_label(self.project, sitting.item, live, sitting.user, noted)
        done = live.decide(sitting.user, sequence, noted)
        self.project.log.release(sitting.item.id, sitting.user)
        return done

    def _leased(self, item: StudioItem, user: str) -> None:
        held = self.project.log.lease(item.id, user, LEASE_S)
        if held is not None:
            by, until = held
            raise Refused("leased", f"{by} is working on this item", by=by, until_s=max(0, round(until - time.time())))

    def _make_room(self) -> None:
        """Closes sessions whose lease has ended."""
        now = time.monotonic()
        for sitting in [each for each in self._sittings.values() if now - each.used > LEASE_S]:
            self.close(sitting.id)
        if len(self._sittings) >= self.limits.sessions:
            raise Refused("full", f"{len(self._sittings)} items are open, as many as this server allows; try again in a minute")

    def _opened(self, item: StudioItem, user: str) -> LiveItem:
        source = open_source(item.location, **item.opening)
        try:
            live = LiveItem(self.project.log, item.id, self._looking(source), self._measuring(source, item))
            self.project.log.append(item.id, user, "opened", {"kind": source.kind, "model": self.model.name})
        except BaseException:
            source.close()
            raise
        return live

    def _looking(self, source: Source) -> Looking:
        model = self.model if source.ultrasound() else self.model.for_volumes
        return Looking(source, model, self.model_lock, self.limits.cache_bytes)

    def _measuring(self, source: Source, item: StudioItem) -> Measuring:
        from echoseg.model.view_net import seen_view

        model = self.model if source.ultrasound() else self.model.for_volumes
        seen = None if item.item.view is not None else seen_view(source, self.model.config.view_net)
        return Measuring(source, model, item.item.view, seen)
