"""What ``echoseg archive SOURCE`` is given: a folder tree, a manifest, a data set, or an address in a PACS."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from echoseg.archive.datasets import camus_items, echonet_items, is_camus, is_echonet
from echoseg.archive.item import Item
from echoseg.archive.manifest import read_manifest
from echoseg.archive.walk import walk
from echoseg.errors import SourceError
from echoseg.io.dicomweb_address import is_dicomweb

_MANIFESTS = (".csv", ".parquet", ".pq")


@dataclass(frozen=True)
class ArchiveSource:
    """Where items come from.

    Attributes:
        kind: what SOURCE was taken for.
        root: folder that paths are relative to; None for a PACS.
        items: gives the items, always in the same order, one by one.
    """

    kind: Literal["folder", "manifest", "EchoNet-Dynamic", "CAMUS", "DICOMweb"]
    root: Path | None
    items: Callable[[], Iterator[Item]]

    def location(self, item: Item) -> str:
        """What to open for an item."""
        return item.path if self.root is None or is_dicomweb(item.path) else os.path.join(self.root, item.path)

    def lost(self) -> bool:
        """Whether the drive is gone: the root, or everything in it."""
        if self.root is None:
            return False
        try:
            with os.scandir(self.root) as entries:
                return next(entries, None) is None  # an empty mount point
        except OSError:
            return True


def open_archive(source: str | Path, out: Path) -> ArchiveSource:
    """What ``source`` is, by its content.

    Args:
        source: a folder, a CSV or Parquet manifest, or ``dicomweb://HOST/...``.
        out: folder of the results; left out when it lies in the source.

    Raises:
        SourceError: none of these.
    """
    if isinstance(source, str) and is_dicomweb(source):
        return ArchiveSource("DICOMweb", None, lambda: _pacs_items(source))
    root = Path(source).absolute()
    if root.is_file():
        if root.suffix.lower() not in _MANIFESTS:
            raise SourceError(f"{source}: is a single file; an archive is a folder, or a manifest ({', '.join(_MANIFESTS)})")
        return ArchiveSource("manifest", root.parent, lambda: read_manifest(root))
    if not root.is_dir():
        raise SourceError(f"{source}: no such folder or manifest; check the path, or mount the drive")
    if is_echonet(root):
        return ArchiveSource("EchoNet-Dynamic", root, lambda: echonet_items(root))
    if is_camus(root):
        return ArchiveSource("CAMUS", root, lambda: camus_items(root))
    return ArchiveSource("folder", root, lambda: walk(root, out.absolute()))


def _pacs_items(address: str) -> Iterator[Item]:
    from echoseg.io.dicomweb import sources_at

    return (Item(found) for found in sources_at(address))
