"""Files that appear complete or not at all: write to a temporary name beside the target, flush to disk, rename."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from echoseg.errors import OutputError
from echoseg.io.draft import draft_file


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """A temporary path to write to; it becomes ``path`` when the block ends well and vanishes when it raises.

    The temporary file lies in the same folder (a rename must not cross file systems) and keeps the suffixes
    of ``path``, because many libraries choose the format by the suffix.

    Args:
        path: the file to make. An existing file is replaced only once the new one is complete.

    Yields:
        The path to write to. It does not exist yet.

    Raises:
        OutputError: the folder does not exist, cannot be written to, or the file cannot be put in place.
    """
    target = Path(path)
    if not target.parent.is_dir():
        raise OutputError(f"{target}: the folder {target.parent} does not exist; create it first")
    temporary = draft_file(target)
    try:
        yield temporary
        _flush(temporary)
        os.replace(temporary, target)
        _flush(target.parent)
    except OSError as error:
        raise OutputError(f"{target}: cannot be written ({error.strerror or error}); check disk space and folder rights") from error
    finally:
        temporary.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    """Ask the system to put the file or folder on disk, so that a crash after the rename cannot leave an empty file."""
    if os.name == "nt" and path.is_dir():  # Windows cannot open a folder
        return
    handle = os.open(path, os.O_RDONLY if os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
