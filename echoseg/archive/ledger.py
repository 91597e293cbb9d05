"""The ledger: every item of an archive, its state and its result, in one SQLite file that survives a kill at any moment.

Only the foreman writes. A result is stored in the transaction that makes its item done, so that there is never one without the other.
Journal mode and synchronisation are the safe ones (rollback journal, full): the file may lie on a network drive, and power may fail.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from echoseg.archive.item import Item
from echoseg.archive.jobs import Category, ClipResult
from echoseg.errors import ArchiveError, OutputError
from echoseg.io.names import printable

NAME = "ledger.sqlite"
VERSION = 2
_WAIT_S = 60.0  # a reader (status, export) holds the file for moments
_SCHEMA = f"""
CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL);
INSERT INTO about VALUES ('version', '{VERSION}');
CREATE TABLE runs (run INTEGER PRIMARY KEY, engine TEXT NOT NULL, workers INTEGER NOT NULL, started REAL NOT NULL, ended REAL,
    stopped TEXT);
CREATE TABLE items (number INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, facts TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'running', 'done', 'failed')),
    attempts INTEGER NOT NULL DEFAULT 0, category TEXT, reason TEXT, key TEXT, run INTEGER, started REAL, seconds REAL);
CREATE INDEX next_items ON items (state, attempts, number);
CREATE INDEX copies ON items (key, state, path);
CREATE TABLE results (key TEXT PRIMARY KEY, clip TEXT NOT NULL, beats TEXT NOT NULL, shapes TEXT);
"""
_LEFT_OUT = "CREATE TABLE IF NOT EXISTS left_out (path TEXT PRIMARY KEY, reason TEXT NOT NULL)"
_RESULTS_PAGE = """
SELECT r.key, i.path, i.facts, (SELECT count(*) - 1 FROM items c WHERE c.key = i.key AND c.state = 'done'), r.clip, r.beats, r.shapes
FROM items i JOIN results r ON r.key = i.key
WHERE i.state = 'done' AND i.path > CAST(? AS TEXT) AND i.path = (SELECT min(c.path) FROM items c WHERE c.key = i.key AND c.state = 'done')
ORDER BY i.path LIMIT 1000"""


_TABLES = {"about", "runs", "items", "results"}
_GONE = "its file is no longer there; the result is kept"


class Claim(NamedTuple):
    """An item to work on."""

    number: int
    item: Item
    attempts: int


class Result(NamedTuple):
    """One result, under the first (by path) of the items that share it. ``copies``: how many more there are."""

    key: str
    item: Item
    copies: int
    result: ClipResult


class Failure(NamedTuple):
    """A failed item."""

    path: str
    category: str
    reason: str
    attempts: int


class RunRow(NamedTuple):
    """One run. Times in Unix seconds; a killed run ended when its last item began, as far as is known. ``done``: items that it finished,
    ``seconds``: its workers' time for them. ``stopped``: why it ended early."""

    engine: str
    workers: int
    started: float
    ended: float
    done: int
    seconds: float
    stopped: str | None


class Ledger:
    """See the module. Open it with :func:`open_ledger`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything in the block is stored at its end, or nothing.

        Raises:
            OutputError: the file cannot be written: disk full, or the drive is gone.
        """
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise OutputError(
                f"the ledger cannot be written ({error}); free the disk or mount the drive, then give the same command"
            ) from error

    def config(self) -> dict[str, Any] | None:
        """What decides the results in this ledger; None before the first run."""
        row = self._db.execute("SELECT value FROM about WHERE name = 'config'").fetchone()
        return None if row is None else dict(json.loads(row[0]))

    def set_config(self, config: Mapping[str, Any]) -> None:
        """Notes ``config``; results under another one go, and their items are pending again."""
        self._db.execute("DELETE FROM results")
        self._db.execute("UPDATE items SET state = 'pending', attempts = 0, category = NULL, reason = NULL, key = NULL, seconds = NULL")
        self._db.execute("INSERT OR REPLACE INTO about VALUES ('config', ?)", (json.dumps(config, sort_keys=True),))

    def note(self, name: str) -> str | None:
        """A note on the whole archive; None when there is none."""
        row = self._db.execute("SELECT value FROM about WHERE name = ?", (f"note {name}",)).fetchone()
        return None if row is None else str(row[0])

    def set_note(self, name: str, value: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO about VALUES (?, ?)", (f"note {name}", value))

    def forget_items(self) -> None:
        """Removes every item; results stay, and are found again by content."""
        self._db.execute("DELETE FROM items")
        self._db.execute("DELETE FROM left_out")

    def start_run(self, engine: str, workers: int) -> int:
        """Notes a run; what a dead one held is pending again."""
        self._db.execute("UPDATE items SET state = 'pending' WHERE state = 'running'")
        row = (engine, workers, time.time())
        return int(self._db.execute("INSERT INTO runs (engine, workers, started) VALUES (?, ?, ?)", row).lastrowid or 0)

    def end_run(self, run: int, stopped: str | None) -> None:
        """Notes the end of a run and why it stopped early, if it did; what it still held is pending again."""
        self._db.execute("UPDATE items SET state = 'pending' WHERE state = 'running'")
        self._db.execute("UPDATE runs SET ended = ?, stopped = ? WHERE run = ?", (time.time(), stopped, run))

    def add(self, items: Iterable[Item]) -> None:
        """Adds items that are new. One of which the source now says something else is pending again; one that is left out is only noted."""
        items = list(items)
        passed = [(_stored(item.path), item.left_out) for item in items if item.left_out is not None]
        items = [item for item in items if item.left_out is None]
        self._db.executemany("DELETE FROM items WHERE path = CAST(? AS TEXT) AND state != 'running'", ((path,) for path, _ in passed))
        self._db.executemany("INSERT OR REPLACE INTO left_out VALUES (CAST(? AS TEXT), ?)", passed)
        self._db.executemany("DELETE FROM left_out WHERE path = CAST(? AS TEXT)", ((_stored(item.path),) for item in items))
        self._db.executemany(
            "INSERT INTO items (path, facts) VALUES (CAST(? AS TEXT), ?) "
            "ON CONFLICT (path) DO UPDATE SET facts = excluded.facts, state = 'pending', "
            "attempts = 0, category = NULL, reason = NULL, key = NULL WHERE facts != excluded.facts AND state != 'running' "
            # What failed for good stays so until it is retried, whatever became of its file.
            "AND (state != 'failed' OR category = 'changed' OR json_remove(facts, '$.stamp') != json_remove(excluded.facts, '$.stamp'))",
            ((_stored(item.path), item.facts()) for item in items),
        )
        self._db.executemany("INSERT OR IGNORE INTO temp.found VALUES (CAST(? AS TEXT))", ((_stored(item.path),) for item in items))

    def note_gone(self) -> None:
        """Items that are done keep their result where their file was not found by this connection, which has found all there are; it is
        noted with them, as failures are."""
        if self._db.execute("SELECT 1 FROM temp.found").fetchone() is None:  # an empty mount point
            return
        present = "(SELECT path FROM temp.found)"
        self._db.execute(f"UPDATE items SET category = NULL, reason = NULL WHERE category = 'gone' AND path IN {present}")
        self._db.execute(
            f"UPDATE items SET category = 'gone', reason = ? WHERE state = 'done' AND category IS NULL AND path NOT IN {present}", (_GONE,)
        )

    def claim(self, run: int) -> Claim | None:
        """The next pending item, now running; items that have failed before come last."""
        query = "SELECT number, path, facts, attempts FROM items WHERE state = 'pending' ORDER BY attempts, number LIMIT 1"
        row = self._db.execute(query).fetchone()
        if row is None:
            return None
        self._db.execute("UPDATE items SET state = 'running', run = ?, started = ? WHERE number = ?", (run, time.time(), row[0]))
        return Claim(row[0], Item.from_facts(row[1], row[2]), row[3])

    def release(self, number: int) -> None:
        """The item is pending again, as if it had not been claimed."""
        self._db.execute("UPDATE items SET state = 'pending' WHERE number = ?", (number,))

    def has_result(self, key: str) -> bool:
        return self._db.execute("SELECT 1 FROM results WHERE key = ?", (key,)).fetchone() is not None

    def finish(self, number: int, key: str, result: ClipResult | None, seconds: float) -> None:
        """The item is done. ``result``: None when the key has one already."""
        if result is not None:
            shapes = None if result.shapes is None else json.dumps(result.shapes)
            row = (key, json.dumps(result.clip, allow_nan=False), json.dumps(result.beats, allow_nan=False), shapes)
            self._db.execute("INSERT OR REPLACE INTO results VALUES (?, ?, ?, ?)", row)
        self._db.execute(
            "UPDATE items SET state = 'done', key = ?, seconds = ?, category = NULL, reason = NULL WHERE number = ?", (key, seconds, number)
        )

    def fail(self, number: int, category: Category, reason: str, *, final: bool) -> None:
        """The item failed once more; unless ``final`` it is pending again."""
        self._db.execute(
            "UPDATE items SET state = ?, attempts = attempts + 1, category = ?, reason = ? WHERE number = ?",
            ("failed" if final else "pending", category, printable(reason), number),
        )

    def retry(self, category: str | None = None) -> int:
        """Failed items, all or those of one category, are pending again; gives how many."""
        where, values = ("", ()) if category is None else (" AND category = ?", (category,))
        changed = self._db.execute(f"UPDATE items SET state = 'pending', attempts = 0 WHERE state = 'failed'{where}", values)
        return changed.rowcount

    def counts(self) -> dict[str, int]:
        """Items by state, every state named."""
        found = dict(self._db.execute("SELECT state, count(*) FROM items GROUP BY state"))
        return {state: found.get(state, 0) for state in ("pending", "running", "done", "failed")}

    def running(self) -> list[tuple[int, float]]:
        """Number and start (Unix time) of the items in flight."""
        return list(self._db.execute("SELECT number, started FROM items WHERE state = 'running' ORDER BY number"))

    def failures(self) -> Iterator[Failure]:
        """By path."""
        query = "SELECT path, category, reason, attempts FROM items WHERE state = 'failed' OR category = 'gone' ORDER BY path"
        return (Failure(*row) for row in self._db.execute(query))

    def failure_counts(self) -> list[tuple[str, int]]:
        """Failed items by category, most first."""
        query = "SELECT category, count(*) FROM items WHERE state = 'failed' OR category = 'gone' GROUP BY category"
        return list(self._db.execute(f"{query} ORDER BY count(*) DESC, category"))

    def left_out(self) -> Iterator[tuple[str, str]]:
        """Path and reason of what was found and is no item to work on, by path."""
        return iter(self._db.execute("SELECT path, reason FROM left_out ORDER BY path").fetchall())

    def left_out_counts(self) -> list[tuple[str, int]]:
        """How many were left out, by reason, most first."""
        return list(self._db.execute("SELECT reason, count(*) FROM left_out GROUP BY reason ORDER BY count(*) DESC, reason"))

    def results(self) -> Iterator[Result]:
        """Every result, by path of its first item."""
        # In pages, each read at once: a reader that lingers would keep the run from writing.
        last = ""
        while page := self._db.execute(_RESULTS_PAGE, (_stored(last),)).fetchall():
            for key, path, facts, copies, clip, beats, shapes in page:
                found = ClipResult(json.loads(clip), json.loads(beats), None if shapes is None else json.loads(shapes))
                yield Result(key, Item.from_facts(path, facts), copies, found)
            last = page[-1][1]

    def shapes(self, key: str) -> dict[str, Any]:
        """The shapes of the result with that key, which has some."""
        return dict(json.loads(self._db.execute("SELECT shapes FROM results WHERE key = ?", (key,)).fetchone()[0]))

    def runs(self) -> list[RunRow]:
        """Every run, the first one first."""
        query = """
            SELECT r.engine, r.workers, r.started, coalesce(r.ended, max(i.started), r.started), count(i.number),
            coalesce(sum(i.seconds), 0), CASE WHEN r.ended IS NULL THEN 'killed' ELSE r.stopped END
            FROM runs r LEFT JOIN items i ON i.run = r.run AND i.state = 'done' GROUP BY r.run ORDER BY r.run"""
        return [RunRow(*row) for row in self._db.execute(query)]

    def seconds(self) -> Sequence[float]:
        """The time a worker took, of every item that was processed."""
        return [row[0] for row in self._db.execute("SELECT seconds FROM items WHERE state = 'done' AND seconds > 0 ORDER BY path")]


def _stored(path: str) -> bytes:
    """A path as its bytes: file names need not be UTF-8."""
    return path.encode("utf-8", "surrogateescape")


@contextmanager
def open_ledger(folder: Path, *, create: bool = False) -> Iterator[Ledger]:
    """The ledger in ``folder``; with ``create`` a new one is made where there is none.

    Raises:
        ArchiveError: there is none, it is not one, or of another version.
        OutputError: it cannot be made.
    """
    path = folder / NAME
    new = not os.path.lexists(path)
    if not new and not path.is_file():
        raise ArchiveError(f"{path}: is no regular file, and so no ledger; use another --out")
    if new and not create:
        raise ArchiveError(f"{folder}: no archive run has been here (no {NAME}); give the --out of one")
    try:
        with closing(sqlite3.connect(path, timeout=_WAIT_S, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = TRUNCATE")
            connection.execute("PRAGMA synchronous = FULL")
            connection.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
            ledger = Ledger(connection)
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if tables and not tables >= _TABLES:
                raise ArchiveError(f"{path}: is the database of another program, and no ledger; use another --out")
            if not tables:
                if not create:  # a run is just making it
                    raise ArchiveError(f"{folder}: the archive run there has not begun; try again in a moment")
                with ledger.transaction():
                    for statement in _SCHEMA.split(";"):
                        connection.execute(statement)
            noted = connection.execute("SELECT value FROM about WHERE name = 'version'").fetchone()
            version = noted[0] if noted else "unknown"
            if version != str(VERSION):
                raise ArchiveError(f"{path}: a ledger of version {version}, and this echoseg reads version {VERSION}; use another --out")
            if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'left_out'").fetchone():
                with ledger.transaction():
                    connection.execute(_LEFT_OUT)
            connection.execute("CREATE TEMP TABLE found (path TEXT PRIMARY KEY)")
            yield ledger
    except sqlite3.DatabaseError as error:
        raise ArchiveError(f"{path}: cannot be used as a ledger ({error}); check the drive, or use another --out") from error
