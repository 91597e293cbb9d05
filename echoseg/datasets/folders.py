"""Images and masks in two folders, paired by name: ``images/case7.nii.gz`` with ``masks/case7.nii.gz``, ``a.png`` with ``a.png``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, TypeVar

from natsort import natsorted

from echoseg.datasets.case import Case, read_case
from echoseg.errors import SourceError
from echoseg.io.labels.placing import labels_on
from echoseg.io.names import bare_name, output_name
from echoseg.io.open import open_source
from echoseg.simulate import STRUCTURES

Part = Literal["all", "train", "val"]
T = TypeVar("T")

_NNUNET_CHANNEL = "_0000"
_BLOCK, _EVERY = 8, 40


def folder_pairs(root: Path, names: Mapping[int, str] | None = None, part: Part = "all") -> Iterator[Case]:
    """One case a mask; every frame has truth.

    Args:
        root: holds ``images/`` (whatever :func:`~echoseg.io.open.open_source` reads) and ``masks/`` (label maps as
            :func:`~echoseg.io.labels.read.read_labels` takes them).
        names: of the labels. Without them the labels 1 to 4 of clips and stills are LV, MYO, LA and RV; others, and those of volumes, are
            called by their number.
        part: of the masks, see :func:`part_of`.

    Raises:
        SourceError: a folder is missing, a mask has no image, one cannot be read, or the two differ in shape, place or spacing.
    """
    for image, mask in part_of(paired_by_name(root / "images", root / "masks"), part):
        with open_source(image) as source:
            called = names if names is not None else {} if source.stored_in else STRUCTURES
            labels = source.to_stored(labels_on(mask, source))
            yield read_case(source, labels, mask, output_name(mask).removesuffix(_NNUNET_CHANNEL), called)


def paired_by_name(images: Path, masks: Path) -> list[tuple[Path, Path]]:
    """Image and mask of each mask, in natural order.

    Names are compared without their extensions; nnU-Net's ``_0000`` at the end of an image's name does not count. Images without a mask
    are left out.

    Raises:
        SourceError: a folder is missing or has no masks, two files share a name, or a mask has no image.
    """
    by_name, truths = _named(images), _named(masks)
    if not truths:
        raise SourceError(f"{masks}: holds no masks")
    if lonely := [truth for name, truth in truths.items() if name not in by_name]:
        raise SourceError(f"{lonely[0]}: no image of that name in {images} ({len(lonely)} such masks)")
    return [(by_name[name], truth) for name, truth in truths.items()]


def part_of(neighbours: Sequence[T], part: Part) -> list[T]:
    """Those of ``neighbours`` to train on, or the block to choose by (``val``): the last 8 of each 40.

    A block of neighbours by name keeps pictures of one subject together, but for those at its ends.
    """
    return [one for place, one in enumerate(neighbours) if part == "all" or (place % _EVERY >= _EVERY - _BLOCK) == (part == "val")]


def _named(folder: Path) -> dict[str, Path]:
    """Files and subfolders by name without extension, in natural order."""
    if not folder.is_dir():
        raise SourceError(f"{folder}: no such folder")
    out: dict[str, Path] = {}
    for path in natsorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        name = bare_name(path).removesuffix(_NNUNET_CHANNEL)
        if name in out:
            raise SourceError(f"{folder}: {out[name].name} and {path.name} have the same name; only one can belong to a mask")
        out[name] = path
    return out
