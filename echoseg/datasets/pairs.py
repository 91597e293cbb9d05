"""Images and masks in two folders, paired by name: ``images/case7.nii.gz`` with ``masks/case7.nii.gz``, ``a.png`` with ``a.png``."""

from __future__ import annotations

from pathlib import Path

from natsort import natsorted

from echoseg.errors import SourceError
from echoseg.io.names import output_name

_NNUNET_CHANNEL = "_0000"


def paired_by_name(images: Path, masks: Path) -> dict[str, tuple[Path, Path]]:
    """Image and mask of each mask, by name, in natural order.

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
    return {name: (by_name[name], truth) for name, truth in truths.items()}


def _named(folder: Path) -> dict[str, Path]:
    """Files and subfolders by name without extension, in natural order."""
    if not folder.is_dir():
        raise SourceError(f"{folder}: no such folder")
    out: dict[str, Path] = {}
    for path in natsorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        name = output_name(path).removesuffix(_NNUNET_CHANNEL)
        if name in out:
            raise SourceError(f"{folder}: {out[name].name} and {path.name} have the same name; only one can belong to a mask")
        out[name] = path
    return out
