"""``masks.nii.gz``: the label map of a run in the geometry of its source, written frame by frame, and read back.

==========  =====================================================================================================
a clip      array ``(x, y, time)``; zooms are column and row spacing in mm and the frame interval in seconds. With
            unknown spacing the zooms are 1 and the spatial unit is "unknown"; likewise the interval. There is no
            patient orientation, so both NIfTI form codes are 0.
a volume    array ``(i, j, k)`` as the source's file has it, with exactly its affine (RAS in the file, as NIfTI says).
            Where the grid is sheared (tilted gantry) only the sform holds it, and readers that know no shear refuse the
            file instead of placing it wrongly: see :mod:`echoseg.io.labelmap_formats` for one that they read.
==========  =====================================================================================================
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import nibabel
import numpy as np
from numpy.typing import NDArray

from echoseg.errors import OutputError, SourceError
from echoseg.io.atomic import atomic_path
from echoseg.io.orientation import is_sheared
from echoseg.io.source import Source
from echoseg.types import Geometry, Image, Timing

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
_NIFTI1_LONGEST = 32767  # NIfTI-1 stores sizes as int16
_LEVEL = 6
_QFORM_SHEAR = 1e-5


@dataclass(frozen=True)
class LabelMap:
    """A label map read from a file.

    Attributes:
        masks: ``(T, H, W)`` uint8 object ids; for a volume ``(k, j, i)`` in the order of the file.
        kind: ``clip`` or ``volume``.
        geometry: spacing, and for a volume the affine from (i, j, k) to LPS millimetres.
        timing: ``fps`` of a clip.
    """

    masks: Image
    kind: str
    geometry: Geometry
    timing: Timing


def write_label_map(path: str | Path, masks: Image, source: Source) -> None:
    """Write ``masks.nii.gz`` at once; see :func:`label_map_writer` for a clip too long for memory.

    Args:
        path: ends in ``.nii.gz``.
        masks: ``(T, H, W)`` uint8, one for each frame of ``source``, in its order.
        source: gives geometry and timing.

    Raises:
        OutputError: shape or type do not fit the source, or the file cannot be written.
    """
    if source.kind != "volume":
        with label_map_writer(path, source) as append:
            for mask in masks:
                append(mask)
        return
    if masks.dtype != np.uint8 or masks.shape != (source.length, *source.size):
        raise OutputError(f"{path}: masks {masks.shape} {masks.dtype} do not fit; expected {(source.length, *source.size)} uint8")
    to_stored = getattr(source, "to_stored", lambda array: array)
    image = nibabel.Nifti1Image(np.ascontiguousarray(to_stored(masks).T), LPS_TO_RAS @ _stored_affine(source))
    image.header.set_xyzt_units("mm" if source.geometry.spacing else "unknown", "unknown")
    image.set_sform(image.affine, code=1)
    # A qform cannot hold shear. The nearest one that can be held is a rotation, to which ITK would turn in silence.
    image.set_qform(image.affine, code=0 if is_sheared(image.affine, _QFORM_SHEAR) else 1)
    with atomic_path(path) as temporary:
        nibabel.save(image, temporary)


@contextmanager
def label_map_writer(path: str | Path, source: Source) -> Iterator[Callable[[Image], None]]:
    """Write the label map of a clip frame by frame in memory for one frame; the file appears when the block ends well.

    The number of frames need not be known beforehand: the header is a gzip member of its own, stored without
    compression, so that the final one has the same size and takes its place.

    Args:
        path: ends in ``.nii.gz``.
        source: a clip or an image; gives size, spacing and timing.

    Yields:
        A function that takes the next ``(H, W)`` uint8 label map.

    Raises:
        OutputError: a mask that does not fit, no mask at all, more than 32,767 frames of a source whose length was
            unknown, or the file cannot be written.
    """
    long = source.length is not None and source.length > _NIFTI1_LONGEST
    count = 0
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        file.write(_header_member(source, 1, long))
        with gzip.GzipFile(filename="", fileobj=file, mode="wb", compresslevel=_LEVEL, mtime=0) as packed:

            def append(mask: Image) -> None:
                nonlocal count
                if mask.shape != source.size or mask.dtype != np.uint8:
                    raise OutputError(f"{path}: mask {count} has shape {mask.shape} and type {mask.dtype}; expected {source.size} uint8")
                packed.write(np.ascontiguousarray(mask).tobytes())  # x runs fastest in NIfTI, as columns do here
                count += 1

            yield append
        if count == 0:
            raise OutputError(f"{path}: no masks were given")
        if not long and count > _NIFTI1_LONGEST:
            raise OutputError(f"{path}: {count} frames of a source of unknown length do not fit NIfTI-1; give a file or an array")
        file.seek(0)
        file.write(_header_member(source, count, long))


def read_label_map(path: str | Path) -> LabelMap:
    """Read a NIfTI label map, ours or another's; 2D counts as one frame.

    Raises:
        SourceError: missing, damaged, not two- or three-dimensional, or values other than whole numbers 0..255.
    """
    try:
        image = cast(nibabel.spatialimages.SpatialImage, nibabel.load(path))
        values = np.asanyarray(image.dataobj)
    except Exception as error:  # nibabel raises ImageFileError, OSError, EOFError, zlib.error, ...
        raise SourceError(f"{path}: not a readable NIfTI label map ({error})") from error
    while values.ndim > 3 and values.shape[-1] == 1:
        values = values[..., 0]
    if values.ndim == 2:
        values = values[..., None]
    if values.ndim != 3:
        raise SourceError(f"{path}: a label map has 2 or 3 dimensions; this one has shape {values.shape}")
    if values.min(initial=0) < 0 or values.max(initial=0) > 255 or not np.array_equal(values, np.floor(values)):
        raise SourceError(f"{path}: label maps hold whole numbers 0..255; this one holds other values")
    masks = np.ascontiguousarray(values.T.astype(np.uint8))
    header: Any = image.header
    zooms = [float(z) for z in header.get_zooms()[:3]] + [1.0] * (3 - len(header.get_zooms()))
    space, time = header.get_xyzt_units()
    spacing = (zooms[1], zooms[0]) if space == "mm" else None
    if int(header["sform_code"]) == 0 and int(header["qform_code"]) == 0:
        fps = 1.0 / zooms[2] if time == "sec" and zooms[2] > 0 else None
        return LabelMap(masks, "clip", Geometry(spacing=spacing), Timing(fps=fps))
    return LabelMap(masks, "volume", Geometry(spacing, zooms[2], LPS_TO_RAS @ image.affine), Timing())


def _header_member(source: Source, count: int, long: bool) -> bytes:
    """The NIfTI header and its empty extension as one gzip member whose size does not depend on ``count``."""
    header = nibabel.Nifti2Header() if long else nibabel.Nifti1Header()
    header.set_data_dtype(np.uint8)
    height, width = source.size
    header.set_data_shape((width, height, count))
    row, column = source.geometry.spacing or (1.0, 1.0)
    header.set_zooms((column, row, 1.0 / source.timing.fps if source.timing.fps else 1.0))
    header.set_xyzt_units("mm" if source.geometry.spacing else "unknown", "sec" if source.timing.fps else "unknown")
    header["magic"] = b"n+2\0\r\n\x1a\n" if long else b"n+1"
    header["vox_offset"] = header.sizeof_hdr + 4
    header["scl_slope"], header["scl_inter"] = 1, 0
    header["descrip"] = b"echoseg label map"
    return gzip.compress(header.binaryblock + bytes(4), compresslevel=0, mtime=0)


def _stored_affine(source: Source) -> NDArray[np.float64]:
    """Affine of the stored array to LPS millimetres; from spacing alone where the source has no more."""
    affine = getattr(source, "stored_affine", source.geometry.affine)
    if affine is not None:
        return np.asarray(affine, dtype=np.float64)
    row, column = source.geometry.spacing or (1.0, 1.0)
    return np.diag([column, row, source.geometry.slice_spacing or 1.0, 1.0])
