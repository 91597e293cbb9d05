"""``masks.nii.gz``: the label map of a run in the geometry of its source, written frame by frame, and read back.

==========  =====================================================================================================
a clip      array ``(x, y, time)``; zooms are column and row spacing in mm and the frame interval in seconds. With
            unknown spacing the zooms are 1 and the spatial unit is "unknown"; likewise the interval. There is no
            patient orientation, so both NIfTI form codes are 0.
a volume    array ``(i, j, k)`` as the source's file has it, with exactly its affine (RAS in the file, as NIfTI says).
            Where the grid is sheared (tilted gantry) only the sform holds it, and readers that know no shear refuse the
            file instead of placing it wrongly: see :mod:`echoseg.io.labels.formats` for one that they read. Slices at different
            distances have their mean in the matrix, and their own in a comment that is read back.
==========  =====================================================================================================
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import nibabel
import numpy as np
from numpy.typing import NDArray

from echoseg.errors import OutputError, SourceError
from echoseg.io.atomic import atomic_path
from echoseg.io.ceiling import check_unpacked
from echoseg.io.labels.numbers import renumbered, renumbered_flag
from echoseg.io.source import Kind, Source
from echoseg.io.volume.nifti import header_geometry, header_timing
from echoseg.io.volume.orientation import is_sheared
from echoseg.io.volume.uneven import shares_extension, stated_shares
from echoseg.io.volume.voxels import uneven_flag
from echoseg.types import Flag, Geometry, Image, Timing

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
_NIFTI1_LONGEST = 32767  # NIfTI-1 stores sizes as int16
_LEVEL = 6
_QFORM_SHEAR = 1e-5
_DESCRIPTION = b"echoseg label map"


@dataclass(frozen=True)
class LabelMap:
    """A label map read from a file.

    Attributes:
        masks: ``(T, H, W)`` uint8 object ids; for a volume ``(k, j, i)`` in the order of the file.
        kind: ``clip`` or ``volume``.
        geometry: spacing, and the affine from (i, j, k) to LPS millimetres where the file has one; of a clip, k is time.
        timing: ``fps`` of a clip.
        flags: what was assumed of the geometry, or changed of the labels.
        names: of labels, where the file names them.
        numbers: ``{label: number in the file}`` where labels were renumbered; else empty.
    """

    masks: Image
    kind: str
    geometry: Geometry
    timing: Timing
    flags: tuple[Flag, ...] = ()
    names: Mapping[int, str] = field(default_factory=dict)
    numbers: Mapping[int, int] = field(default_factory=dict)

    @classmethod
    def of(cls, values: NDArray[Any], where: str, kind: str, geometry: Geometry, timing: Timing, flags: tuple[Flag, ...] = ()) -> LabelMap:
        """The label map of ``values`` ``(T, H, W)``; numbers above 255 are renumbered, and name their labels.

        Raises:
            SourceError: as of :func:`echoseg.io.labels.numbers.renumbered`.
        """
        labels, numbers = renumbered(values, where)
        names = {label: f"label {number}" for label, number in numbers.items()}
        return cls(labels, kind, geometry, timing, (*flags, *renumbered_flag(numbers)), names, numbers)

    def in_file(self, labels: NDArray[np.uint8]) -> NDArray[np.int64]:
        """``labels`` by their numbers in the file."""
        table = np.arange(256, dtype=np.int64)
        table[list(self.numbers)] = list(self.numbers.values())
        return table[labels]


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
    image = nibabel.Nifti1Image(np.ascontiguousarray(source.to_stored(masks).T), LPS_TO_RAS @ _stored_affine(source))
    image.header.set_xyzt_units("mm" if source.geometry.spacing else "unknown", "unknown")
    image.set_sform(image.affine, code=1)
    # A qform cannot hold shear. The nearest one that can be held is a rotation, to which ITK would turn in silence.
    image.set_qform(image.affine, code=0 if is_sheared(image.affine, _QFORM_SHEAR) else 1)
    if source.geometry.slice_shares is not None:
        image.header.extensions.append(shares_extension(source.geometry.slice_shares))
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


def read_label_map(path: str | Path, kind: Kind | None = None) -> LabelMap:
    """Read a NIfTI label map, ours or another's; 2D counts as one frame, and one slice at several moments ``(x, y, 1, t)`` as a clip.

    Lengths in metres and micrometres become millimetres. Where the header names no unit they are taken for millimetres, with a flag, as
    :mod:`echoseg.io.volume.nifti` does, with one exception: pixels of exactly 1 of no unit are of unknown size. That is what we write of
    a clip without spacing, and what other programs make of such a file, so it must not come back as 1 mm.

    Args:
        path: the file.
        kind: ``clip``: the third axis is time, in whatever unit of time the header names; ``volume``: it is slices; None: a clip where the
            file does not say how it lies in the patient, as ours do not. Files that other programs write of clips do say.

    Raises:
        SourceError: missing, damaged, not two- or three-dimensional, without a place for its voxels, or values other than whole numbers
            from 0 on.
    """
    try:
        image = cast(nibabel.spatialimages.SpatialImage, nibabel.load(path))
        stated = int(np.prod(image.shape, dtype=object)) * image.get_data_dtype().itemsize
        check_unpacked(stated + int(cast(Any, image.dataobj).offset), path)
        values = np.asanyarray(image.dataobj)
        header: Any = image.header
        affine, steps, flags = header_geometry(header, path)
        moments, one_slice = _as_three_dimensional(values, str(path))
        timing = header_timing(header, moments.shape[-1], 4 if one_slice else 3, one_is_known=_is_ours(header))
    except SourceError:
        raise
    except Exception as error:  # nibabel raises ImageFileError, OSError, EOFError, KeyError, zlib.error, ...
        raise SourceError(f"{path}: not a readable NIfTI label map ({error})") from error
    column, row, between = steps
    spacing = None if row is None or column is None or _is_default(header, (row, column)) else (row, column)
    flags = flags if spacing or None in steps else ()  # of a default nothing is to be said
    if kind == "clip" or (kind is None and (one_slice or affine is None)):
        return LabelMap.of(moments.T, str(path), "clip", Geometry(spacing, affine=affine), timing, flags)
    shares = None if one_slice or spacing is None else stated_shares(header, moments.shape[-1])
    if shares is not None:
        between, flags = None, (*flags, uneven_flag(shares.min(), shares.max()))
    return LabelMap.of(moments.T, str(path), "volume", Geometry(spacing, between, None if one_slice else affine, shares), Timing(), flags)


def _as_three_dimensional(values: NDArray[Any], where: str) -> tuple[NDArray[Any], bool]:
    """``(x, y, frames)``, and whether they are moments of one slice, which have an axis of slices besides."""
    while values.ndim > 3 and values.shape[-1] == 1:
        values = values[..., 0]
    if values.ndim == 4 and values.shape[2] == 1:
        return values[:, :, 0], True
    if values.ndim not in (2, 3):
        raise SourceError(f"{where}: a label map has 2 or 3 dimensions; this one has shape {values.shape}; save one slice or phase of it")
    return values if values.ndim == 3 else values[..., None], False


def _is_ours(header: Any) -> bool:
    return bytes(header["descrip"].item()).startswith(_DESCRIPTION)


def _is_default(header: Any, spacing: tuple[float, float]) -> bool:
    """Whether the spacing is what writers put when they do not know."""
    return bool(header.get_xyzt_units()[0] == "unknown" and np.allclose(spacing, 1.0, rtol=1e-6))


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
    header["descrip"] = _DESCRIPTION
    return gzip.compress(header.binaryblock + bytes(4), compresslevel=0, mtime=0)


def _stored_affine(source: Source) -> NDArray[np.float64]:
    """Affine of the stored array to LPS millimetres; from spacing alone where the source has no more."""
    if source.stored_affine is not None:
        return source.stored_affine
    row, column = source.geometry.spacing or (1.0, 1.0)
    return np.diag([column, row, source.geometry.slice_spacing or 1.0, 1.0])
