"""MedSAM2's ``.npz`` files as a reference: CT lesions and other volumes with ``imgs``, ``gts`` and ``spacing``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from natsort import natsorted

from echoseg.errors import SourceError
from echoseg.evaluation.reference import Reference
from echoseg.io.labels.read import read_labels
from echoseg.io.open import open_source


def npz_volumes(root: Path) -> Iterator[Reference]:
    """One reference a file under ``root`` (or ``root`` itself); its objects are called by their label number.

    Raises:
        SourceError: no such file, one that lacks ``imgs`` or ``gts``, or the two differ in shape.
    """
    files = [root] if root.is_file() else natsorted(root.rglob("*.npz"))
    if not files:
        raise SourceError(f"{root}: no .npz files in this folder or below")
    for path in files:
        labels = read_labels(path).masks
        with open_source(path, kind="volume") as source:
            frames, geometry = np.stack(list(source.frames())), source.geometry
        if labels.shape != frames.shape[:3]:
            raise SourceError(f"{path}: gts of shape {labels.shape} do not fit imgs of shape {frames.shape}")
        truth = {str(value): labels == value for value in np.unique(labels) if value}
        known = np.ones(len(frames), bool)
        yield Reference(path.stem, path.stem, frames, truth, known, "volume", geometry.spacing, geometry.slice_spacing)
