"""The clips that a reader should look at first, and where their pictures lie."""

from __future__ import annotations

import heapq
from pathlib import Path

from echoseg.archive.jobs import Job
from echoseg.archive.ledger import Ledger, Result
from echoseg.archive.source import ArchiveSource
from echoseg.record.quality import Quality

REVIEWED = 12
"""How many of the worst clips get pictures for the report."""


def drawing_jobs(ledger: Ledger, source: ArchiveSource, out: Path, count: int) -> list[Job]:
    """Jobs that draw the worst clips which have no pictures yet."""
    worst = heapq.nsmallest(count, (each for each in ledger.results() if each.result.clip["kind"] == "clip"), key=badness)
    return [source.job("draw", 0, each.item, each.key) for each in worst if pictures(out, each.key) is None]


def badness(result: Result) -> tuple[int, float, str]:
    """Orders results: the worst quality first, in it the lowest predicted IoU."""
    clip = result.result.clip
    return -Quality(clip["quality"]).rank, clip["mean_iou_score"] or 0.0, result.item.path


def pictures(out: Path, key: str) -> Path | None:
    """The folder of a clip's files, if they were written."""
    return next((path.parent for folder in ("clips", "review") for path in sorted((out / folder / key).glob("*/report.html"))), None)
