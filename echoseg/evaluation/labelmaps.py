"""The pairs of predicted and reference label maps to compare, and their scores."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from natsort import natsorted
from numpy.typing import NDArray

from echoseg.errors import MeasureError, SourceError
from echoseg.evaluation.scores import Score
from echoseg.io.labels.nifti import LabelMap
from echoseg.io.labels.read import LABEL_SUFFIXES, RUN_MASKS, read_labels
from echoseg.io.labels.turning import turned_as
from echoseg.io.names import output_name
from echoseg.io.volume.grid_order import in_order_of
from echoseg.io.volume.onto_grid import around_both
from echoseg.metrics.compare import TOLERANCE, compare_clips, compare_volumes


def paired_files(predictions: Path, references: Path) -> list[tuple[str, Path | None, Path]]:
    """What to compare: ``(name, prediction, reference)``; the prediction is None where there is none of that name.

    Args:
        predictions, references: both one case, or both folders of cases, matched by name without extension. A folder that holds
            ``masks.nii.gz`` is one case, the results of a run. Predictions without a reference are left out.

    Raises:
        SourceError: missing, one case against many, no reference, or no prediction has a reference's name.
    """
    for path in (predictions, references):
        if not path.exists():
            raise SourceError(f"{path}: no such file or folder; check the path")
    if _is_one_case(predictions) != _is_one_case(references):
        raise SourceError(f"{predictions} and {references}: give two label maps or two folders of label maps, not one of each")
    if _is_one_case(predictions):
        return [(output_name(references), predictions, references)]
    found, wanted = _cases(predictions), _cases(references)
    if not wanted:
        raise SourceError(f"{references}: holds no label maps")
    if not set(found) & set(wanted):
        raise SourceError(f"{predictions}: no label map has the name of one in {references}, such as {next(iter(wanted))}")
    return [(name, found.get(name), path) for name, path in wanted.items()]


def score_files(name: str, predicted: Path, reference: Path, kind: str | None = None, tolerance: float = TOLERANCE) -> list[Score]:
    """Scores of every label that is in the prediction or the reference.

    Args:
        name: of the case.
        kind: ``clip`` (frames are compared one by one) or ``volume`` (in 3D); None: as the files say, ``clip`` where they do not.
        tolerance: see :func:`~echoseg.metrics.compare.compare_volumes`.

    Raises:
        SourceError: a file cannot be read, or voxels of two crops do not fall on each other.
        MeasureError: the two differ in shape or spacing, or lie elsewhere in the patient.
    """
    found, truth = _read_pair(predicted, reference)
    found, truth = _on_one_grid(found, truth, predicted)
    if found.masks.shape != truth.masks.shape:
        raise MeasureError(f"{predicted}: shape {found.masks.shape} (frames, rows, columns); the reference has {truth.masks.shape}")
    kind = kind or _kind(found.kind, truth.kind)
    spacing = _one_spacing(predicted, _spacing(found, kind), _spacing(truth, kind))
    scores = []
    ours, theirs = _numbered(found), _numbered(truth)
    for label in np.union1d(np.unique(ours), np.unique(theirs)):
        if label == 0:
            continue
        a, b = ours == label, theirs == label
        if kind == "clip":
            measures = compare_clips(a, b, spacing, tolerance)
        elif len(a) == 1:
            measures = compare_volumes(a[0], b[0], None if spacing is None else spacing[1:], tolerance)
        else:
            measures = compare_volumes(a, b, spacing, tolerance)
        scores.append(Score(name, name, "segmentation", str(label), measures))
    return scores


def _read_pair(predicted: Path, reference: Path) -> tuple[LabelMap, LabelMap]:
    """Both label maps; a DICOM segmentation, in which empty slices are left out, on the grid of the other."""
    if reference.suffix.lower() == ".dcm":
        found = read_labels(predicted, renumber=True)
        return found, read_labels(reference, like=found)
    truth = read_labels(reference, renumber=True)
    return read_labels(predicted, like=truth, renumber=True), truth


def _numbered(labels: LabelMap) -> NDArray[np.integer]:
    """By the numbers in the file, which are those of the other file too: each may have been renumbered by itself."""
    return labels.in_file(labels.masks) if labels.numbers else labels.masks


def _on_one_grid(found: LabelMap, truth: LabelMap, path: Path) -> tuple[LabelMap, LabelMap]:
    """Both in the order of the reference, where both say how they lie; of two crops, on the grid that holds both."""
    ours, theirs = found.geometry.affine, truth.geometry.affine
    if ours is None or theirs is None:
        return found, truth
    if "clip" in (found.kind, truth.kind):
        laid = turned_as(found.masks, ours, theirs, truth.masks.shape[1:], str(path))
        return replace(found, masks=laid.masks, geometry=truth.geometry if laid.swapped else found.geometry), truth
    if sorted(found.masks.shape) == sorted(truth.masks.shape):
        masks = in_order_of(found.masks, ours, theirs, truth.masks.shape)
        if masks is None:
            raise MeasureError(f"{path}: its voxels differ from the reference in place, direction or spacing; bring both to one grid")
        return replace(found, masks=masks.astype(np.uint8), geometry=truth.geometry), truth
    masks, whole, grid = around_both(truth.masks, theirs, found.masks, ours, str(path))
    geometry = replace(truth.geometry, affine=grid)
    return replace(found, masks=masks, geometry=geometry), replace(truth, masks=whole, geometry=geometry)


def _is_one_case(path: Path) -> bool:
    return path.is_file() or (path / RUN_MASKS).is_file()


def _cases(folder: Path) -> dict[str, Path]:
    """The label maps in a folder by name; files of other formats do not count."""
    cases: dict[str, Path] = {}
    for path in natsorted(folder.iterdir()):
        is_case = path.is_dir() and (_is_one_case(path) or any(path.glob("*.png")))
        is_case = is_case or (path.is_file() and path.name.lower().endswith(LABEL_SUFFIXES))
        if not is_case or path.name.startswith("."):
            continue
        name = path.name if path.is_dir() else output_name(path)
        if name in cases:
            raise SourceError(f"{folder}: {cases[name].name} and {path.name} have the same name; only one can be compared")
        cases[name] = path
    return cases


def _kind(*stated: str) -> str:
    """Only our own NIfTI files and folders of frames say ``clip``; other NIfTI files say ``volume`` even of clips, so ``clip`` wins."""
    return "volume" if {"volume", "image"} & set(stated) and "clip" not in stated else "clip"


def _spacing(labels: LabelMap, kind: str) -> tuple[float, ...] | None:
    """mm along the axes that are compared: ``(row, col)``, or ``(slice, row, col)`` of a volume; None when one is unknown."""
    spacing, slice_mm = labels.geometry.spacing, labels.geometry.slice_spacing
    if spacing is None or kind == "clip":
        return spacing
    if slice_mm is None and len(labels.masks) > 1:
        return None
    return (slice_mm or 1.0, *spacing)


def _one_spacing(path: Path, a: tuple[float, ...] | None, b: tuple[float, ...] | None) -> tuple[float, ...] | None:
    """The spacing that at least one of the two states."""
    if a is not None and b is not None and not np.allclose(a, b, rtol=0.01):
        raise MeasureError(f"{path}: spacing {a} mm; the reference has {b} mm. Bring both to one grid first")
    return a if b is None else b
