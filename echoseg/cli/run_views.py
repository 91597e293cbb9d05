"""``echoseg run --views``: the view of each input, from a list or from a CSV file."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import typer

_HINT = "--views"


def input_views(text: str | Sequence[str] | None, inputs: Sequence[str]) -> list[str | None]:
    """A view, or None, for each of ``inputs``.

    Args:
        text: ``A4C,A2C``, a view for each input in order; or a CSV file with the columns ``file`` and ``view``. A row's file is the path
            as it was given, or the file name alone where that is enough; inputs without a row get no view, further rows are left out.
        inputs: as they were given.

    Raises:
        typer.BadParameter: an unknown view, another number of views than inputs, or a CSV file that cannot serve.
    """
    if text is None:
        return [None] * len(inputs)
    if isinstance(text, str) and text.lower().endswith(".csv"):
        return _from_table(Path(text), inputs)
    names = [view.strip() for view in (text.split(",") if isinstance(text, str) else text)]
    for name in names:
        _check(name)
    if len(names) != len(inputs):
        raise typer.BadParameter(f"{len(names)} views for {len(inputs)} inputs: give one for each", param_hint=_HINT)
    return list(names)


def _from_table(path: Path, inputs: Sequence[str]) -> list[str | None]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise typer.BadParameter(f"{path} is not a readable CSV file: {error}", param_hint=_HINT) from error
    views: dict[str, str] = {}
    for line, row in enumerate(rows, start=2):
        file_name, view = (row.get("file") or "").strip(), (row.get("view") or "").strip()
        if not file_name or not view:
            raise typer.BadParameter(f"{path}, line {line}: needs the columns file and view, both filled", param_hint=_HINT)
        _check(view, f"{path}, line {line}: ")
        if views.setdefault(file_name, view) != view:
            raise typer.BadParameter(f"{path}, line {line}: {file_name} has two views", param_hint=_HINT)
    names = [Path(source).name for source in inputs]
    found = [views.get(source) or (views.get(name) if names.count(name) == 1 else None) for source, name in zip(inputs, names, strict=True)]
    if not any(found):
        raise typer.BadParameter(f"{path}: no row names one of the inputs, such as {names[0]}", param_hint=_HINT)
    return found


def _check(name: str, where: str = "") -> None:
    from echoseg.cardiac import APICAL_VIEWS

    if name not in APICAL_VIEWS:
        raise typer.BadParameter(f"{where}{name!r} is not one of {', '.join(APICAL_VIEWS)}", param_hint=_HINT)
