"""How far an archive run is, read from its ledger while it runs."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from echoseg.archive.ledger import open_ledger

_HOUR_S = 3600.0


@dataclass(frozen=True)
class ArchiveStatus:
    """State of a run.

    Attributes:
        counts: items by state. ``failures``: failed items by category.
        alive: a run works on the archive now.
        clips_per_hour: of the last run, None before its first clip. ``hours_left``: at that pace, for the items found so far.
        in_flight: number of an item and the seconds since it was begun.
        left_out: what was found and is no item.
    """

    counts: Mapping[str, int]
    failures: Sequence[tuple[str, int]]
    alive: bool
    clips_per_hour: float | None
    hours_left: float
    in_flight: Sequence[tuple[int, float]]
    left_out: int = 0


def archive_status(out: Path) -> ArchiveStatus:
    """The state of the run in ``out``.

    Raises:
        ArchiveError: there is none.
    """
    with open_ledger(out) as ledger:
        counts, runs, now, alive = ledger.counts(), ledger.runs(), time.time(), _alive(out)
        pace = None
        if runs and runs[-1].done:
            pace = runs[-1].done / max((now if alive else runs[-1].ended) - runs[-1].started, 1.0) * _HOUR_S
        left = (counts["pending"] + counts["running"]) / pace if pace else 0.0
        flying = [(number, now - started) for number, started in ledger.running()] if alive else []
        left_out = sum(count for _, count in ledger.left_out_counts())
        return ArchiveStatus(counts, ledger.failure_counts(), alive, pace, left, flying, left_out)


def _alive(out: Path) -> bool:
    try:
        with FileLock(out / ".lock", timeout=0):
            return False
    except Timeout:
        return True
