"""What a project consists of: anything that ``run`` takes, each with an id that says nothing of the patient."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from echoseg.archive.item import Item
from echoseg.archive.source import open_archive
from echoseg.errors import SourceError
from echoseg.io.dicom.web_address import is_dicomweb
from echoseg.io.names import output_name

ITEM_ID = re.compile(r"[0-9a-f]{12}")
UPLOADS = "uploads"
_TABLES = (".csv", ".parquet", ".pq")


@dataclass(frozen=True)
class StudioItem:
    """One clip or volume of a project.

    Attributes:
        id: 12 hex digits, the same whenever the same file is opened.
        number: its place in the user's order, from 1.
        location: path or address to open.
        name: of its file; may hold a patient's name, so it is not shown unless asked for.
        item: what its source says of it.
    """

    id: str
    number: int
    location: str
    name: str
    item: Item

    @property
    def opening(self) -> dict[str, Any]:
        """Keywords for :func:`echoseg.open_source`."""
        row, column = self.item.row_mm or self.item.col_mm, self.item.col_mm or self.item.row_mm
        given = {"kind": self.item.kind, "fps": self.item.fps, "spacing": None if row is None or column is None else (row, column)}
        return {key: value for key, value in given.items() if value is not None}


def project_items(inputs: Sequence[str], folder: Path) -> list[StudioItem]:
    """The items of files, folders, manifests and ``dicomweb://`` addresses, in the order given, then what was uploaded; each counts once.

    Args:
        inputs: as on the command line.
        folder: of the project, passed over where it lies in a folder of inputs.

    Raises:
        SourceError: an input is none, or nothing is in it.
    """
    found: dict[str, StudioItem] = {}
    for given in [*inputs, *uploaded(folder)]:
        for location, item in _located(given, folder):
            key = item_id(location, item)
            if key not in found:
                found[key] = StudioItem(key, len(found) + 1, location, output_name(location), item)
    if not found:
        raise SourceError(f"{', '.join(inputs)}: nothing there that can be annotated; give clips, volumes, or a folder of them")
    return list(found.values())


def uploaded(folder: Path) -> list[str]:
    """The files that were brought to a project by its page, the oldest first."""
    files = [path for path in (folder / UPLOADS).glob("*") if path.is_file() and not path.name.startswith(".")]
    return [str(path) for path in sorted(files, key=lambda path: (path.stat().st_mtime_ns, path.name))]


def item_id(location: str, item: Item) -> str:
    """The id of what lies at ``location`` and is known to be ``item``."""
    return hashlib.sha256(f"{location}\0{item.facts()}".encode()).hexdigest()[:12]


def _located(given: str, folder: Path) -> Iterable[tuple[str, Item]]:
    path = Path(given)
    if is_dicomweb(given) or path.is_dir() or path.suffix.lower() in _TABLES:
        source = open_archive(given, folder)
        for number, item in enumerate(source.items()):
            if item.fault is None:
                job = source.job("process", number, item)
                yield job.location, job.item
        return
    if not path.is_file():
        raise SourceError(f"{given}: no such file or folder; check the path")
    yield str(path.absolute()), Item(path.name)
