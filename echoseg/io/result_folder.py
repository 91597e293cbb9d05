"""A folder of results that appears complete or not at all, and replaces nothing but earlier results of its name."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from echoseg.errors import OutputError
from echoseg.io.draft import draft_folder, folder_lock, sweep
from echoseg.io.exchange import exchanged
from echoseg.io.regular import LONGEST_RECORD, read_regular

_RECORD, _SCHEMA = "measurements.json", "urn:echoseg:measurements:"
_SET_ASIDE = re.compile(r"\.(.+)-replaced-[0-9a-f]{8}")


class ResultFolder:
    """A hidden ``draft`` to write into, which :meth:`publish` puts in its final place."""

    def __init__(self, draft: Path, name: str, overwrite: bool, keep: Collection[str | os.PathLike[str]] = ()) -> None:
        self.draft = draft
        self.name = name
        self.overwrite = overwrite
        self.keep = keep

    def publish(self) -> Path:
        """The final folder: ``name``, or ``name-2``, ``name-3`` ... where that is taken and must not be replaced."""
        out, number = self.draft.parent, 1
        target = out / self.name
        _stamp(self.draft)
        with folder_lock(out):  # runs that overwrite each other come one after the other
            while True:
                try:
                    # A rename fails on a folder that holds something, so that nothing is ever mixed.
                    return self._replace(target) if self._replaceable(target) else self.draft.rename(target)
                except OSError:
                    if not os.path.lexists(target):
                        raise
                    number += 1
                    target = out / f"{self.name}-{number}"

    def _replaceable(self, target: Path) -> bool:
        """Whether ``target`` holds earlier results of this name, may be overwritten, and nothing in it is foreign or to be kept."""
        if not self.overwrite or target.is_symlink() or result_name(target) != self.name or changed_since(target):
            return False
        return not any(_holds(target, Path(path)) for path in self.keep)

    def _replace(self, target: Path) -> Path:
        """Puts the draft in place of ``target``, in one step where the system can; an interruption leaves the one or the other."""
        if exchanged(self.draft, target):  # the old results go with the draft
            return target
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
    """A draft of ``out/name``; gone at the end of the block unless published. What dead runs left in ``out`` is put in order before.

    Args:
        out: made when missing.
        name: of the source that the results are of.
        overwrite: replace earlier results of a source of that name, which their measurements.json tells; whatever else has the name
            stays, and so do results among which somebody has put, or changed, a file: the new ones get a numeric suffix.
        keep: files and folders that nothing may replace, such as the inputs; a folder that is one, or holds one, counts as taken.

    Raises:
        OutputError: ``out`` cannot be made or written to.
    """
    with ExitStack() as stack:
        try:
            out.mkdir(parents=True, exist_ok=True)
            _recover(out)
            sweep(out)
            draft = stack.enter_context(draft_folder(out, name))
        except OSError as error:
            raise OutputError(f"results cannot be written to {out} ({error.strerror}): choose another folder") from error
        try:
            yield ResultFolder(draft, name, overwrite, keep)
        except OSError as error:
            raise OutputError(f"results of {name} cannot be written to {out} ({error.strerror})") from error


def changed_since(folder: Path) -> bool:
    """Whether a file of published results is not as they were published: added, or written to since. All have one time until then."""
    times = {path.lstat().st_mtime_ns for path in folder.rglob("*") if path.is_symlink() or not path.is_dir()}
    return len(times) > 1


def _stamp(folder: Path) -> None:
    """Gives every file the time of now."""
    now = time.time_ns()
    for path in folder.rglob("*"):
        if not path.is_dir():
            os.utime(path, ns=(now, now), follow_symlinks=False)


def _recover(out: Path) -> None:
    """Puts old results back that a run had set aside when it died; only where the system cannot exchange folders in one step."""
    with folder_lock(out):
        for old in out.glob(".*-replaced-????????"):
            found = _SET_ASIDE.fullmatch(old.name)
            if found is None or old.is_symlink() or result_name(old) is None:
                continue
            if os.path.lexists(out / found[1]):
                shutil.rmtree(old, ignore_errors=True)
            else:
                old.rename(out / found[1])


def result_name(folder: Path) -> str | None:
    """The name of the source whose results echoseg wrote to ``folder``; None for a folder of anything else, or none."""
    try:
        record = json.loads(read_regular(folder / _RECORD, LONGEST_RECORD))
    except (OSError, ValueError, RecursionError):
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
