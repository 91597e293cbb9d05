"""A folder of results that appears complete or not at all."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from echoseg.errors import OutputError


class ResultFolder:
    """A hidden ``draft`` to write into, which :meth:`publish` renames to its final name."""

    def __init__(self, draft: Path, name: str, overwrite: bool) -> None:
        self.draft = draft
        self.name = name
        self.overwrite = overwrite

    def publish(self) -> Path:
        """The final folder ``name``, or ``name-2``, ``name-3`` ... where that is taken and must not be overwritten."""
        target, number = self.draft.parent / self.name, 1
        if self.overwrite and target.is_dir():
            shutil.rmtree(target)
        while True:
            try:
                return self.draft.rename(target)  # fails on a folder that holds something, so two runs never mix
            except OSError:
                if not target.exists():
                    raise
                number += 1
                target = self.draft.parent / f"{self.name}-{number}"


@contextmanager
def result_folder(out: Path, name: str, overwrite: bool) -> Iterator[ResultFolder]:
    """A draft of ``out/name``; gone at the end of the block unless published.

    Raises:
        OutputError: ``out`` cannot be made or written to.
    """
    draft = out / f".{name}-{secrets.token_hex(4)}"
    try:
        draft.mkdir(parents=True)
    except OSError as error:
        raise OutputError(f"results cannot be written to {out} ({error.strerror}): choose another folder") from error
    try:
        yield ResultFolder(draft, name, overwrite)
    except OSError as error:
        raise OutputError(f"results of {name} cannot be written to {out} ({error.strerror})") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
