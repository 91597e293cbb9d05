"""Label maps from files as they are, without windowing; and the pairs of predictions and references to compare."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from natsort import natsorted
from numpy.typing import NDArray
from PIL import Image as PillowImage

from echoseg.errors import MeasureError, SourceError
from echoseg.evaluation.compare import TOLERANCE, compare_clips, compare_volumes
from echoseg.evaluation.scores import Score
from echoseg.io.labels.nifti import LabelMap, read_label_map
from echoseg.io.labels.numbers import label_numbers, one_for_255
from echoseg.io.names import output_name
from echoseg.io.volume.grid_order import in_order_of
from echoseg.io.volume.itk import read_itk
from echoseg.types import Geometry, Timing

_NIFTI = (".nii", ".nii.gz")
_ITK = (".mha", ".mhd", ".nrrd", ".nhdr")
_IMAGES = (".png", ".bmp", ".tif", ".tiff")
_ARRAYS = (".npy", ".npz")
_DICOM = (".dcm",)
_RUN = "masks.nii.gz"
_ARRAY_NAMES = ("gts", "masks", "labels")
UNSTATED = "unstated"
"""``kind`` of a label map whose file does not say whether its first axis is time or slices."""


def read_labels(path: Path) -> LabelMap:
    """Label numbers, frame by frame.

    Args:
        path: a NIfTI, MetaImage or NRRD file; a DICOM segmentation (``.dcm``, labels are segment numbers); a grey or palette image;
            ``.npy``; ``.npz`` with ``gts``, ``masks``, ``labels`` or one array;
            the results of ``echoseg run`` on one source (a folder with ``masks.nii.gz``); or a folder of PNG images, one a frame.
            Where the only number is 255, it is taken for label 1: a black and white mask.

    Returns:
        its ``kind`` is ``clip``, ``volume`` or :data:`UNSTATED`.

    Raises:
        SourceError: missing, damaged, of another format, or values other than whole numbers 0..255.
    """
    if not path.exists():
        raise SourceError(f"{path}: no such file or folder; check the path")
    if path.is_dir():
        return read_labels(path / _RUN) if (path / _RUN).is_file() else _read_frames(path)
    name = path.name.lower()
    readers: dict[tuple[str, ...], Callable[[Path], LabelMap]] = {
        _NIFTI: _read_nifti,
        _ITK: _read_itk,
        _IMAGES: _read_image,
        _ARRAYS: _read_array,
        _DICOM: read_dicom_labels,
    }
    for suffixes, reader in readers.items():
        if name.endswith(suffixes):
            return reader(path)
    raise SourceError(f"{path}: not a label map; give {', '.join(s for suffixes in readers for s in suffixes)} or a folder of PNG images")


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
        tolerance: see :func:`~echoseg.evaluation.compare.compare_volumes`.

    Raises:
        SourceError: a file cannot be read.
        MeasureError: the two differ in shape or spacing, or lie elsewhere in the patient.
    """
    found, truth = _read_pair(predicted, reference)
    found = _in_order(found, truth, predicted)
    if found.masks.shape != truth.masks.shape:
        raise MeasureError(f"{predicted}: shape {found.masks.shape} (frames, rows, columns); the reference has {truth.masks.shape}")
    kind = kind or _kind(found.kind, truth.kind)
    spacing = _one_spacing(predicted, _spacing(found, kind), _spacing(truth, kind))
    scores = []
    for label in np.union1d(np.unique(found.masks), np.unique(truth.masks)):
        if label == 0:
            continue
        a, b = found.masks == label, truth.masks == label
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
    if reference.suffix.lower() in _DICOM:
        found = read_labels(predicted)
        return found, read_dicom_labels(reference, found)
    truth = read_labels(reference)
    return read_dicom_labels(predicted, truth) if predicted.suffix.lower() in _DICOM else read_labels(predicted), truth


def _in_order(found: LabelMap, truth: LabelMap, path: Path) -> LabelMap:
    """The prediction with its voxels in the order of the reference's, where both say how they lie in the patient."""
    ours, theirs = found.geometry.affine, truth.geometry.affine
    if ours is None or theirs is None or sorted(found.masks.shape) != sorted(truth.masks.shape):
        return found
    masks = in_order_of(found.masks, ours, theirs, truth.masks.shape)
    if masks is None:
        raise MeasureError(f"{path}: its voxels differ from the reference in place, direction or spacing; bring both to one grid")
    return replace(found, masks=masks.astype(np.uint8), geometry=truth.geometry)


def as_labels(array: NDArray[np.generic], where: str) -> NDArray[np.uint8]:
    """``(T, H, W)`` uint8 label numbers of a ``(H, W)`` or ``(T, H, W)`` array; see :func:`read_labels`.

    Raises:
        SourceError: another shape, or values other than whole numbers 0..255.
    """
    if array.ndim not in (2, 3) or array.dtype.kind not in "buif":
        raise SourceError(f"{where}: a label map is a (T, H, W) or (H, W) array of numbers, not {array.shape} of type {array.dtype}")
    labels = one_for_255(label_numbers(array, where))
    return labels[None] if labels.ndim == 2 else labels


def _read_frames(folder: Path) -> LabelMap:
    files = natsorted(path for path in folder.glob("*.png") if not path.name.startswith("."))
    if not files:
        raise SourceError(f"{folder}: holds neither {_RUN} nor PNG images")
    frames = [_pixels(path) for path in files]
    if len({frame.shape for frame in frames}) != 1:
        raise SourceError(f"{folder}: its PNG images differ in size")
    return LabelMap(as_labels(np.stack(frames), str(folder)), "clip", Geometry(), Timing())


def _read_image(path: Path) -> LabelMap:
    return LabelMap(as_labels(_pixels(path), str(path)), UNSTATED, Geometry(), Timing())


def _pixels(path: Path) -> NDArray[np.generic]:
    try:
        with PillowImage.open(path) as image:
            pixels = np.asarray(image)  # a palette image gives its indices, which are the labels
    except Exception as error:  # Pillow's plugins raise OSError, ValueError, SyntaxError, ...
        raise SourceError(f"{path}: not a readable image ({error})") from error
    if pixels.ndim != 2:
        raise SourceError(f"{path}: a colour image is no label map; save the label numbers as grey levels or palette indices")
    return pixels


def _read_array(path: Path) -> LabelMap:
    try:
        loaded = np.load(path, allow_pickle=False)
        spacing = None
        if isinstance(loaded, np.ndarray):
            array = loaded
        else:
            with loaded as archive:
                names = [name for name in _ARRAY_NAMES if name in archive.files] or archive.files
                if names[0] not in _ARRAY_NAMES and len(names) > 1:
                    raise SourceError(f"{path}: holds {', '.join(names)}; call the label map one of {', '.join(_ARRAY_NAMES)}")
                array = archive[names[0]]
                spacing = archive["spacing"] if "spacing" in archive.files else None
    except SourceError:
        raise
    except Exception as error:  # numpy raises ValueError, EOFError, OSError, BadZipFile, zlib.error, ...
        raise SourceError(f"{path}: not a readable array of labels ({error})") from error
    if spacing is None or spacing.shape != (3,):
        return LabelMap(as_labels(array, str(path)), UNSTATED, Geometry(), Timing())
    x, y, z = (float(s) for s in spacing)
    return LabelMap(as_labels(array, str(path)), "volume", Geometry((y, x), z), Timing())


def read_dicom_labels(path: Path, like: LabelMap | None = None) -> LabelMap:
    """The label map of a DICOM segmentation, on the grid of ``like`` where it is given; see :func:`read_labels`."""
    from echoseg.io.labels.dicom_seg import read_segmentation, segmentation_label_map

    return segmentation_label_map(read_segmentation(path), like)


def _read_nifti(path: Path) -> LabelMap:
    found = read_label_map(path)
    return replace(found, masks=one_for_255(found.masks))


def _read_itk(path: Path) -> LabelMap:
    found = read_itk(path)
    if found.phases != 1:
        raise SourceError(f"{path}: a label map has 2 or 3 dimensions; this one has {found.phases} phases of {found.slices} slices")
    voxels = found.phase(0)
    column, row, between = voxels.spacing
    geometry = Geometry(None if row is None or column is None else (row, column), between, voxels.affine)
    return LabelMap(as_labels(np.asarray(voxels.planes), str(path)), "volume", geometry, Timing())


def _is_one_case(path: Path) -> bool:
    return path.is_file() or (path / _RUN).is_file()


def _cases(folder: Path) -> dict[str, Path]:
    """The label maps in a folder by name; files of other formats do not count."""
    cases: dict[str, Path] = {}
    for path in natsorted(folder.iterdir()):
        is_case = path.is_dir() and (_is_one_case(path) or any(path.glob("*.png")))
        is_case = is_case or (path.is_file() and path.name.lower().endswith((*_NIFTI, *_ITK, *_IMAGES, *_ARRAYS, *_DICOM)))
        if not is_case or path.name.startswith("."):
            continue
        name = path.name if path.is_dir() else output_name(path)
        if name in cases:
            raise SourceError(f"{folder}: {cases[name].name} and {path.name} have the same name; only one can be compared")
        cases[name] = path
    return cases


def _kind(*stated: str) -> str:
    """Only our own NIfTI files and folders of frames say ``clip``; other NIfTI files say ``volume`` even of clips, so ``clip`` wins."""
    return "volume" if "volume" in stated and "clip" not in stated else "clip"


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
