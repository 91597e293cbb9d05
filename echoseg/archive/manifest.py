"""The items of a manifest: a CSV or Parquet table with a row per clip."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from echoseg.archive.item import FACTS, Item
from echoseg.errors import SourceError

_NUMBERS = ("height_cm", "weight_kg", "age_years", "row_mm", "col_mm", "fps", "ef_truth")
_OTHER_NAMES = {"file": "path", "filename": "path", "patient_id": "patient", "study_id": "study", "ef": "ef_truth", "height": "height_cm"}
_OTHER_NAMES |= {"weight": "weight_kg", "truth": "ef_truth"}
_BOX = ("x0", "y0", "x1", "y1")
_VIEWS = {"a4c": "A4C", "4ch": "A4C", "a2c": "A2C", "2ch": "A2C"}


def read_manifest(path: Path) -> Iterator[Item]:
    """The rows of ``path`` as items, read as they are asked for.

    Columns: ``path`` (relative to the manifest's folder, absolute, or an address ``dicomweb://...``) and any of study, patient, view
    (A4C, A2C), sex (M, F), height_cm, weight_kg, age_years, prompt, row_mm, col_mm, fps, ef_truth. ``height``, ``weight`` and ``ef`` are
    taken for height_cm, weight_kg and ef_truth. In place of a prompt a row may have a box in the columns x0, y0, x1, y1 (pixels; x1, y1 are
    edges) and prompt_frame (from 0; empty: 0). Other columns do not count; an empty cell is unknown.

    Raises:
        SourceError: not such a table, or a cell of a column above is unusable; the message names row and column.
    """
    rows = _parquet_rows(path) if path.suffix.lower() in (".parquet", ".pq") else _csv_rows(path)
    seen: set[str] = set()
    for number, row in enumerate(rows, start=2):
        cells = {_OTHER_NAMES.get(name.strip().lower(), name.strip().lower()): value for name, value in row.items() if name}
        facts = {name: _cell(path, number, name, cells[name]) for name in FACTS if _known(cells.get(name))}
        if box := _box(path, number, cells):
            if "prompt" in facts:
                raise SourceError(f"{path.name}, row {number}: a prompt and a box; leave one")
            facts["prompt"] = box
        location = str(cells.get("path") or "").strip()
        if not location:
            raise SourceError(f"{path.name}, row {number}: no path; every row names a file")
        if location in seen:
            raise SourceError(f"{path.name}, row {number}: {location} is named twice; leave one row")
        seen.add(location)
        yield Item(location, **facts)


def _known(value: object) -> bool:
    return value is not None and str(value).strip() != "" and not (isinstance(value, float) and math.isnan(value))


def _cell(path: Path, number: int, name: str, value: object) -> Any:
    text = str(value).strip()
    where = f"{path.name}, row {number}, {name}"
    if name in _NUMBERS:
        try:
            found = float(text)
        except ValueError:
            found = math.nan
        if not math.isfinite(found) or found < 0 or (found == 0 and name != "age_years"):
            raise SourceError(f"{where}: {text!r} is not a positive number")
        return found
    if name == "sex":
        if text.upper()[:1] not in ("M", "F"):
            raise SourceError(f"{where}: {text!r} is neither M nor F; leave it empty when unknown")
        return text.upper()[:1]
    if name == "view":
        if text.lower() not in _VIEWS:
            raise SourceError(f"{where}: {text!r} is neither A4C nor A2C; leave it empty when unknown")
        return _VIEWS[text.lower()]
    if name == "kind" and text != "clip":
        raise SourceError(f"{where}: {text!r} is not 'clip'; leave it empty")
    return text


def _box(path: Path, number: int, cells: Mapping[str, Any]) -> str | None:
    """The prompt of the box that a row holds, if it does."""
    given = [name for name in _BOX if _known(cells.get(name))]
    if not given:
        return None
    try:
        edges = [float(str(cells.get(name))) for name in _BOX]
        frame = float(str(cells["prompt_frame"])) if _known(cells.get("prompt_frame")) else 0.0
    except ValueError:
        edges, frame = [math.nan], 0.0
    if not all(map(math.isfinite, edges)) or frame < 0 or frame != int(frame):
        raise SourceError(f"{path.name}, row {number}: a box needs a number in each of x0, y0, x1, y1, and prompt_frame a whole one from 0")
    return f"box:{','.join(f'{edge:g}' for edge in edges)}@{int(frame)}"


def _csv_rows(path: Path) -> Iterator[Mapping[str, object]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            _check_columns(path, reader.fieldnames or ())
            yield from reader
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SourceError(f"{path}: cannot be read as a CSV table ({error})") from error


def _parquet_rows(path: Path) -> Iterator[Mapping[str, object]]:
    import pyarrow.parquet as pq
    from pyarrow import ArrowException

    try:
        with pq.ParquetFile(path) as table:
            _check_columns(path, table.schema_arrow.names)
            for batch in table.iter_batches(1000):
                yield from batch.to_pylist()
    except (OSError, ArrowException) as error:
        raise SourceError(f"{path}: cannot be read as a Parquet table ({error})") from error


def _check_columns(path: Path, names: object) -> None:
    assert isinstance(names, list | tuple)
    known = [_OTHER_NAMES.get(str(name).strip().lower(), str(name).strip().lower()) for name in names]
    if "path" not in known:
        raise SourceError(f"{path}: no column 'path'; a manifest has a row per clip with its path")
    for name in known:
        if known.count(name) > 1 and name in ("path", *FACTS):
            raise SourceError(f"{path}: two columns mean {name}; leave one")
