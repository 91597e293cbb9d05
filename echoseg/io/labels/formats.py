"""The label map of a run in another format beside ``masks.nii.gz``: above all the one that the source itself came in.

====================  =================================================================================================
``masks.nrrd``,       origin, spacing and directions in float64, also where the grid is sheared, which NIfTI readers of
``masks.mha``         the ITK family refuse
``masks.npz``         MedSAM2's: ``segs`` ``(slices, H, W)`` uint8, with ``spacing``, ``direction`` and ``origin``
====================  =================================================================================================

Of slices at different distances each also holds what every slice stands for (:mod:`echoseg.io.volume.uneven`): spacing and matrix give
their mean. NIfTI is always written. The label map of a DICOM source in DICOM is a DICOM Segmentation, see :mod:`echoseg.io.dicom.seg`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import get_args

import numpy as np
import SimpleITK
from numpy.typing import NDArray

from echoseg.errors import OutputError
from echoseg.io.atomic import atomic_path
from echoseg.io.source import Source
from echoseg.io.volume.orientation import spacing
from echoseg.io.volume.uneven import SHARES_KEY, shares_text
from echoseg.options import LabelFormat
from echoseg.types import Image

LABEL_FORMATS: tuple[LabelFormat, ...] = get_args(LabelFormat)

_OWN = {"NRRD": "nrrd", "MetaImage": "mha", "npz": "npz"}


def write_label_map_as(label_format: LabelFormat, directory: Path, masks: Image, source: Source) -> Path | None:
    """Write the label map in one more format, in the order and geometry of the source's file.

    Args:
        label_format: ``own`` is that of the source: nothing where it is NIfTI, DICOM, or no format of volumes.
        directory: an existing folder.
        masks: ``(T, H, W)`` uint8, one for each frame of ``source``.
        source: gives format and geometry.

    Returns:
        The file, or None where ``own`` asks for none.

    Raises:
        OutputError: no such format, or the file cannot be written.
    """
    if label_format not in LABEL_FORMATS:
        raise OutputError(f"no label map format {label_format!r}; one of {', '.join(LABEL_FORMATS)}")
    suffix = _OWN.get(source.stored_in, "") if label_format == "own" else label_format
    if not suffix:
        return None
    stored = np.ascontiguousarray(source.to_stored(masks))
    steps, directions, origin = _grid(source)
    path = directory / f"masks.{suffix}"
    shares = source.geometry.slice_shares
    with atomic_path(path) as temporary:
        if suffix == "npz":
            arrays = {"segs": stored, "spacing": np.array(steps), "direction": directions.ravel(), "origin": origin}
            np.savez_compressed(temporary, **arrays if shares is None else arrays | {SHARES_KEY: shares})  # type: ignore[arg-type]
        else:
            _write_itk(temporary, stored, steps, directions, origin, {} if shares is None else {SHARES_KEY: shares_text(shares)})
    return path


def _grid(source: Source) -> tuple[tuple[float, float, float], NDArray[np.float64], NDArray[np.float64]]:
    """Spacing along (i, j, k), directions ``(3, 3)`` and origin; 1 where a spacing is unknown, as these formats cannot say so."""
    affine = None if source.moments else source.stored_affine  # of a clip the third axis is time
    if affine is not None:
        steps = spacing(affine)
        return steps, affine[:3, :3] / np.array(steps), np.array(affine[:3, 3])
    row, column = source.geometry.spacing or (1.0, 1.0)
    between = source.geometry.slice_spacing or (1.0 / source.timing.fps if source.timing.fps else 1.0)
    return (column, row, between), np.eye(3), np.zeros(3)


def _write_itk(
    path: Path,
    stored: Image,
    steps: tuple[float, float, float],
    directions: NDArray[np.float64],
    origin: NDArray[np.float64],
    comments: Mapping[str, str],
) -> None:
    image = SimpleITK.GetImageFromArray(stored)
    image.SetSpacing(steps)
    image.SetOrigin(origin.tolist())
    for key, value in comments.items():
        image.SetMetaData(key, value)
    try:
        image.SetDirection(directions.ravel().tolist())
        SimpleITK.WriteImage(image, str(path), useCompression=True)
    except RuntimeError as error:
        raise OutputError(f"{path.suffix} label map: SimpleITK cannot write it ({str(error).splitlines()[-1].strip()})") from error
