"""How much memory this process may use: an allocation beyond fails here, before the machine suffers."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

_MOST_OF_THE_MACHINE = 0.8


def memory_share(processes: int) -> int:
    """Bytes that each of ``processes`` may use: its share of 80 % of this machine's memory."""
    return int(_MOST_OF_THE_MACHINE * psutil.virtual_memory().total / processes)


def limit_memory(allowed: int) -> None:
    """From now on an allocation beyond ``allowed`` bytes fails in this process. No limit where the system knows none."""
    if resource is None or sys.platform == "darwin":  # which does not keep to it
        return
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (allowed if hard == resource.RLIM_INFINITY else min(allowed, hard), hard))


@contextmanager
def memory_limited(allowed: int) -> Iterator[None]:
    """:func:`limit_memory` for a block."""
    if resource is None:
        yield
        return
    before = resource.getrlimit(resource.RLIMIT_DATA)
    limit_memory(allowed)
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, before)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory was refused, in the words of Python, torch or C++."""
    return isinstance(error, MemoryError) or "t allocate memory" in str(error) or "bad_alloc" in str(error)
