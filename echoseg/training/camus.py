"""The CAMUS layout: ``patientNNNN/patientNNNN_{2CH,4CH}_{ED,ES}.mhd`` with ``_gt`` label maps (1 LV, 2 myocardium, 3 LA)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from echoseg.errors import SourceError
from echoseg.training.dataset import Sample, sample_of_labels

LABELS = {1: "LV", 2: "MYO", 3: "LA"}
_ENDINGS = (".mhd", ".nii.gz")


class Camus:
    """One sample a view: the ED and the ES frame, as a clip of two.

    Frames keep their own pixels, which are not square in the original release; the model sees every frame stretched to a square.

    Raises:
        SourceError: no patient with both phases of a view was found.
    """

    def __init__(self, root: str | Path, patients: Sequence[str] | None = None) -> None:
        root = Path(root)
        folders = [root / name for name in patients] if patients is not None else sorted(root.glob("patient*"))
        self.views: list[tuple[Path, Path]] = []
        for folder in folders:
            for view in ("2CH", "4CH"):
                pair = [_found(folder, f"{folder.name}_{view}_{phase}") for phase in ("ED", "ES")]
                if pair[0] is not None and pair[1] is not None:
                    self.views.append((pair[0], pair[1]))
        if not self.views:
            wanted = "patientNNNN/patientNNNN_4CH_ED.mhd (or .nii.gz) with its _gt beside it"
            raise SourceError(f"no CAMUS views under {root}: expected {wanted}")

    def __len__(self) -> int:
        return len(self.views)

    def sample(self, index: int, rng: np.random.Generator) -> Sample:
        """ED then ES of view ``index``; ``rng`` is not used."""
        frames = [_read(path) for path in self.views[index]]
        labels = [_read(_truth(path)) for path in self.views[index]]
        return sample_of_labels(np.stack(frames).astype(np.uint8), np.stack(labels), LABELS)


def _found(folder: Path, stem: str) -> Path | None:
    """The image file with that stem whose truth lies beside it."""
    for ending in _ENDINGS:
        path = folder / (stem + ending)
        if path.is_file() and _truth(path).is_file():
            return path
    return None


def _truth(path: Path) -> Path:
    stem, dot, ending = path.name.partition(".")
    return path.with_name(f"{stem}_gt{dot}{ending}")


def _read(path: Path) -> np.ndarray:
    """``(H, W)`` array of a 2-D image (a third axis of length 1 is dropped)."""
    try:
        array = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
    except RuntimeError as error:
        raise SourceError(f"{path} cannot be read, with its data file beside it: {str(error).splitlines()[-1]}") from error
    return array[0] if array.ndim == 3 else array
