"""The tables of an archive, made from its ledger: clips.parquet, beats.parquet, studies.parquet, errors.csv and left_out.csv."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from echoseg.archive.ledger import Failure, Ledger, Result
from echoseg.archive.studies import STUDIES, StudyPairs
from echoseg.io.atomic import atomic_path
from echoseg.io.names import cell, output_name, printable
from echoseg.io.views import ViewOrigin, view_in_name
from echoseg.record.measures import BEAT, TABLED

_NUMBER, _COUNT, _TEXT = pa.float64(), pa.int32(), pa.string()
_IDENTITY = [("clip_id", _TEXT), ("path", _TEXT), ("study", _TEXT), ("patient", _TEXT)]
CLIPS = pa.schema(
    [
        *_IDENTITY,
        *[(name, _TEXT) for name in ("kind", "view", "view_from")],
        *[(name, _COUNT) for name in ("frames", "height", "width")],
        *[(name, _NUMBER) for name in ("fps", "row_mm", "col_mm")],
        *[(measure.column, _NUMBER) for measure in TABLED],
        ("complete_beats", _COUNT),
        ("mean_iou_score", _NUMBER),
        ("quality", _TEXT),
        ("flags", pa.list_(_TEXT)),
        ("ef_truth", _NUMBER),
        ("sex", _TEXT),
        ("copies", _COUNT),
        ("model", _TEXT),
        ("weights_sha256", _TEXT),
    ]
)
"""Columns of clips.parquet: EF, FAC, strain in percent, rates in EDV/s; unknown is null. ``copies``: further items of the same content."""

BEATS = pa.schema(
    [
        *_IDENTITY,
        ("beat", _COUNT),
        *[(name, _COUNT) for name in ("ed", "es", "next_ed")],
        *[(name, _NUMBER) for name in ("ed_s", "es_s", "next_ed_s")],
        ("partial", pa.bool_()),
        *[(measure.column, _NUMBER) for measure in BEAT],
    ]
)
"""Columns of beats.parquet: frames and times of ED, ES and the next ED, and the beat's values. ``beat`` counts from 0."""

_COLUMNS = {measure.key: measure.column for measure in TABLED}
_ROWS_AT_ONCE = 5_000


def write_tables(ledger: Ledger, out: Path) -> dict[str, Path]:
    """Writes the tables; each is complete when it appears. Rows are in order of path (of study), whatever the order of the work was.

    The same results give the same tables, to the byte. An item's copies have no row of their own.

    Raises:
        OutputError: a table cannot be written.
    """
    paths = {name: out / name for name in ("clips.parquet", "beats.parquet", "studies.parquet", "errors.csv", "left_out.csv")}
    method = (ledger.config() or {}).get("method", "disks")
    pairs = StudyPairs()
    with ExitStack() as stack:
        clips, beats = (stack.enter_context(atomic_path(paths[name])) for name in ("clips.parquet", "beats.parquet"))
        clip_writer, beat_writer = stack.enter_context(pq.ParquetWriter(clips, CLIPS)), stack.enter_context(pq.ParquetWriter(beats, BEATS))
        results = ledger.results()
        while some := list(islice(results, _ROWS_AT_ONCE)):
            clip_writer.write_table(pa.Table.from_pylist([clip_row(result) for result in some], CLIPS))
            for result in some:
                pairs.add(study_of(result), result)
            beat_writer.write_table(pa.Table.from_pylist([row for result in some for row in beat_rows(result)], BEATS))
    with atomic_path(paths["studies.parquet"]) as path, pq.ParquetWriter(path, STUDIES) as study_writer:
        studies = pairs.rows(ledger, method)
        while rows := list(islice(studies, _ROWS_AT_ONCE)):
            study_writer.write_table(pa.Table.from_pylist(rows, STUDIES))
    with atomic_path(paths["errors.csv"]) as path, path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(Failure._fields)
        writer.writerows((cell(one.path), one.category, cell(one.reason), one.attempts) for one in ledger.failures())
    with atomic_path(paths["left_out.csv"]) as path, path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("path", "reason"))
        writer.writerows((cell(found), reason) for found, reason in ledger.left_out())
    return paths


def clip_row(result: Result) -> dict[str, Any]:
    """The row of a result, see :data:`CLIPS`."""
    row = {_COLUMNS.get(name, name): value for name, value in result.result.clip.items() if name != "stated_study"}
    return {**_identity(result), **row, "ef_truth": result.item.ef_truth, "sex": result.item.sex, "copies": result.copies}


def beat_rows(result: Result) -> Iterator[dict[str, Any]]:
    """The rows of its beats, see :data:`BEATS`."""
    identity = _identity(result)
    return ({**identity, "beat": number, **beat} for number, beat in enumerate(result.result.beats))


def study_of(result: Result) -> str | None:
    """The study: as the source says, else a pseudonym of the file's StudyInstanceUID, else the folder and what is left of the name without
    the view that it tells, else unknown."""
    clip, path = result.result.clip, PurePosixPath(result.item.path)
    if result.item.study or clip["stated_study"]:
        return result.item.study or clip["stated_study"]
    named = view_in_name(output_name(path))
    if clip["view_from"] == ViewOrigin.GUESSED and named is not None:
        return printable("/".join(part for part in (str(path.parent), named[1]) if part not in ("", ".")))
    return None


def _identity(result: Result) -> dict[str, Any]:
    return {"clip_id": result.key, "path": printable(result.item.path), "study": study_of(result), "patient": result.item.patient}
