"""What ``echoseg archive SOURCE`` is given: a folder tree, a manifest, a data set, or an address in a PACS."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from echoseg.archive.datasets import camus_items, echonet_items
from echoseg.archive.item import Item
from echoseg.archive.jobs import Job, What
from echoseg.archive.manifest import read_manifest
from echoseg.archive.stamp import stamped
from echoseg.archive.walk import the_rest, walk
from echoseg.datasets.camus import is_camus
from echoseg.datasets.echonet import is_listed_folder
from echoseg.errors import SourceError, UnsupportedSourceError
from echoseg.io.dicom.web_address import is_dicomweb, parse_query
from echoseg.prompting.parse import located_prompt

_MANIFESTS = (".csv", ".parquet", ".pq")
_UNLISTED = "FileList.csv does not name it"
_NOT_CAMUS = "no sequence of CAMUS, nor a still where that is missing"


@dataclass(frozen=True)
class ArchiveSource:
    """Where items come from.

    Attributes:
        kind: what SOURCE was taken for.
        root: folder that paths are relative to; None for a PACS.
        found: gives the items, always in the same order, one by one; among them those that are left out.
    """

    kind: Literal["folder", "manifest", "EchoNet-Dynamic", "CAMUS", "DICOMweb"]
    root: Path | None
    found: Callable[[], Iterator[Item]]

    def items(self) -> Iterator[Item]:
        """The items that are worked on."""
        return (item for item in self.found() if item.left_out is None)

    def job(self, what: What, number: int, item: Item, key: str = "") -> Job:
        """The job with where the item lies; a file that its prompt names is relative to the root."""
        location = item.path if self.root is None or is_dicomweb(item.path) else os.path.join(self.root, item.path)
        if item.prompt is not None and self.root is not None:
            item = replace(item, prompt=located_prompt(item.prompt, self.root))
        return Job(what, number, item, location, key)

    def lost(self, location: str) -> bool:
        """Whether not one item but the drive is gone, that is the root or everything in it; or the server of an address."""
        if is_dicomweb(location):
            from echoseg.io.dicom.web import answers

            return not answers(location)
        if self.root is None:
            return False
        try:
            with os.scandir(self.root) as entries:
                return next(entries, None) is None  # an empty mount point
        except OSError:
            return True


def open_archive(source: str | Path, out: Path, prompt: str = "auto") -> ArchiveSource:
    """What ``source`` is, by its content.

    Args:
        source: a folder, a CSV or Parquet manifest, or ``dicomweb://HOST/...``: a study, or a query for studies.
        out: folder of the results; left out when it lies in the source.
        prompt: of the run, see :class:`~echoseg.archive.settings.Settings`. With ``tracings`` every item brings its own.

    Raises:
        SourceError: none of these.
        PromptError: not a prompt, or none for this source, see :func:`echoseg.prompting.tracings.checked_prompt`.
    """
    from echoseg.prompting.tracings import checked_prompt, tracing_choice  # here: they bring matplotlib

    checked_prompt(prompt, [str(source)])
    traced = tracing_choice(prompt) is not None
    if isinstance(source, str) and is_dicomweb(source):
        parse_query(source)
        return ArchiveSource("DICOMweb", None, lambda: _pacs_items(source))
    root = Path(source).absolute()
    if root.is_file():
        if root.suffix.lower() not in _MANIFESTS:
            raise SourceError(f"{source}: is a single file; an archive is a folder, or a manifest ({', '.join(_MANIFESTS)})")
        return ArchiveSource("manifest", root.parent, lambda: stamped(read_manifest(root), root.parent))
    if not root.is_dir():
        raise SourceError(f"{source}: no such folder or manifest; check the path, or mount the drive")
    if is_listed_folder(root):
        return ArchiveSource(
            "EchoNet-Dynamic", root, lambda: stamped(the_rest(root, out.absolute(), echonet_items(root, traced=traced), _UNLISTED), root)
        )
    if is_camus(root):
        return ArchiveSource("CAMUS", root, lambda: stamped(the_rest(root, out.absolute(), camus_items(root), _NOT_CAMUS), root))
    return ArchiveSource("folder", root, lambda: stamped(walk(root, out.absolute()), root))


def _pacs_items(address: str) -> Iterator[Item]:
    from echoseg.io.dicom.web import sources_at, studies_matching

    for study in studies_matching(address):
        try:
            found = sources_at(study)
        except UnsupportedSourceError:  # it holds no images: the item fails when its turn comes, and the reason is noted
            found = [study]
        yield from map(Item, found)
