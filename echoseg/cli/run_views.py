"""``--views``: the view of each input, from a list or from a CSV file, and whether it makes a study of two."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import typer

from echoseg.cli.console import messages

if TYPE_CHECKING:
    from echoseg.study import StudyClip

_HINT = "--views"
_NAMED = 10  # inputs that a message names at most


class _Row(NamedTuple):
    line: int
    file: str
    view: str


def input_views(text: str | Sequence[str] | None, inputs: Sequence[Sequence[str]]) -> list[str | None]:
    """A view, or None, for each of ``inputs``. Those that a CSV file has no row for are named on stderr.

    Args:
        text: ``A4C,A2C``, a view for each input in order, in capitals or not; or a CSV file with the columns ``file`` and ``view``. A
            row's file is the path of an input, however written, or the file name alone where that is enough; inputs without a row get no
            view, further rows and empty ones are left out.
        inputs: the files of each, as they were given: one, or those of ED and ES, of which a row may name either.

    Raises:
        typer.BadParameter: an unknown view, another number of views than inputs, or a CSV file that cannot serve.
    """
    if text is None:
        return [None] * len(inputs)
    if isinstance(text, str) and text.lower().endswith(".csv"):
        return _from_table(Path(text), inputs)
    names = [_checked(view) for view in (text.split(",") if isinstance(text, str) else text)]
    if len(names) != len(inputs):
        raise typer.BadParameter(f"{len(names)} views for {len(inputs)} inputs: give one for each", param_hint=_HINT)
    return list(names)


def vouches(views: Sequence[str | None], clips: Sequence[StudyClip]) -> bool:
    """Whether the user says that the clips belong to one heart: ``--views`` names one A4C and one A2C input, and the clips are these two.

    Args:
        views: of all inputs of the call, also of those that failed, from :func:`input_views`.
        clips: those that could make a study.
    """
    both = sorted(view for view in views if view) == ["A2C", "A4C"]
    return both and [clip.record["source"]["view_from"] for clip in clips] == ["given"] * 2


def _from_table(path: Path, inputs: Sequence[Sequence[str]]) -> list[str | None]:
    rows = _rows(path)
    names = [name for files in inputs for name in {os.path.basename(os.path.normpath(file)) for file in files}]
    by_path: dict[str, list[_Row]] = {}
    for row in rows:
        by_path.setdefault(os.path.abspath(row.file), []).append(row)
    by_name = {name: [row for row in rows if row.file == name] for name in names if names.count(name) == 1}
    found: list[str | None] = []
    for files in inputs:
        exact = [row for file in files for row in by_path.get(os.path.abspath(file), ())]
        named = [row for file in files for row in by_name.get(os.path.basename(os.path.normpath(file)), ())]
        found.append(_view_of(exact or named, path))
    lacking = [files[0] for files, view in zip(inputs, found, strict=True) if view is None]
    if len(lacking) == len(inputs):
        raise typer.BadParameter(f"{path}: no row names one of the inputs, such as {names[0]}", param_hint=_HINT)
    if lacking:
        further = f" and {len(lacking) - _NAMED} more" if len(lacking) > _NAMED else ""
        told = f"{path}: no row for {', '.join(lacking[:_NAMED])}{further}; the view is what the file or its name says"
        messages().print(told, markup=False, soft_wrap=True)
    return found


def _rows(path: Path) -> list[_Row]:
    """The rows that hold anything."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, restval="", restkey="further", skipinitialspace=True)
            columns = set(reader.fieldnames or ())
            filled = [(reader.line_num, row) for row in reader if any(cell.strip() for cells in row.values() for cell in cells)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise typer.BadParameter(f"{path} is not a readable CSV file: {error}", param_hint=_HINT) from error
    if not {"file", "view"} <= columns:
        raise typer.BadParameter(f"{path}: needs the columns file and view, named in its first line", param_hint=_HINT)
    rows = [_Row(line, row["file"].strip(), row["view"].strip()) for line, row in filled]
    if nameless := next((row for row in rows if not row.file), None):
        raise typer.BadParameter(f"{path}, line {nameless.line}: names no file", param_hint=_HINT)
    return rows


def _view_of(rows: Sequence[_Row], path: Path) -> str | None:
    """The view that the rows of one input agree on; None without rows."""
    view = None
    for row in rows:
        found = _checked(row.view, f"{path}, line {row.line}: ")
        if view not in (None, found):
            raise typer.BadParameter(f"{path}, line {row.line}: {row.file} has two views", param_hint=_HINT)
        view = found
    return view


def _checked(view: str, where: str = "") -> str:
    from echoseg.cardiac import APICAL_VIEWS

    name = view.strip().upper()
    if name not in APICAL_VIEWS:
        raise typer.BadParameter(f"{where}{view.strip()!r} is not one of {', '.join(APICAL_VIEWS)}", param_hint=_HINT)
    return name
