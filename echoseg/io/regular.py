"""Small files read whole: regular ones alone, of a bounded size. A pipe in the place of a file would be waited for without end."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

LONGEST_RECORD = 1 << 26
"""Bytes of a measurements.json or study.json that is read."""


def read_regular(path: Path, most: int) -> bytes:
    """The bytes of a file.

    Args:
        most: how many it may hold.

    Raises:
        OSError: it cannot be read, is no regular file, or larger.
    """
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with os.fdopen(handle, "rb") as file:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "no regular file", str(path))
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"holds more than {most:,} bytes", str(path))
    return content
