"""A folder of results that appears complete or not at all, and replaces nothing but earlier results of its name."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from echoseg.errors import OutputError

_RECORD, _SCHEMA = "measurements.json", "urn:echoseg:measurements:"


class ResultFolder:
    """A hidden ``draft`` to write into, which :meth:`publish` renames to its final name."""

    def __init__(self, draft: Path, name: str, overwrite: bool, keep: Collection[str | os.PathLike[str]] = ()) -> None:
        self.draft = draft
        self.name = name
        self.overwrite = overwrite
        self.keep = keep

    def publish(self) -> Path:
        """The final folder: ``name``, or ``name-2``, ``name-3`` ... where that is taken and must not be replaced."""
        target, number = self.draft.parent / self.name, 1
        while True:
            try:
                # A rename fails on a folder that holds something, so that two runs never mix.
                return self._replace(target) if self._replaceable(target) else self.draft.rename(target)
            except OSError:
                if not os.path.lexists(target):
                    raise
                number += 1
                target = self.draft.parent / f"{self.name}-{number}"

    def _replaceable(self, target: Path) -> bool:
        """Whether ``target`` holds earlier results of this name, may be overwritten, and nothing in it is to be kept."""
        if not self.overwrite or target.is_symlink() or result_name(target) != self.name:
            return False
        return not any(_holds(target, Path(path)) for path in self.keep)

    def _replace(self, target: Path) -> Path:
        """Puts the draft in place of ``target``, which is deleted last: an interruption leaves the one or the other."""
        old = target.with_name(f".{target.name}-replaced-{secrets.token_hex(4)}")
        target.rename(old)
        try:
            self.draft.rename(target)
        except BaseException:
            if not os.path.lexists(target):
                old.rename(target)
            raise
        shutil.rmtree(old, ignore_errors=True)
        return target


@contextmanager
def result_folder(
    out: Path, name: str, overwrite: bool, keep: Collection[str | os.PathLike[str]] = ()
) -> Iterator[ResultFolder]:  # fmt: skip
    """A draft of ``out/name``; gone at the end of the block unless published.

    Args:
        out: made when missing.
        name: of the source that the results are of.
        overwrite: replace earlier results of a source of that name, which their measurements.json tells; whatever else has the name
            stays, and the results get a numeric suffix.
        keep: files and folders that nothing may replace, such as the inputs; a folder that is one, or holds one, counts as taken.

    Raises:
        OutputError: ``out`` cannot be made or written to.
    """
    draft = out / f".{name}-{secrets.token_hex(4)}"
    try:
        draft.mkdir(parents=True)
    except OSError as error:
        raise OutputError(f"results cannot be written to {out} ({error.strerror}): choose another folder") from error
    try:
        yield ResultFolder(draft, name, overwrite, keep)
    except OSError as error:
        raise OutputError(f"results of {name} cannot be written to {out} ({error.strerror})") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def result_name(folder: Path) -> str | None:
    """The name of the source whose results echoseg wrote to ``folder``; None for a folder of anything else, or none."""
    try:
        record = json.loads((folder / _RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(record, dict) or not str(record.get("schema")).startswith(_SCHEMA):
        return None
    source = record.get("source")
    return str(source["name"]) if isinstance(source, dict) and "name" in source else None


def _holds(folder: Path, path: Path) -> bool:
    """Whether ``path`` is ``folder`` or lies in it, as it is written or where its links lead."""
    written = path.parent.resolve() / path.name
    forms = {written, *written.parents, path.resolve(), *path.resolve().parents}
    return any(form.exists() and form.samefile(folder) for form in forms)
