"""The CAMUS layout (Leclerc et al. 2019): ``patientNNNN/patientNNNN_{2CH,4CH}_{ED,ES}.mhd`` (or ``.nii.gz``) with ``_gt`` label maps."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from echoseg.datasets.case import Case
from echoseg.errors import SourceError
from echoseg.io.volume.itk import load_itk

LABELS = {1: "LV", 2: "MYO", 3: "LA"}
PHASES = ("ED", "ES")
SQUEEZED = 224
_VIEWS = {"2CH": "A2C", "4CH": "A4C"}
_ENDINGS = (".mhd", ".nii.gz")
_CLIPS = ("half_sequence.nii.gz", "half_sequence.mhd", "sequence.nii.gz", "sequence.mhd")
_STILLS = tuple(f"{phase}{ending}" for phase in PHASES for ending in reversed(_ENDINGS))


@dataclass(frozen=True)
class CamusView:
    """One apical view of one patient, as far as it is there.

    Attributes:
        folder: of the patient, whose name it has. ``short``: ``2CH`` or ``4CH``.
    """

    folder: Path
    short: str

    @property
    def view(self) -> str:
        """``A2C`` or ``A4C``."""
        return _VIEWS[self.short]

    def read(self) -> Case:
        """A clip of the ED and the ES frame in their own pixels, which are not square in the original release.

        Raises:
            SourceError: a file is missing or cannot be read.
        """
        pairs = self._labelled()
        if len(pairs) < len(PHASES):
            raise SourceError(f"{self.folder}: {self.short} lacks a phase, or its truth")
        frames, spacing = zip(*(_read(image) for image, _ in pairs), strict=True)
        labels = np.stack([_read(truth)[0] for _, truth in pairs])
        name, known = f"{self.folder.name}_{self.short}", np.ones(len(PHASES), bool)
        phases = {phase: at for at, phase in enumerate(PHASES)}
        return Case(name, self.folder.name, np.stack(frames), labels, LABELS, known, spacing=spacing[0], view=self.view, phases=phases)

    def is_labelled(self) -> bool:
        """Whether both phases and their truth are there."""
        return len(self._labelled()) == len(PHASES)

    def recordings(self) -> tuple[list[Path], bool]:
        """The sequence and True, or where that was not downloaded the stills at ED and ES and False."""
        clips, stills = ([path for name in names if (path := self._file(name)).is_file()] for names in (_CLIPS, _STILLS))
        return clips[:1] or stills, bool(clips)

    def info(self) -> dict[str, str]:
        """What ``Info_4CH.cfg`` says of the patient: ``Sex``, ``LVef`` (biplane, by a cardiologist) and more; empty without the file."""
        try:
            lines = (self.folder / f"Info_{self.short}.cfg").read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError):
            return {}
        return {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}

    def _labelled(self) -> list[tuple[Path, Path]]:
        """Image and truth of the phases that have both."""
        found = []
        for phase in PHASES:
            pairs = ((self._file(f"{phase}{ending}"), self._file(f"{phase}_gt{ending}")) for ending in _ENDINGS)
            found += [pair for pair in pairs if pair[0].is_file() and pair[1].is_file()][:1]
        return found

    def _file(self, name: str) -> Path:
        return self.folder / f"{self.folder.name}_{self.short}_{name}"


def is_camus(root: Path) -> bool:
    """Whether the first folder in ``root`` that is named ``patient...`` is one of CAMUS, with what is said of the patient."""
    with os.scandir(root) as entries:
        folder = next((entry for entry in entries if entry.name.startswith("patient") and entry.is_dir()), None)
    return folder is not None and any(Path(folder.path, f"Info_{short}.cfg").is_file() for short in _VIEWS)


def patient_views(root: Path, patients: Sequence[str] | None = None) -> Iterator[CamusView]:
    """Both views of every patient, or of those named, whatever is there of them."""
    folders = sorted(path for path in root.glob("patient*") if path.is_dir()) if patients is None else [root / name for name in patients]
    return (CamusView(folder, short) for folder in folders for short in _VIEWS)


def find_views(root: Path, patients: Sequence[str] | None = None) -> list[CamusView]:
    """The views of which both phases and their truth are there, by patient.

    Args:
        root: holds the patients' folders.
        patients: names of those to take; None for all.

    Raises:
        SourceError: there is no such view.
    """
    views = [view for view in patient_views(root, patients) if view.is_labelled()]
    if not views:
        raise SourceError(f"{root}: no CAMUS views; expected patientNNNN/patientNNNN_4CH_ED.mhd (or .nii.gz) with its _gt beside it")
    return views


def camus_views(root: Path) -> Iterator[Case]:
    """One case a view: a clip of its ED and its ES frame. Errors as :func:`find_views` and :meth:`CamusView.read`."""
    return (view.read() for view in find_views(root))


def camus_stills(root: Path) -> Iterator[Case]:
    """Every still in its own pixels (variant ``native``) and squeezed to 224 x 224; errors as :func:`camus_views`."""
    for view in camus_views(root):
        for phase, frame in view.phases.items():
            still = replace(view.still(frame), name=f"{view.name}_{phase}")
            yield replace(still, variant="native")
            yield still.resized(SQUEEZED, SQUEEZED)


def _read(path: Path) -> tuple[NDArray[np.uint8], tuple[float, float]]:
    """``(H, W)`` pixels of a 2D image (a third axis of length 1 is dropped) and ``(row_mm, col_mm)``."""
    if path.suffix == ".mhd":
        image = load_itk(path)
        pixels, steps = image.values, image.spacing
    else:
        try:
            packed = sitk.ReadImage(str(path))
        except RuntimeError as error:
            raise SourceError(f"{path}: cannot be read, with its data file beside it ({str(error).splitlines()[-1]})") from error
        pixels, steps = sitk.GetArrayFromImage(packed), packed.GetSpacing()
    column_mm, row_mm = steps[:2]
    return (pixels[0] if pixels.ndim == 3 else pixels).astype(np.uint8), (float(row_mm), float(column_mm))
