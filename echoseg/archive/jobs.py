"""What passes between the foreman and a worker: a job there, an answer back; and the engine that carries it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from echoseg.archive.item import Item

Category = Literal["input", "unexpected", "crash", "memory", "hang", "changed", "gone"]
"""Why an item failed: its content; an error nobody expected; the process died; too much memory; the time limit; its file changed while it
was read; or, of one that is done, its file is no longer there."""

Trouble = Literal["disk full", "output", "source lost"]
"""What is wrong with the whole run, not with the item: the run stops and can be resumed."""


What = Literal["identify", "process", "draw"]


@dataclass(frozen=True)
class Job:
    """Something to do with one item.

    Attributes:
        what: ``identify`` gives the key of the item's content, ``process`` its result, ``draw`` writes its pictures.
        number: of the item in the ledger.
        item: what the source says of it. ``location``: path or address to open.
        key: from ``identify``; empty before.
    """

    what: What
    number: int
    item: Item
    location: str
    key: str = ""


@dataclass(frozen=True)
class ClipResult:
    """What is known of one clip: plain JSON values.

    Attributes:
        clip: a row of clips.parquet, without what only the ledger knows.
        beats: rows of beats.parquet, likewise.
        shapes: what a biplane measurement needs of the clip, see :mod:`echoseg.archive.shapes`; or None.
    """

    clip: Mapping[str, Any]
    beats: Sequence[Mapping[str, Any]] = ()
    shapes: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Ready:
    """A worker has loaded its model. ``fingerprint``: code, weights and versions that decide its results."""

    fingerprint: Mapping[str, Any]


@dataclass(frozen=True)
class Identified:
    """``key``: equal for items that must have equal results."""

    key: str


@dataclass(frozen=True)
class Finished:
    """The result of ``process``; None of ``draw``. ``seconds``: the worker's time for it."""

    result: ClipResult | None
    seconds: float = 0.0


@dataclass(frozen=True)
class Failed:
    """The item failed. ``reason`` says what, where and what to do."""

    category: Category
    reason: str


@dataclass(frozen=True)
class Blocked:
    """The run cannot go on; the item is not to blame."""

    trouble: Trouble
    reason: str


@dataclass(frozen=True)
class Died:
    """The worker is gone, and with it what it was doing. ``starting``: before it was ready."""

    reason: str
    category: Category = "crash"
    starting: bool = False


Answer = Ready | Identified | Finished | Failed | Blocked | Died


@dataclass(frozen=True)
class Event:
    """An answer and the slot it came from."""

    slot: int
    answer: Answer = field()


class Engine(Protocol):
    """Whatever does the work, worker processes here or Ray actors elsewhere: slots, each with a worker that does one job at a time.

    A worker that dies is replaced by itself. Its slot answers :class:`Ready` once its model is loaded, and takes no
    job before.
    """

    name: str
    slots: int

    def submit(self, slot: int, job: Job) -> None:
        """Gives a job to a ready slot that has none."""

    def poll(self, seconds: float) -> Sequence[Event]:
        """What happened since the last call; waits up to ``seconds`` for something to happen."""

    def kill(self, slot: int) -> None:
        """Ends the worker of a slot at once; no answer comes of its job, and it is replaced."""

    def close(self) -> None:
        """Ends all workers."""
