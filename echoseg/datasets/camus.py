"""The CAMUS layout (Leclerc et al. 2019): ``patientNNNN/patientNNNN_{2CH,4CH}_{ED,ES}.mhd`` (or ``.nii.gz``) with ``_gt`` label maps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from echoseg.errors import SourceError
from echoseg.io.volume.itk import load_itk

LABELS = {1: "LV", 2: "MYO", 3: "LA"}
PHASES = ("ED", "ES")
_ENDINGS = (".mhd", ".nii.gz")


@dataclass(frozen=True)
class CamusView:
    """One apical view of one patient.

    Attributes:
        patient: name of the patient's folder. ``view``: ``2CH`` or ``4CH``.
        files: image and label map of each of :data:`PHASES`.
    """

    patient: str
    view: str
    files: tuple[tuple[Path, Path], ...]

    def read(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8], tuple[float, float]]:
        """Frames and label maps (see :data:`LABELS`), each ``(2, H, W)``, in their own pixels, and ``(row_mm, col_mm)``.

        Pixels are not square in the original release.

        Raises:
            SourceError: a file cannot be read.
        """
        frames, spacing = zip(*(_read(image) for image, _ in self.files), strict=True)
        labels = [_read(truth)[0] for _, truth in self.files]
        return np.stack(frames), np.stack(labels), spacing[0]


def find_views(root: Path, patients: Sequence[str] | None = None) -> list[CamusView]:
    """The views of which both phases and their truth are there, by patient.

    Args:
        root: holds the patients' folders.
        patients: names of those to take; None for all.

    Raises:
        SourceError: there is no such view.
    """
    folders = sorted(root.glob("patient*")) if patients is None else [root / name for name in patients]
    views = []
    for folder in folders:
        for view in ("2CH", "4CH"):
            found = [_find(folder, f"{folder.name}_{view}_{phase}") for phase in PHASES]
            files = tuple(pair for pair in found if pair is not None)
            if len(files) == len(PHASES):
                views.append(CamusView(folder.name, view, files))
    if not views:
        raise SourceError(f"{root}: no CAMUS views; expected patientNNNN/patientNNNN_4CH_ED.mhd (or .nii.gz) with its _gt beside it")
    return views


def _find(folder: Path, stem: str) -> tuple[Path, Path] | None:
    """The image of that stem and its truth."""
    for ending in _ENDINGS:
        image, truth = folder / f"{stem}{ending}", folder / f"{stem}_gt{ending}"
        if image.is_file() and truth.is_file():
            return image, truth
    return None


def _read(path: Path) -> tuple[NDArray[np.uint8], tuple[float, float]]:
    """``(H, W)`` pixels of a 2D image (a third axis of length 1 is dropped) and ``(row_mm, col_mm)``."""
    try:
        image = load_itk(path)[0] if path.suffix == ".mhd" else sitk.ReadImage(str(path))
    except RuntimeError as error:
        raise SourceError(f"{path}: cannot be read, with its data file beside it ({str(error).splitlines()[-1]})") from error
    pixels = sitk.GetArrayFromImage(image)
    column_mm, row_mm = image.GetSpacing()[:2]
    return (pixels[0] if pixels.ndim == 3 else pixels).astype(np.uint8), (float(row_mm), float(column_mm))
