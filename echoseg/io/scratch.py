"""What a process keeps outside of its results: in one folder of its own, that only its user may open, and that goes with it.

Images fetched from a PACS lie there, and what Ray writes. What a process that was killed left behind is removed by the next one.
"""

from __future__ import annotations

import atexit
import contextlib
import getpass
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil

from echoseg.io.draft import draft_folder, drafts_in, sweep

_OWN: dict[tuple[int, Path], Path] = {}  # by process, too: a fork does not own what its parent does


def scratch_folder(name: str = "f") -> Path:
    """A new, empty folder; whoever asked for it removes it, the end of the process at the latest."""
    return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=own_folder()))


@contextmanager
def scratch_file(name: str) -> Iterator[Path]:
    """A path to write to, in a folder of its own that is gone at the end of the block."""
    with tempfile.TemporaryDirectory(dir=own_folder()) as folder:
        yield Path(folder) / name


def own_folder(temporary: Path | None = None) -> Path:
    """The folder of this process. What dead ones left beside it is removed first.

    Args:
        temporary: where it lies; None: in the system's folder for temporary files.
    """
    temporary = temporary or Path(tempfile.gettempdir())
    own = os.getpid(), temporary
    if own not in _OWN or not _OWN[own].is_dir():
        parent = _of_user(temporary)
        _sweep(parent)
        stack = ExitStack()
        _OWN[own] = stack.enter_context(draft_folder(parent, "r", 0o700))
        atexit.register(_left, stack, os.getpid())
    return _OWN[own]


def sweep_scratch() -> None:
    """Removes what dead processes left, and ends processes that work for them there, such as Ray's."""
    for temporary in {Path(tempfile.gettempdir()), *(where for _, where in _OWN)}:
        _sweep(_of_user(temporary))


def _sweep(parent: Path) -> None:
    before = drafts_in(parent)
    sweep(parent)
    for folder in before:
        if not folder.exists():
            end_processes_in(folder)
    sweep(parent)


def end_processes_in(folder: Path) -> None:
    """Ends every process that names a file in ``folder`` on its command line: those that a process of ours had started to work there."""
    for process in psutil.process_iter(["cmdline"]):
        if process.pid != os.getpid() and f"{folder}/" in " ".join(process.info["cmdline"] or ()):
            with contextlib.suppress(psutil.Error):
                process.kill()


def empty(folder: Path) -> None:
    """Removes what lies in ``folder``."""
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _of_user(temporary: Path) -> Path:
    """``echoseg-<user>`` there; another name where somebody else took that."""
    user = str(os.getuid()) if hasattr(os, "getuid") else getpass.getuser()
    folder = temporary / f"echoseg-{user}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if not hasattr(os, "getuid"):
        return folder
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        return Path(tempfile.mkdtemp(prefix=f"echoseg-{user}-", dir=temporary))
    return folder


def _left(stack: ExitStack, process: int) -> None:
    if os.getpid() == process:
        stack.close()
