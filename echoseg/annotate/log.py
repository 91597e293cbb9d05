"""The event log of a project: one SQLite file that is only ever added to, and the leases that keep one item from two people.

Everything that a person does is in it before the answer leaves, so that undo, restart, labels and costs come from one place.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from echoseg.annotate.frame_mask import FrameMask
from echoseg.errors import OutputError

_SCHEMA = """
CREATE TABLE IF NOT EXISTS events (
    id INTEGER PRIMARY KEY AUTOINCREMENT, item TEXT NOT NULL, at REAL NOT NULL, user TEXT NOT NULL, kind TEXT NOT NULL,
    body TEXT NOT NULL, masks BLOB);
CREATE INDEX IF NOT EXISTS events_of_item ON events (item, id);
CREATE INDEX IF NOT EXISTS events_of_kind ON events (kind, id);
CREATE TRIGGER IF NOT EXISTS events_stay BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, 'events are only added'); END;
CREATE TRIGGER IF NOT EXISTS events_last BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'events are only added'); END;
CREATE TABLE IF NOT EXISTS leases (item TEXT PRIMARY KEY, user TEXT NOT NULL, until REAL NOT NULL);
"""
VERSION = 1


@dataclass(frozen=True)
class Event:
    """Something that happened to an item.

    Attributes:
        id: ascending over the whole log.
        item, user: whose. ``at``: seconds since 1970.
        kind: such as ``prompt`` or ``decision``, see :mod:`echoseg.annotate.history`.
        body: plain JSON values.
        masks: what came of it.
    """

    id: int
    item: str
    at: float
    user: str
    kind: str
    body: Mapping[str, Any] = field(default_factory=dict)
    masks: tuple[FrameMask, ...] = ()


class EventLog:
    """Opens or makes the log at ``path``. May be used from many threads, and by several processes at once.

    Raises:
        OutputError: not such a log, of a later version, or not to be written to.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        try:
            self._db = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")  # an answer means that it is on disk
            found = self._db.execute("PRAGMA user_version").fetchone()[0]
            if found > VERSION:
                raise OutputError(f"{path.name}: was written by a later version of echoseg; update echoseg, or use another project folder")
            self._db.executescript(_SCHEMA)
            self._db.execute(f"PRAGMA user_version={VERSION}")
        except sqlite3.Error as error:
            raise OutputError(f"{path.name}: the project's event log cannot be opened ({error}); check the folder's rights") from error

    def append(self, item: str, user: str, kind: str, body: Mapping[str, Any], masks: Sequence[FrameMask] = ()) -> Event:
        """Adds an event; it is on disk when this returns.

        Raises:
            OutputError: the disk is full, or the file cannot be written.
        """
        at = time.time()
        packed = zlib.compress(json.dumps([mask.row() for mask in masks]).encode(), 3) if masks else None
        text = json.dumps(dict(body), ensure_ascii=False, allow_nan=False)
        with self._writing() as db:
            made = db.execute(
                "INSERT INTO events (item, at, user, kind, body, masks) VALUES (?, ?, ?, ?, ?, ?)", (item, at, user, kind, text, packed)
            )
        return Event(int(made.lastrowid or 0), item, at, user, kind, json.loads(text), tuple(masks))

    def of(self, item: str) -> list[Event]:
        """All events of an item, in order."""
        with self._lock:
            rows = self._db.execute(
                "SELECT id, item, at, user, kind, body, masks FROM events WHERE item = ? ORDER BY id", (item,)
            ).fetchall()
        return [_event(row) for row in rows]

    def of_kinds(self, kinds: Iterable[str], after: int = 0) -> list[Event]:
        """Events of some kinds after the event ``after``, without their masks, in order."""
        wanted = tuple(kinds)
        marks = ", ".join("?" * len(wanted))
        with self._lock:
            rows = self._db.execute(
                f"SELECT id, item, at, user, kind, body, NULL FROM events WHERE kind IN ({marks}) AND id > ? ORDER BY id", (*wanted, after)
            ).fetchall()
        return [_event(row) for row in rows]

    def lease(self, item: str, user: str, seconds: float) -> tuple[str, float] | None:
        """Gives the item to ``user`` for so long, or lengthens their lease; whoever has it, and until when, if another does."""
        now = time.time()
        with self._writing() as db:
            held = db.execute("SELECT user, until FROM leases WHERE item = ?", (item,)).fetchone()
            if held is not None and held[0] != user and held[1] > now:
                return str(held[0]), float(held[1])
            db.execute("INSERT OR REPLACE INTO leases (item, user, until) VALUES (?, ?, ?)", (item, user, now + seconds))
        return None

    def release(self, item: str, user: str) -> None:
        """Ends a lease of ``user``; nothing where another has it."""
        with self._writing() as db:
            db.execute("DELETE FROM leases WHERE item = ? AND user = ?", (item, user))

    def leases(self) -> dict[str, str]:
        """``{item: user}`` of those that last."""
        with self._lock:
            return dict(self._db.execute("SELECT item, user FROM leases WHERE until > ?", (time.time(),)).fetchall())

    def close(self) -> None:
        with self._lock:
            self._db.close()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                try:
                    yield self._db
                except BaseException:
                    self._db.execute("ROLLBACK")
                    raise
                self._db.execute("COMMIT")
            except sqlite3.Error as error:
                raise OutputError(f"{self.path.name}: the event log cannot be written ({error}); check disk space") from error


def _event(row: tuple[Any, ...]) -> Event:
    number, item, at, user, kind, body, packed = row
    masks = () if packed is None else tuple(map(FrameMask.stored, json.loads(zlib.decompress(packed))))
    return Event(number, item, at, user, kind, json.loads(body), masks)
