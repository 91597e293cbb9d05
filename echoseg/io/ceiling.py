"""How much a small file may unpack to: asked of what it states, before anything is allocated.

A few kilobytes can claim any size. What a caller sets with :func:`ceiling` holds for what is opened within that block.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from echoseg.errors import SourceError

GIB = 1 << 30
DEFAULT_GIB = 2.0
LABELS = 4.0
"""How much of the ceiling label maps may take: a byte a pixel, which nothing but they need at a time."""

_OF_A_FRAME = 1 / 8
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


def check_frame(stated: int, where: str | Path) -> None:
    """As :func:`check_unpacked`, for one picture: an eighth of it, as several are held at a time, some in wider numbers."""
    check_unpacked(stated, where, share=_OF_A_FRAME)


def check_unpacked(stated: int, where: str | Path, share: float = 1.0) -> None:
    """Nothing, where ``stated`` bytes may be unpacked.

    Args:
        where: names the input in the error.
        share: of the ceiling, that counts.

    Raises:
        SourceError: more than the ceiling.
    """
    most = _MOST.get() * share
    if stated > most:
        allowed = f"{most / GIB:g} GiB are allowed (`echoseg --max-unpacked GIB` gives more)"
        raise SourceError(f"{where}: unpacks to {stated / GIB:.1f} GiB, and {allowed}; check that the file is what it should be")
