"""``errors.csv``: the inputs of a run that failed, and why."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from echoseg.errors import OutputError


class Failure(NamedTuple):
    """One input that failed."""

    path: str
    reason: str


def write_failures(directory: Path, failures: Sequence[Failure]) -> None:
    """Writes ``directory/errors.csv``, a row per failure; without failures, removes the one of an earlier run.

    Raises:
        OutputError: the file cannot be written.
    """
    from echoseg.io.atomic import atomic_path

    target = directory / "errors.csv"
    try:
        if not failures:
            target.unlink(missing_ok=True)
            return
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{target} cannot be written: {error.strerror}; choose another --out") from error
    with atomic_path(target) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([Failure._fields, *failures])
