"""What libraries warn of while they read an input: a flag on the source, and not a line on somebody's terminal."""

from __future__ import annotations

import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from echoseg.types import Flag

WARNINGS = threading.RLock()
"""Held while warnings are redirected, which is a state of the whole process: without it two threads would leave each other's behind."""

_OF_PROGRAMMERS = (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning)
_QUOTING = re.compile(r"(Invalid value for VR \w\w|Invalid .{0,40}?value): .*", re.DOTALL)
_LONGEST = 300


@contextmanager
def heard() -> Iterator[list[Flag]]:
    """Collects the warnings of the block as flags ``library_warning``, each once; the list is filled when the block ends.

    Warnings to programmers are dropped, and so are values of attributes that a warning quotes: they may name the patient.
    """
    flags: list[Flag] = []
    with WARNINGS, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield flags
    for said in dict.fromkeys(_said(one) for one in caught if not issubclass(one.category, _OF_PROGRAMMERS)):
        flags.append(Flag("library_warning", f"While the input was read, a library warned: {said}"))


def with_new(flags: tuple[Flag, ...], heard_of: list[Flag]) -> tuple[Flag, ...]:
    """``flags`` and those of ``heard_of`` that are not among them."""
    return (*flags, *(flag for flag in heard_of if flag not in flags))


def _said(warning: warnings.WarningMessage) -> str:
    text = " ".join(_QUOTING.sub(r"\1", str(warning.message)).split())
    text = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
    return text if text.endswith(".") else f"{text}."
