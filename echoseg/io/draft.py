"""Hidden folders and files to write into, each with an owner, so that whoever comes next can tell what a dead one left behind.

A folder's owner is the process that holds a lock on it: the system releases the lock with the process, however that ends, and others see it
on every machine that shares the drive. A file names its owner. Where the system knows no such locks no folder is taken for left behind.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import psutil

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_PREFIX = ".echoseg-"
_FOLDER = re.compile(r"\.echoseg-.*-[0-9a-f]{8}")
_FILE = re.compile(r"\.[0-9a-f]{12}\.([0-9a-f]{8})-(\d{1,10})\.tmp.*")


@contextmanager
def draft_folder(parent: Path, name: str = "draft", mode: int = 0o777) -> Iterator[Path]:
    """A hidden folder in ``parent``, which must be there; gone at the end of the block.

    Args:
        mode: who may do what there; the user's umask takes its part.

    Raises:
        OSError: it cannot be made.
    """
    with folder_lock(parent):  # between its making and its lock nobody may take it for left behind
        folder = parent / f"{_PREFIX}{name}-{secrets.token_hex(4)}"
        folder.mkdir(mode)
        handle = _locked(folder, wait=False)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if handle is not None:
            os.close(handle)


@contextmanager
def folder_lock(folder: Path) -> Iterator[None]:
    """Holds the lock on ``folder`` itself, for moments; others wait. No file is left of it."""
    handle = _locked(folder, wait=True)
    try:
        yield
    finally:
        if handle is not None:
            os.close(handle)


def draft_file(target: Path) -> Path:
    """A hidden name beside ``target`` with its suffixes, by which libraries choose the format; it tells which process it belongs to."""
    return target.with_name(f".{secrets.token_hex(6)}.{_machine()}-{os.getpid()}.tmp{''.join(target.suffixes[-2:])}")


def sweep(parent: Path) -> None:
    """Removes the drafts in ``parent`` whose owner has died."""
    with folder_lock(parent):
        for file in _files_in(parent):
            owner = _FILE.fullmatch(file.name)
            if owner and owner[1] == _machine() and not psutil.pid_exists(int(owner[2])):
                file.unlink(missing_ok=True)
        if fcntl is None:
            return
        for folder in drafts_in(parent):
            handle = _locked(folder, wait=False)
            if handle is not None:
                shutil.rmtree(folder, ignore_errors=True)
                os.close(handle)


def drafts_in(parent: Path) -> list[Path]:
    """Every draft folder in ``parent``, in use or left behind."""
    try:
        with os.scandir(parent) as entries:
            return sorted(Path(one.path) for one in entries if _FOLDER.fullmatch(one.name) and one.is_dir(follow_symlinks=False))
    except OSError:
        return []


def _files_in(parent: Path) -> list[Path]:
    try:
        with os.scandir(parent) as entries:
            return [Path(one.path) for one in entries if _FILE.fullmatch(one.name) and one.is_file(follow_symlinks=False)]
    except OSError:
        return []


@cache
def _machine() -> str:
    """A name of this machine since it was started: process numbers mean nothing elsewhere, or after."""
    boot = Path("/proc/sys/kernel/random/boot_id")
    started = boot.read_text() if boot.is_file() else f"{psutil.boot_time():.0f}"
    return hashlib.blake2b(f"{platform.node()} {started}".encode(), digest_size=4).hexdigest()


def _locked(folder: Path, *, wait: bool) -> int | None:
    """An open handle that holds the lock; None where it is held by another, or there are no locks."""
    if fcntl is None:
        return None
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return None
    with contextlib.suppress(OSError):
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        return handle
    os.close(handle)
    return None
