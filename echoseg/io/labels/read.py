"""The one reader of label maps: numbers as the file stores them, never windowed, with what it says of where and when they lie."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from echoseg.errors import SourceError
from echoseg.io.folder import folder_content
from echoseg.io.images import IMAGE_SUFFIXES, read_indices
from echoseg.io.labels.nifti import LabelMap, read_label_map
from echoseg.io.labels.numbers import SOFT_EDGES, SURROUNDINGS, has_soft_edges, marks_the_surroundings, one_for_255
from echoseg.io.labels.slicer import is_slicer, read_slicer
from echoseg.io.npz import load_arrays
from echoseg.io.source import Kind
from echoseg.io.volume.files import read_volume_file
from echoseg.io.volume.orientation import is_usable
from echoseg.io.volume.parts import take_part
from echoseg.io.volume.uneven import SHARES_KEY, usable_shares
from echoseg.io.volume.voxels import uneven_flag
from echoseg.types import Geometry, Timing

RUN_MASKS = "masks.nii.gz"
"""The label map in the results of a run."""

UNSTATED = "unstated"
"""``kind`` of a label map whose file does not say whether its first axis is time or slices."""

NIFTI_SUFFIXES = (".nii", ".nii.gz")
LABEL_SUFFIXES = (*NIFTI_SUFFIXES, ".mha", ".mhd", ".nrrd", ".nhdr", ".png", ".bmp", ".tif", ".tiff", ".npy", ".npz", ".dcm")
_ARRAY_NAMES = ("gts", "masks", "labels", "segs")


def read_labels(
    path: Path,
    kind: Kind | None = None,
    *,
    like: LabelMap | None = None,
    array: str | None = None,
    white: bool = True,
    renumber: bool = False,
) -> LabelMap:
    """Label numbers, frame by frame; those of a volume as ``(k, j, i)`` in the order of the file.

    Args:
        path: a NIfTI, MetaImage or NRRD file; a DICOM segmentation (``.dcm``, labels are segment numbers); a grey or palette image, whose
            indices are the labels; ``.npy``; ``.npz`` with ``gts``, ``masks``, ``labels``, ``segs`` or one
            array; the results of ``echoseg run`` on one source (a folder with ``masks.nii.gz``); or a folder of PNG images, one a
            frame (of others where it holds no PNG).
        kind: what the third axis is, where that can be chosen; None: as the file says. NIfTI files that other programs write of clips say
            ``volume``.
        like: the label map whose grid a DICOM segmentation is laid onto, in which empty slices are left out.
        array: the name that the labels must have in an ``.npz``.
        white: whether 255, where it is the only number, is taken for label 1: a black and white mask. So are greys from 128 on, where all
            greys lie by the borders (flagged).
        renumber: whether numbers above 255 are renumbered, with a table in ``numbers`` and a flag, or refused.

    Returns:
        its ``kind`` is ``clip``, ``volume``, ``image`` (one slice) or :data:`UNSTATED`.

    Raises:
        SourceError: missing, damaged, of another format, or values other than whole numbers 0..255.
    """
    if not path.exists():
        raise SourceError(f"{path}: no such file or folder; check the path")
    if not path.is_dir() and not path.is_file():
        raise SourceError(f"{path}: is a pipe or a device, no regular file")
    if path.is_dir() and (path / RUN_MASKS).is_file():
        path = path / RUN_MASKS
    found = _read(path, kind, like, array)
    if found.numbers and not renumber:
        held = ", ".join(map(str, list(found.numbers.values())[-3:]))
        raise SourceError(f"{path}: label maps hold whole numbers 0..255; this one holds other values, up to {held}; renumber them")
    return _black_and_white(found) if white else found


def _black_and_white(found: LabelMap) -> LabelMap:
    if not found.numbers and has_soft_edges(found.masks):
        inside, flags = (found.masks > 127).astype(np.uint8), (*found.flags, SOFT_EDGES)
    else:
        inside, flags = one_for_255(found.masks), found.flags
    if inside is not found.masks and marks_the_surroundings(inside):
        flags = (*flags, SURROUNDINGS)
    return replace(found, masks=inside, flags=flags)


def _read(path: Path, kind: Kind | None, like: LabelMap | None, array: str | None) -> LabelMap:
    name = path.name.lower()
    if path.is_dir():
        return LabelMap.of(read_indices(_frames_in(path)), str(path), kind or "clip", Geometry(), Timing())
    if name.endswith(NIFTI_SUFFIXES):
        return read_label_map(path, kind)
    if name.endswith((".mha", ".mhd", ".nrrd", ".nhdr")):
        return _read_itk(path, kind)
    if name.endswith((".npy", ".npz")):
        return _read_array(path, kind, array)
    if name.endswith(IMAGE_SUFFIXES):
        return LabelMap.of(read_indices([path]), str(path), kind or UNSTATED, Geometry(), Timing())
    if name.endswith(".dcm"):
        from echoseg.io.labels.dicom_seg import read_segmentation, segmentation_label_map

        found = segmentation_label_map(read_segmentation(path), like)
        return replace(found, kind=kind or found.kind)
    raise SourceError(f"{path}: not a label map; give {', '.join(LABEL_SUFFIXES)} or a folder of PNG images")


def _frames_in(folder: Path) -> list[Path]:
    images = folder_content(folder).images
    frames = [path for path in images if path.suffix.lower() == ".png"] or images
    if not frames:
        raise SourceError(f"{folder}: holds neither {RUN_MASKS} nor PNG images")
    return frames


def _read_itk(path: Path, kind: Kind | None) -> LabelMap:
    if is_slicer(path):
        segments = read_slicer(path)
        return segments if kind in (None, "volume") else replace(segments, kind=kind, geometry=Geometry(segments.geometry.spacing))
    acquisition = read_volume_file(path)  # owns the memory of its planes
    voxels, kind = take_part(acquisition, None, kind, path)
    column, row, between = voxels.spacing
    spacing = None if row is None or column is None else (row, column)
    geometry = Geometry(spacing, None if voxels.shares is not None else between, voxels.affine, voxels.shares)
    timing = voxels.timing if kind == "clip" else Timing()
    return LabelMap.of(_sequence(np.asarray(voxels.planes), path), str(path), kind, geometry, timing, voxels.flags)


def _read_array(path: Path, kind: Kind | None, wanted: str | None) -> LabelMap:
    steps, name = np.empty(0), ""
    direction, origin, uneven = np.empty(0), np.empty(0), np.empty(0)
    try:
        loaded = load_arrays(path)
        if isinstance(loaded, np.ndarray):
            values = np.array(loaded)
        else:
            with loaded as archive:
                name = _name_in(archive.files, path, wanted)
                values = archive[name]
                steps = archive["spacing"] if "spacing" in archive.files else steps
                direction, origin, uneven = (
                    archive[one] if one in archive.files else np.empty(0) for one in ("direction", "origin", SHARES_KEY)
                )
    except SourceError:
        raise
    except Exception as error:  # numpy raises ValueError, EOFError, OSError, BadZipFile, zlib.error, ...
        raise SourceError(f"{path}: not a readable array of labels {name}({error})") from error
    labels = _sequence(values, path)
    if steps.shape != (3,):
        return LabelMap.of(labels, str(path), kind or UNSTATED, Geometry(), Timing())
    x, y, z = (float(step) for step in steps)
    affine = _place(steps, direction, origin)
    if kind != "clip" and usable_shares(uneven, len(labels)):
        flags = (uneven_flag(uneven.min(), uneven.max()),)
        return LabelMap.of(labels, str(path), "volume", Geometry((y, x), None, affine, uneven.astype(np.float64)), Timing(), flags)
    return LabelMap.of(labels, str(path), kind or "volume", Geometry((y, x), z, affine), Timing())


def _place(steps: NDArray[Any], direction: NDArray[Any], origin: NDArray[Any]) -> NDArray[np.float64] | None:
    """The affine of an array that states its direction and origin besides, as ours do."""
    if direction.size != 9 or origin.shape != (3,):
        return None
    affine = np.eye(4)
    affine[:3, :3] = direction.reshape(3, 3) * steps
    affine[:3, 3] = origin
    return affine if is_usable(affine) else None


def _name_in(held: list[str], path: Path, wanted: str | None) -> str:
    if wanted is not None and wanted not in held:
        raise SourceError(f"{path}: holds {', '.join(held)}, but no {wanted!r}")
    names = [wanted] if wanted is not None else [name for name in _ARRAY_NAMES if name in held] or held
    if names[0] not in _ARRAY_NAMES and len(names) > 1:
        raise SourceError(f"{path}: holds {', '.join(names)}; call the label map one of {', '.join(_ARRAY_NAMES)}")
    return names[0]


def _sequence(array: NDArray[np.generic], path: Path) -> NDArray[np.generic]:
    """``(T, H, W)`` of a ``(H, W)`` or ``(T, H, W)`` array."""
    if array.ndim not in (2, 3) or array.dtype.kind not in "buif":
        raise SourceError(f"{path}: a label map is a (T, H, W) or (H, W) array of numbers, not {array.shape} of type {array.dtype}")
    return array if array.ndim == 3 else array[None]
