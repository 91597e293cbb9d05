"""Ejection fractions from two CSV files, joined by a key."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from echoseg.errors import MeasureError, SourceError


@dataclass(frozen=True)
class PairedValues:
    """Values of the cases that both tables have.

    Attributes:
        keys: of the cases, in the order of the reference.
        predicted, reference: their values.
        subjects: whom each case comes from, or None when no column says.
        unpredicted: keys of the reference without a prediction. ``unreferenced``: keys of the prediction without a reference.
        empty: keys of cases that a table leaves without a value.
    """

    keys: tuple[str, ...]
    predicted: tuple[float, ...]
    reference: tuple[float, ...]
    subjects: tuple[str, ...] | None
    unpredicted: tuple[str, ...]
    unreferenced: tuple[str, ...]
    empty: tuple[str, ...]


def paired_values(
    predicted: Path,
    reference: Path,
    *,
    key: str = "name",
    reference_key: str | None = None,
    column: str = "ef",
    reference_column: str | None = None,
    subject: str | None = None,
) -> PairedValues:
    """Joins two tables.

    Args:
        predicted, reference: CSV files with a header.
        key: column of the cases' names; ``reference_key``: in the reference, if it is called otherwise there.
        column: column of the values, percent; ``reference_column``: likewise.
        subject: column of the reference that says whom a case comes from; a case without an entry is a subject of its own.

    Raises:
        SourceError: a file cannot be read, lacks a column, names a case twice, or holds a value that is no number or no EF in percent.
        MeasureError: the tables have no case in common.
    """
    ours = _values(predicted, key, column)
    theirs = _values(reference, reference_key or key, reference_column or column)
    owners = None if subject is None else _column(reference, reference_key or key, subject)
    common = [name for name in theirs if name in ours]
    if not common:
        example = f"{next(iter(ours), 'nothing')!r} there, {next(iter(theirs), 'nothing')!r} here"
        raise MeasureError(f"{reference}: no case has the name of one in {predicted} ({example}); give the key columns")
    pairs = [(name, ours[name], theirs[name]) for name in common]
    whole = [(name, a, b) for name, a, b in pairs if a is not None and b is not None]
    _check_percent(predicted, {name: value for name, value, _ in whole})
    _check_percent(reference, {name: value for name, _, value in whole})
    return PairedValues(
        keys=tuple(name for name, _, _ in whole),
        predicted=tuple(a for _, a, _ in whole),
        reference=tuple(b for _, _, b in whole),
        subjects=None if owners is None else tuple(owners[name] or f"of case {name}" for name, _, _ in whole),
        unpredicted=tuple(name for name in theirs if name not in ours),
        unreferenced=tuple(name for name in ours if name not in theirs),
        empty=tuple(name for name, a, b in pairs if a is None or b is None),
    )


def _values(path: Path, key: str, column: str) -> dict[str, float | None]:
    values: dict[str, float | None] = {}
    for name, text in _column(path, key, column).items():
        try:
            value = float(text) if text else None
        except ValueError:
            raise SourceError(f"{path}: {column} of {name!r} is {text!r}, which is no number") from None
        if value is not None and not math.isfinite(value):
            value = None
        values[name] = value
    return values


def _check_percent(path: Path, values: Mapping[str, float]) -> None:
    """An EF of zero or less may be a failed measurement, which counts; one above 100, or fractions throughout, are another unit, and one
    below -100 stands for a value that is missing."""
    for name, value in values.items():
        if not -100 <= value <= 100:
            advice = "leave a missing one empty" if value < 0 else "it is given in percent, at most 100"
            raise SourceError(f"{path}: the ejection fraction of {name!r} is {value:g}; {advice}")
    if len(values) > 2 and 0 < max(values.values()) <= 1:
        raise SourceError(f"{path}: ejection fractions are given in percent, and none of these is above 1: multiply them by 100")


def _column(path: Path, key: str, column: str) -> dict[str, str]:
    """``{key: text}`` of one column."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            header: Sequence[str] = reader.fieldnames or ()
            rows = list(reader)
    except UnicodeDecodeError as error:
        raise SourceError(f"{path}: not in UTF-8 ({error}); save it so") from error
    except (OSError, csv.Error) as error:
        raise SourceError(f"{path}: not a readable CSV file ({error})") from error
    for name in (key, column):
        if name not in header:
            other = "; columns are separated by commas" if len(header) == 1 and ";" in header[0] else ""
            raise SourceError(f"{path}: has no column {name!r}; it has {', '.join(header) or 'none'}{other}")
    found: dict[str, str] = {}
    for row in rows:
        name = (row[key] or "").strip()
        if None in row:
            raise SourceError(f"{path}: the row of {name!r} has more fields than the header: a decimal comma must be a point, or quoted")
        if not name and not (row[column] or "").strip():
            continue  # a spreadsheet's empty rows
        if not name:
            raise SourceError(f"{path}: the value {row[column]} stands there without a name in column {key!r}")
        if name in found:
            raise SourceError(f"{path}: the case {name!r} stands there twice; one row a case")
        found[name] = (row[column] or "").strip()
    return found
