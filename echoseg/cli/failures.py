"""``errors.csv``: the inputs of a run that failed, and why."""

from __future__ import annotations

import contextlib
import csv
import re
import secrets
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import NamedTuple

from echoseg.errors import EchosegError, OutputError

_MOST_NAMES = 100_000


class Failure(NamedTuple):
    """One input that failed."""

    path: str
    reason: str


class Aliases:
    """What inputs are called in messages and tables: by their paths, or, of a run that takes patients' names away, by their numbers.

    Args:
        inputs: as given.
        hidden: whether their names must not be seen. Numbers are those of the inputs of this call, with a mark of the run.
    """

    def __init__(self, inputs: Sequence[str], hidden: bool) -> None:
        self.hidden = hidden
        mark = secrets.token_hex(3)
        self.of_input = {given: f"input {number} of run {mark}" for number, given in enumerate(inputs, start=1)} if hidden else {}

    def name(self, given: str, source: str | None = None) -> str:
        """What to call an input, or a source found in it."""
        return self.of_input.get(given, source or given)

    def reason(self, given: str, error: Exception) -> str:
        """Why it failed; hidden names are taken out of the message, with those of the files in a folder."""
        from echoseg.io.memory import is_out_of_memory

        if is_out_of_memory(error):
            return f"{self.name(given)}: needs more memory than this process may use; give more with --memory-limit"
        if not isinstance(error, EchosegError):
            return f"unexpected {type(error).__name__}" + ("" if self.hidden else f": {error}")
        text = str(error)
        if not self.hidden:
            return text
        from echoseg.io.names import output_name

        alias = self.of_input[given]
        text = re.sub(rf"{re.escape(given)}(/[^:\n]*)?", alias, text)
        path = Path(given)
        names = {path.name, output_name(path), *self._inside(path)}
        for name in sorted(names - {"", "."}, key=len, reverse=True):
            text = text.replace(name, alias)
        return text

    @staticmethod
    def _inside(folder: Path) -> Collection[str]:
        found: set[str] = set()
        with contextlib.suppress(OSError):
            for path in folder.rglob("*") if folder.is_dir() else ():
                found.update((path.name, path.stem))
                if len(found) > _MOST_NAMES:
                    break
        return {name for name in found if len(name) > 2}

    def write(self, path: Path, out: Path) -> None:
        """Writes which number stands for which input to ``path``, a CSV file outside of the results.

        Raises:
            OutputError: it lies in ``out``, or cannot be written.
        """
        check_outside(path, out)
        _write_rows(path, [("alias", "path"), *((alias, given) for given, alias in self.of_input.items())])


class ErrorsFile:
    """``errors.csv`` of a folder. Rows that another run writes while this one works are kept, those of runs before it go.

    Raises:
        OutputError: as of :meth:`write`.
    """

    def __init__(self, directory: Path) -> None:
        self._target = directory / "errors.csv"
        self._before = _rows(self._target)

    def write(self, failures: Sequence[Failure]) -> None:
        """A row per failure; without any, and none of another run, there is no such file.

        Raises:
            OutputError: the file cannot be written.
        """
        from echoseg.io.draft import folder_lock

        try:
            if failures:
                self._target.parent.mkdir(parents=True, exist_ok=True)
            with folder_lock(self._target.parent):
                rows = [row for row in _rows(self._target) if row not in self._before]
                if failures or rows:
                    _write_rows(self._target, [Failure._fields, *rows, *failures])
                else:
                    self._target.unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(f"{self._target} cannot be written: {error.strerror}; choose another --out") from error


def check_outside(path: Path, out: Path) -> None:
    """Raises OutputError where ``path`` lies in ``out``: what names patients does not go with the results."""
    if path.resolve().is_relative_to(out.resolve()):
        raise OutputError(f"{path}: says which number is which patient's file, so it must not lie in {out}; give another place")


def _write_rows(target: Path, rows: Sequence[Sequence[str]]) -> None:
    from echoseg.io.atomic import atomic_path
    from echoseg.io.names import cell

    with atomic_path(target) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([[text if text.startswith("'") else cell(text) for text in row] for row in rows])


def _rows(path: Path) -> list[tuple[str, ...]]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return [tuple(row) for row in csv.reader(file)][1:]
    except (OSError, ValueError, csv.Error):
        return []
