"""MedSAM2's ``.npz`` files, one volume or clip each: ``imgs (T, H, W)`` or ``(T, H, W, 3)``, ``gts (T, H, W)`` label numbers, ``spacing``.

Other arrays, such as ``recist``, may be there. Objects are called by their label number.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from natsort import natsorted

from echoseg.datasets.case import Case, read_case
from echoseg.errors import SourceError
from echoseg.io.labels.read import read_labels
from echoseg.io.open import open_source


def npz_files(root: Path) -> list[Path]:
    """``root`` itself, or the files in it and its subfolders, in natural order.

    Raises:
        SourceError: there are none.
    """
    files = [root] if root.is_file() else natsorted(root.rglob("*.npz"))
    if not files:
        raise SourceError(f"{root}: no .npz files in this folder or below")
    return files


def npz_volumes(root: Path) -> Iterator[Case]:
    """One volume a file.

    Raises:
        SourceError: as :func:`npz_files`; a file lacks ``imgs`` or ``gts``, or the two differ in shape.
    """
    for path in npz_files(root):
        masks = read_labels(path).masks  # first: it says what is wrong with a damaged file
        with open_source(path, kind="volume") as source:
            yield read_case(source, masks, path, path.stem, {})
