"""The foreman: takes items from the ledger, gives them to an engine, and notes what becomes of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from echoseg.archive.discovery import Discovery
from echoseg.archive.drive import Place, is_gone, place_of
from echoseg.archive.item import Item
from echoseg.archive.jobs import Answer, Blocked, Category, Died, Engine, Failed, Finished, Identified, Job, Ready
from echoseg.archive.ledger import Claim, Ledger
from echoseg.archive.source import ArchiveSource
from echoseg.errors import ArchiveError, EchosegError

Progress = Callable[[int, "int | None"], None]
"""Called with the items done in this run and those it has to do (None until all are found)."""

_POLL_S = 0.5
_COUNT_EVERY_S = 2.0  # counting a million items takes a while
_STARTS = 3
_LOST_IN_A_ROW = 3


@dataclass(frozen=True)
class Policy:
    """What is done about failures.

    Attributes:
        attempts: how often an item is tried whose worker died, hung, ran out of memory or met an unexpected error. An item whose content
            is at fault is tried once.
        time_limit_s: for one item.
    """

    attempts: int = 2
    time_limit_s: float = 900.0


@dataclass
class _Held:
    claim: Claim
    job: Job
    deadline: float


@dataclass
class Foreman:
    """One run over an archive.

    Attributes:
        run: number of the run in the ledger.
        check: is given the fingerprint of every worker before that works; raises ArchiveError when its results would not fit the others.
        stop: set it to a reason, and the run ends at once; what is in flight is pending again.
    """

    ledger: Ledger
    engine: Engine
    source: ArchiveSource
    policy: Policy
    run: int
    check: Callable[[Mapping[str, Any]], None]
    progress: Progress | None = None
    stop: str | None = None
    _ready: set[int] = field(default_factory=set)
    _held: dict[int, _Held] = field(default_factory=dict)
    _copies: dict[str, list[Claim]] = field(default_factory=dict)
    _orders: list[tuple[int, Job]] = field(default_factory=list)
    _changed: list[Item] = field(default_factory=list)
    _checked: bool = False
    _failed_starts: int = 0
    _lost_in_a_row: int = 0
    _last_read: Place | None = None
    _done: int = 0
    _counted: float = 0.0

    def work(self) -> None:
        """Works until every item is done or failed, or the run is stopped.

        Raises:
            ArchiveError: workers do not start, or would give other results.
            OutputError: the ledger cannot be written.
        """
        discovery = Discovery(self.source.found)
        try:
            while self.stop is None:
                events = self.engine.poll(_POLL_S if self._busy() or discovery.finished else 0.01)
                with self.ledger.transaction():
                    self._discover(discovery)
                    for event in events:
                        self._handle(event.slot, event.answer)
                    self._end_overdue()
                    self._add_changed()
                    self._fill()
                self._send()
                self._tell(discovery.finished)
                if discovery.finished and not self._held and self._all_done():
                    with self.ledger.transaction():
                        self.ledger.note_gone()
                    return
        finally:
            discovery.close()

    def _all_done(self) -> bool:
        """Nothing is pending; results that were there already hold only once a worker has said what it would compute."""
        counts = self.ledger.counts()
        return counts["pending"] == 0 and (self._checked or counts["done"] == 0)

    def draw(self, jobs: list[Job]) -> None:
        """Has pictures drawn; one that fails is left out: its item has its result."""
        while (jobs or self._held) and self.stop is None:
            for slot in sorted(self._ready - set(self._held))[: len(jobs)]:
                self._order(slot, Claim(jobs[0].number, jobs[0].item, 0), jobs.pop(0))
            self._send()
            for event in self.engine.poll(_POLL_S):
                if isinstance(event.answer, Ready):
                    self._is_ready(event.slot, event.answer)
                    continue
                self._held.pop(event.slot, None)
                if isinstance(event.answer, Died):
                    self._has_died(event.slot, event.answer)
            for slot in self._overdue():
                del self._held[slot]
                self._kill(slot)

    def _busy(self) -> bool:
        return len(self._held) == self.engine.slots or not self._ready

    def _discover(self, discovery: Discovery) -> None:
        try:
            found = discovery.take()
        except EchosegError as error:
            self.stop = str(error)
            return
        self.ledger.add(found)
        if found:
            known = {claim.item.path: claim.item for claim in self._in_flight()}
            self._changed += [item for item in found if known.get(item.path, item) != item]

    def _add_changed(self) -> None:
        """Items that the source describes differently from what is in flight are done again once that is back."""
        if self._changed:
            self.ledger.add(self._changed)
            held = {claim.item.path for claim in self._in_flight()}
            self._changed = [item for item in self._changed if item.path in held]

    def _in_flight(self) -> Iterator[Claim]:
        yield from (held.claim for held in self._held.values())
        yield from (claim for claims in self._copies.values() for claim in claims)

    def _handle(self, slot: int, answer: Answer) -> None:
        if isinstance(answer, Ready):
            self._is_ready(slot, answer)
            return
        held = self._held.pop(slot, None)
        if isinstance(answer, Died):
            self._has_died(slot, answer)
        if held is None:
            return
        if isinstance(answer, Identified):
            self._identified(slot, held, answer.key)
        elif isinstance(answer, Finished):
            self._finished(held, answer)
        elif isinstance(answer, Blocked):
            self._blocked(held, answer)
        elif isinstance(answer, Failed):
            self._failed(slot, held, answer)
        else:
            self._fail(held, answer.category, f"{held.claim.item.path}: {answer.reason}")

    def _is_ready(self, slot: int, answer: Ready) -> None:
        self.check(answer.fingerprint)
        self._checked = True
        self._ready.add(slot)
        self._failed_starts = 0

    def _has_died(self, slot: int, answer: Died) -> None:
        self._ready.discard(slot)
        self._failed_starts += answer.starting
        if self._failed_starts >= _STARTS * self.engine.slots:
            raise ArchiveError(f"workers do not start: {answer.reason}. Try `echoseg run` on one clip; fewer workers need less memory")

    def _identified(self, slot: int, held: _Held, key: str) -> None:
        self._last_read = place_of(held.job.location) or self._last_read
        if self.ledger.has_result(key):
            self.ledger.finish(held.claim.number, key, None, 0.0)
            self._done += 1
        elif key in self._copies:  # in flight: this one shares its fate
            self._copies[key].append(held.claim)
        else:
            self._copies[key] = []
            self._order(slot, held.claim, replace(held.job, what="process", key=key), held.deadline)

    def _finished(self, held: _Held, answer: Finished) -> None:
        self._lost_in_a_row = 0
        key = held.job.key
        self.ledger.finish(held.claim.number, key, answer.result, answer.seconds)
        copies = self._copies.pop(key)
        for claim in copies:
            self.ledger.finish(claim.number, key, None, 0.0)
        self._done += 1 + len(copies)

    def _blocked(self, held: _Held, answer: Blocked) -> None:
        """A full disk stops the run; so does a lost drive, but not a file that alone cannot be read."""
        if answer.trouble == "source lost":
            self._lost_in_a_row += 1
            if not self._lost(held) and self._lost_in_a_row < _LOST_IN_A_ROW:
                self._fail(held, "input", answer.reason, retry=True)
                return
        self.stop = f"{answer.trouble}: {answer.reason}"

    def _failed(self, slot: int, held: _Held, answer: Failed) -> None:
        if answer.category == "memory":
            self._kill(slot)  # what failed to allocate may have left things half done
        if answer.category == "input" and self._lost(held):
            self.stop = f"source lost: {answer.reason}"
            return
        self._lost_in_a_row = 0
        self._fail(held, answer.category, answer.reason)

    def _lost(self, held: _Held) -> bool:
        return self.source.lost(held.job.location) or (self._last_read is not None and is_gone(self._last_read))

    def _fail(self, held: _Held, category: Category, reason: str, *, retry: bool | None = None) -> None:
        retry = category not in ("input", "changed") if retry is None else retry
        final = not retry or held.claim.attempts + 1 >= self.policy.attempts
        self.ledger.fail(held.claim.number, category, reason, final=final)
        self._done += final
        for claim in self._copies.pop(held.job.key, []):
            self.ledger.release(claim.number)

    def _overdue(self) -> list[int]:
        now = time.monotonic()
        return [slot for slot, held in self._held.items() if held.deadline < now]

    def _end_overdue(self) -> None:
        for slot in self._overdue():
            held = self._held.pop(slot)
            self._kill(slot)
            limit = f"{self.policy.time_limit_s:g} s"
            self._fail(held, "hang", f"{held.claim.item.path}: not done within {limit}; give more with --time-limit")

    def _kill(self, slot: int) -> None:
        self._ready.discard(slot)
        self.engine.kill(slot)

    def _fill(self) -> None:
        if self.stop is not None:
            return
        for slot in sorted(self._ready - set(self._held)):
            claim = self.ledger.claim(self.run)
            if claim is None:
                return
            self._order(slot, claim, self.source.job("identify", claim.number, claim.item))

    def _order(self, slot: int, claim: Claim, job: Job, deadline: float | None = None) -> None:
        self._held[slot] = _Held(claim, job, time.monotonic() + self.policy.time_limit_s if deadline is None else deadline)
        self._orders.append((slot, job))

    def _send(self) -> None:
        """Gives out the orders once the ledger has them."""
        for slot, job in self._orders:
            self.engine.submit(slot, job)
        self._orders.clear()

    def _tell(self, all_found: bool) -> None:
        now = time.monotonic()
        if self.progress is not None and now - self._counted > _COUNT_EVERY_S:
            self._counted = now
            left = self.ledger.counts()
            self.progress(self._done, self._done + left["pending"] + left["running"] if all_found else None)
