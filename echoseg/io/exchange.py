"""Two names of one folder change places in one step, where the system can: Linux (renameat2) and macOS (renamex_np)."""

from __future__ import annotations

import ctypes
import os
import sys
from functools import cache
from pathlib import Path
from typing import Any

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2  # linux/fs.h; macOS calls it RENAME_SWAP, with the same number


def exchanged(one: Path, other: Path) -> bool:
    """Whether both, which must exist, have changed places; False where system or file system cannot, and nothing has happened."""
    call = _call()
    if call is None:
        return False
    first, second = os.fsencode(one), os.fsencode(other)
    if sys.platform == "darwin":
        return bool(call(first, second, _RENAME_EXCHANGE) == 0)
    return bool(call(_AT_FDCWD, first, _AT_FDCWD, second, _RENAME_EXCHANGE) == 0)


@cache
def _call() -> Any:
    if sys.platform not in ("linux", "darwin"):
        return None
    return getattr(ctypes.CDLL(None, use_errno=True), "renamex_np" if sys.platform == "darwin" else "renameat2", None)
