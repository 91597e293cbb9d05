"""report.html of an archive: what came out, how good it is, what failed and why, how fast it went. It names no path but of pictures."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from importlib.resources import files
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import quote

import numpy as np
import pyarrow.parquet as pq
from jinja2 import Environment, FunctionLoader, StrictUndefined

from echoseg.archive.charts import ef_agreement, ef_histogram
from echoseg.archive.ledger import Ledger, Result, RunRow, open_ledger
from echoseg.archive.review import badness, pictures
from echoseg.io.atomic import atomic_path
from echoseg.metrics.agreement import differences
from echoseg.record.quality import Quality
from echoseg.report.pages import data_uri

_WORST = 12
_MANY = 12
_HOUR_S = 3600.0
CATEGORIES = {
    "input": "the content is at fault: broken, empty, not a clip, or the prompt does not fit",
    "unexpected": "an error nobody expected: please report it",
    "crash": "the worker process died",
    "memory": "more memory than a worker may use",
    "hang": "not done within the time limit",
    "changed": "the file changed while it was read",
    "gone": "done, and its file is no longer there: the result is kept",
}


@dataclass
class _Cohort:
    """What the report needs of every clip: a few numbers each, so that a million clips fit."""

    clips: int = 0
    copies: int = 0
    moving: int = 0
    beats: int = 0
    qualities: Counter[str] = field(default_factory=Counter)
    flags: Counter[str] = field(default_factory=Counter)
    ef: list[float] = field(default_factory=list)
    ef_quality: list[str] = field(default_factory=list)
    truth: list[float] = field(default_factory=list)
    worst: list[Result] = field(default_factory=list)

    def add(self, result: Result) -> None:
        clip = result.result.clip
        self.clips += 1
        self.copies += result.copies
        self.flags.update(clip["flags"])
        if clip["kind"] != "clip":
            return
        self.moving += 1
        self.beats += bool(clip["complete_beats"])
        self.qualities[clip["quality"]] += 1
        if clip["ef"] is not None:
            self.ef.append(clip["ef"])
            self.ef_quality.append(clip["quality"])
            self.truth.append(np.nan if result.item.ef_truth is None else result.item.ef_truth)


def write_cohort_report(out: Path) -> Path:
    """Writes ``out/report.html`` from the ledger there; also while a run goes on.

    Raises:
        ArchiveError: no archive run has been there.
        OutputError: the page cannot be written.
    """
    with open_ledger(out) as ledger:
        page = cohort_html(ledger, out)
    target = out / "report.html"
    with atomic_path(target) as path:
        path.write_bytes(page.encode("utf-8", "backslashreplace"))
    return target


def cohort_html(ledger: Ledger, out: Path) -> str:
    """The page; links to pictures are relative to ``out``."""
    cohort, results = _Cohort(), ledger.results()
    cohort.worst = heapq.nsmallest(_WORST, _moving(results, cohort), key=badness)
    counts = ledger.counts()
    found, left_out = sum(counts.values()), ledger.left_out_counts()
    accepted = sum(quality == Quality.ACCEPT for quality in cohort.ef_quality)
    rejected = sum(quality == Quality.REJECT for quality in cohort.ef_quality)
    return (
        _environment()
        .get_template("cohort.html")
        .render(
            title=f"Archive of {found:,} items",
            created=datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
            counts=counts,
            cohort=cohort,
            left_out=left_out,
            funnel=[
                *([("files found", found + sum(count for _, count in left_out))] if left_out else []),
                ("items found", found),
                ("processed", counts["done"]),
                ("different contents", cohort.clips),
                ("moving pictures", cohort.moving),
                ("with an EF", len(cohort.ef)),
                ("not rejected", len(cohort.ef) - rejected),
                ("accepted without review", accepted),
            ],
            histogram=data_uri(ef_histogram(np.array(cohort.ef), cohort.ef_quality)) if cohort.ef else None,
            ef_median=median(cohort.ef) if cohort.ef else None,
            flags=cohort.flags.most_common(_MANY),
            failures=[(category, CATEGORIES.get(category, ""), count) for category, count in ledger.failure_counts()],
            agreements=_agreements(cohort, out / "studies.parquet"),
            worst=[_shown(result, out) for result in cohort.worst],
            runs=[_run(run) for run in ledger.runs()],
            seconds=_quantiles(ledger.seconds()),
            config=ledger.config() or {},
        )
    )


def _moving(results: Iterator[Result], cohort: _Cohort) -> Iterator[Result]:
    for result in results:
        cohort.add(result)
        if result.result.clip["kind"] == "clip":
            yield result


def _agreements(cohort: _Cohort, studies: Path) -> dict[str, Any] | None:
    """Agreement of all clips with a truth, of those not rejected, and of the studies where their table is; and a chart of the first."""
    ef, truth = np.array(cohort.ef), np.array(cohort.truth)
    known = np.isfinite(truth)
    everything = differences(ef, truth)
    if everything is None:
        return None
    kept = np.array([quality != Quality.REJECT for quality in cohort.ef_quality])
    rows = [("all clips with an EF", everything), ("clips not rejected", differences(ef[kept], truth[kept]))]
    if studies.is_file():
        biplane = pq.read_table(studies, columns=["ef", "ef_truth"])
        rows.append(("biplane, by study", differences(*(np.array(biplane[name].to_pylist(), float) for name in ("ef", "ef_truth")))))
    return {"rows": [row for row in rows if row[1] is not None], "chart": data_uri(ef_agreement(ef[known], truth[known], everything))}


def _shown(result: Result, out: Path) -> dict[str, Any]:
    clip, folder = result.result.clip, pictures(out, result.key)
    link = None if folder is None else quote((folder / "report.html").relative_to(out).as_posix())
    overlay = folder is not None and (folder / "overlay.mp4").is_file()
    return {
        "id": result.key[:12],
        "link": link,
        "overlay": quote((folder / "overlay.mp4").relative_to(out).as_posix()) if folder is not None and overlay else None,
        **{name: clip[name] for name in ("view", "ef", "mean_iou_score", "quality", "flags")},
    }


def _run(run: RunRow) -> dict[str, Any]:
    hours = max(run.ended - run.started, 1e-9) / _HOUR_S
    busy = run.seconds / (hours * _HOUR_S * run.workers) if run.done else None
    started = datetime.fromtimestamp(run.started, timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    return {**run._asdict(), "started": started, "hours": hours, "pace": run.done / hours, "busy": None if busy is None else 100 * busy}


def _quantiles(seconds: Any) -> Mapping[str, float] | None:
    if not len(seconds):
        return None
    low, middle, high = np.quantile(seconds, [0.05, 0.5, 0.95])
    return {"low": low, "median": middle, "high": high, "mean": float(np.mean(seconds)), "total_hours": float(np.sum(seconds)) / _HOUR_S}


def _environment() -> Environment:
    def load(name: str) -> str:
        return files("echoseg.report" if name == "style.css" else "echoseg.archive").joinpath(name).read_text(encoding="utf-8")

    return Environment(loader=FunctionLoader(load), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
