"""One's own images and masks as a reference: stills, clips and volumes in two folders, paired by name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from echoseg.datasets.pairs import paired_by_name
from echoseg.errors import SourceError
from echoseg.evaluation.reference import Reference
from echoseg.io.labels.read import read_labels
from echoseg.io.open import open_source
from echoseg.simulate import STRUCTURES


def folder_pairs(root: Path) -> Iterator[Reference]:
    """One reference a mask; every frame has truth.

    Args:
        root: holds ``images/`` (whatever :func:`~echoseg.io.open.open_source` reads) and ``masks/`` (label maps as
            :func:`~echoseg.io.labels.read.read_labels` takes them). Of clips and stills the labels 1 to 4 are LV, MYO, LA and RV;
            others, and those of volumes, are called by their number.

    Raises:
        SourceError: a folder is missing, a mask has no image, one cannot be read, or the two differ in shape.
    """
    for name, (image, mask) in paired_by_name(root / "images", root / "masks").items():
        with open_source(image) as source:
            frames = np.stack(list(source.frames()))
            geometry, fps, volume = source.geometry, source.timing.fps, bool(source.stored_in)
            labels = source.from_stored(read_labels(mask).masks)
        if labels.shape != frames.shape[:3]:
            raise SourceError(f"{mask}: masks of shape {labels.shape} do not fit frames of shape {frames.shape[:3]}")
        values = [int(value) for value in np.unique(labels) if value]
        yield Reference(
            name=name,
            subject=name,
            frames=frames,
            truth={str(value) if volume else STRUCTURES.get(value, str(value)): labels == value for value in values},
            known=np.ones(len(frames), bool),
            kind="volume" if volume else "clip",
            spacing=geometry.spacing,
            slice_mm=geometry.slice_spacing,
            fps=None if volume else fps,
        )
