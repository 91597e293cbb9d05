"""How much a small file may unpack to: asked of what it states, before anything is allocated.

A few kilobytes can claim any size. What a caller sets with :func:`ceiling` holds for what is opened, and read, within that block;
sources keep it for the frames that are read later.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from echoseg.errors import SourceError

GIB = 1 << 30
DEFAULT_GIB = 2.0
_MOST = ContextVar("most", default=int(DEFAULT_GIB * GIB))


@contextmanager
def ceiling(gib: float | None) -> Iterator[None]:
    """Within the block no compressed input may unpack to more; None: as outside of it."""
    if gib is None:
        yield
        return
    token = _MOST.set(int(gib * GIB))
    try:
        yield
    finally:
        _MOST.reset(token)


def most_bytes() -> int:
    """The ceiling that holds here."""
    return _MOST.get()


def check_unpacked(stated: int, where: str | Path, most: int | None = None) -> None:
    """Nothing, where ``stated`` bytes may be unpacked.

    Args:
        where: names the input in the error.
        most: a ceiling that was kept; None: the one that holds here.

    Raises:
        SourceError: more than the ceiling.
    """
    most = _MOST.get() if most is None else most
    if stated > most:
        allowed = f"{most / GIB:g} GiB are allowed (--max-unpacked gives more)"
        raise SourceError(f"{where}: unpacks to {stated / GIB:.1f} GiB, and {allowed}; check that the file is what it should be")
