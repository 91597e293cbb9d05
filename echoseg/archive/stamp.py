"""Whether a clip is still the file that was seen: its size and time, asked again after the work."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from echoseg.archive.item import Item
from echoseg.io.dicom.web_address import is_dicomweb


def stamp_of(location: str) -> str | None:
    """Size in bytes and time of change in ns, of a folder those of all files right in it; None of an address, or where nothing is there."""
    if is_dicomweb(location):
        return None
    try:
        found = os.stat(location)
        if not os.path.isdir(location):
            return f"{found.st_size} {found.st_mtime_ns}"
        with os.scandir(location) as entries:
            files = [one.stat() for one in entries if one.is_file()]
    except OSError:
        return None
    return f"{len(files)} {sum(file.st_size for file in files)} {max((file.st_mtime_ns for file in files), default=0)}"


def stamped(items: Iterator[Item], root: Path) -> Iterator[Item]:
    """``items`` with the stamp of each; paths are relative to ``root``."""
    for item in items:
        yield item if item.left_out is not None else replace(item, stamp=stamp_of(os.path.join(root, item.path)))


def leads_out(link: Path, root: Path) -> bool:
    """Whether a link leads to something outside of ``root``: whoever may write there could have any file of the machine read."""
    return not link.resolve().is_relative_to(root.resolve())
