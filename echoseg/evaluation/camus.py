"""CAMUS (Leclerc et al. 2019) as a reference: human masks of the ED and ES frames of apical 2- and 4-chamber views."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from echoseg.errors import SourceError
from echoseg.evaluation.reference import Reference

LABELS = {1: "LV", 2: "MYO", 3: "LA"}
PHASES = ("ED", "ES")
SQUEEZED = 224
_ENDINGS = (".mhd", ".nii.gz")


def camus_views(root: Path) -> Iterator[Reference]:
    """One reference a view: a clip of its ED and its ES frame, in its own pixels.

    Args:
        root: holds ``patientNNNN/patientNNNN_4CH_ED.mhd`` (or ``.nii.gz``) with ``_gt`` beside it.

    Raises:
        SourceError: no view has both phases, or a file cannot be read.
    """
    count = 0
    for folder in sorted(root.glob("patient*")):
        for view in ("2CH", "4CH"):
            files = [_find(folder, f"{folder.name}_{view}_{phase}") for phase in PHASES]
            if not all(files):
                continue
            count += 1
            pictures, spacing = zip(*(_read(image) for image, _ in filter(None, files)), strict=True)
            labels = np.stack([_read(truth)[0] for _, truth in filter(None, files)])
            yield Reference(
                name=f"{folder.name}_{view}",
                subject=folder.name,
                frames=np.stack(pictures).astype(np.uint8),
                truth={name: labels == value for value, name in LABELS.items()},
                known=np.ones(len(labels), bool),
                spacing=spacing[0],
            )
    if not count:
        raise SourceError(f"{root}: no CAMUS views; expected patientNNNN/patientNNNN_4CH_ED.mhd (or .nii.gz) with its _gt beside it")


def camus_stills(root: Path) -> Iterator[Reference]:
    """Every still in its own pixels (variant ``native``) and squeezed to 224 x 224; errors as :func:`camus_views`."""
    from dataclasses import replace

    for view in camus_views(root):
        for frame, phase in enumerate(PHASES):
            still = replace(view.still(frame), name=f"{view.name}_{phase}")
            yield replace(still, variant="native")
            yield still.resized(SQUEEZED, SQUEEZED)


def _find(folder: Path, stem: str) -> tuple[Path, Path] | None:
    """The image of that stem and its truth."""
    for ending in _ENDINGS:
        image, truth = folder / f"{stem}{ending}", folder / f"{stem}_gt{ending}"
        if image.is_file() and truth.is_file():
            return image, truth
    return None


def _read(path: Path) -> tuple[NDArray[np.generic], tuple[float, float]]:
    """``(H, W)`` pixels of a 2D image (a third axis of length 1 is dropped) and ``(row_mm, col_mm)``."""
    try:
        image = sitk.ReadImage(str(path))
    except RuntimeError as error:
        raise SourceError(f"{path}: cannot be read, with its data file beside it ({str(error).splitlines()[-1]})") from error
    pixels = sitk.GetArrayFromImage(image)
    column_mm, row_mm = image.GetSpacing()[:2]
    return pixels[0] if pixels.ndim == 3 else pixels, (float(row_mm), float(column_mm))
