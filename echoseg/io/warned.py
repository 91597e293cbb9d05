"""What libraries warn of while they read an input: a flag on the source, and not a line on somebody's terminal."""

from __future__ import annotations

import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from echoseg.types import Flag

_OF_PROGRAMMERS = (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning)
_QUOTING = re.compile(r"(Invalid value for VR \w\w|Invalid .{0,40}?value): .*", re.DOTALL)
_LONGEST = 300


@dataclass(eq=False)
class _Ear:
    """A block that listens, in the thread that opened it."""

    thread: int
    said: list[str] = field(default_factory=list)


_LOCK = threading.Lock()
_EARS: list[_Ear] = []
_REDIRECTED: list[warnings.catch_warnings[Any]] = []
"""Where warnings go is a state of the whole process: the first block redirects them, the last one puts it back. No block waits for the end
of another: frames are read ahead in a thread of their own while the one that opened the source waits for it."""


@contextmanager
def heard() -> Iterator[list[Flag]]:
    """Collects the warnings of the block as flags ``library_warning``, each once; the list is filled when the block ends.

    A warning belongs to the innermost block of its thread, or of all where its thread has none. Warnings to programmers are dropped, and so
    are values of attributes that a warning quotes: they may name the patient.
    """
    flags: list[Flag] = []
    ear = _Ear(threading.get_ident())
    with _LOCK:
        if not _EARS:
            redirected = warnings.catch_warnings()
            redirected.__enter__()
            _REDIRECTED.append(redirected)
            warnings.simplefilter("always")
            warnings.showwarning = _hear
        _EARS.append(ear)
    try:
        yield flags
    finally:
        with _LOCK:
            _EARS.remove(ear)
            if not _EARS:
                _REDIRECTED.pop().__exit__(None, None, None)
    flags += [Flag("library_warning", f"While the input was read, a library warned: {said}") for said in dict.fromkeys(ear.said)]


def with_new(flags: tuple[Flag, ...], heard_of: list[Flag]) -> tuple[Flag, ...]:
    """``flags`` and those of ``heard_of`` that are not among them."""
    return (*flags, *(flag for flag in heard_of if flag not in flags))


def _hear(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
    if issubclass(category, _OF_PROGRAMMERS):
        return
    text = " ".join(_QUOTING.sub(r"\1", str(message)).split())
    text = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
    ears, thread = list(_EARS), threading.get_ident()
    mine = [ear for ear in ears if ear.thread == thread] or ears
    if mine:
        mine[-1].said.append(text if text.endswith(".") else f"{text}.")
