"""NIfTI files, plain or gzipped: voxels in the type of the file, with exactly the affine of its header.

Read here and not through ITK, which sets NaN to zero without a word, turns scaled integers into float64, and refuses (or,
where a qform is given beside it, replaces by a rotation) an affine that is sheared.
"""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from numpy.typing import NDArray

from echoseg.errors import SourceError, UnsupportedSourceError
from echoseg.io.volume.orientation import is_usable, spacing
from echoseg.io.volume.voxels import Acquisition, Spacing, Voxels
from echoseg.types import Flag, Severity, Timing

_RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
_GZIP_HIGHEST_RATIO = 1032  # deflate packs no tighter
_MM_PER_UNIT = {"mm": 1.0, "meter": 1000.0, "micron": 0.001, "unknown": 1.0}
_SECONDS_PER_UNIT = {"sec": 1.0, "msec": 1e-3, "usec": 1e-6}
_BLOCK = 1 << 20
_UNIT_ASSUMED = Flag(
    "spacing_unit_assumed", "The NIfTI header names no unit of length: millimetres are assumed, as readers do.", Severity.INFO
)


def read_nifti(path: Path) -> Acquisition:
    """A NIfTI-1 or NIfTI-2 file of two to four dimensions; a plain file stays on disk until its voxels are asked for.

    Raises:
        SourceError: damaged, cut off, or with a matrix that gives the voxels no place.
        UnsupportedSourceError: more dimensions, or values that are no numbers or colours.
    """
    try:
        with nibabel.imageglobals.LoggingOutputSuppressor(), np.errstate(all="ignore"):
            return _read(path)
    except SourceError:
        raise
    except MemoryError as error:
        raise SourceError(f"{path}: too large for the memory of this machine; unpack it, a plain .nii stays on disk") from error
    except Exception as error:  # nibabel raises HeaderDataError, OSError, EOFError, zlib.error, ValueError, ...
        raise SourceError(f"{path}: not a readable NIfTI file ({error}); it may be damaged or cut off, copy it again") from error


def _read(path: Path) -> Acquisition:
    packed = path.open("rb").read(2) == b"\x1f\x8b"
    with gzip.open(path) if packed else path.open("rb") as file:
        header: Any = _header(file.read(4), path)
        file.seek(0)
        header = type(header).from_fileobj(file, check=False)
    shape = _shape(header, path)
    dtype = header.get_data_dtype()
    if dtype.names is None and dtype.kind not in "buif":
        raise UnsupportedSourceError(f"{path}: voxels of type {dtype} are no grey values and no colours; save one real number per voxel")
    offset = max(int(header["vox_offset"]), header.sizeof_hdr + 4)
    voxels = _packed(path, offset, dtype, shape) if packed else _mapped(path, offset, dtype, shape)
    if dtype.names is not None:  # RGB and RGBA are records of bytes
        voxels = voxels.view(np.uint8).reshape(*shape, len(dtype.names))[..., :3]
    slope, intercept = header.get_slope_inter()
    rescale = None
    if slope is not None and (slope, intercept or 0.0) != (1.0, 0.0) and dtype.names is None:
        rescale = (float(slope), float(intercept or 0.0))
    affine, steps, flags = header_geometry(header, path)

    def take(planes: NDArray[np.generic], affine: NDArray[np.float64] | None, steps: Spacing, timing: Timing) -> Voxels:
        pairs = None if rescale is None else np.tile(np.array(rescale), (len(planes), 1))
        return Voxels(planes, affine, steps, pairs, timing, flags=flags)

    phases, slices = shape[:2]
    times = header_timing(header, phases)
    along_k = header_timing(header, slices, axis=3) if phases == 1 else Timing()
    return Acquisition(
        slices,
        phases,
        phase=lambda t: take(voxels[t], affine, steps, along_k),
        cine=lambda k: take(voxels[:, k], None, (steps[0], steps[1], None), times),
        format="NIfTI",
    )


def _header(start: bytes, path: Path) -> Any:
    sizes = {int.from_bytes(start, order) for order in ("little", "big")}
    if 348 in sizes:
        return nibabel.Nifti1Header()
    if 540 in sizes:
        return nibabel.Nifti2Header()
    raise SourceError(f"{path}: not a NIfTI file, or its header is damaged; copy it again")


def _shape(header: Any, path: Path) -> tuple[int, ...]:
    """``(phases, K, J, I)``."""
    sizes = [int(n) for n in header.get_data_shape()]
    while len(sizes) > 4 and sizes[-1] == 1:
        sizes.pop()
    if not 2 <= len(sizes) <= 4:
        raise UnsupportedSourceError(f"{path}: {len(sizes)} dimensions {tuple(sizes)}; give a volume, or a series of volumes in time")
    if min(sizes) < 1:
        raise SourceError(f"{path}: the NIfTI header states a size of {tuple(sizes)} voxels; damaged file")
    return tuple(reversed(sizes + [1] * (4 - len(sizes))))


def _mapped(path: Path, offset: int, dtype: np.dtype, shape: tuple[int, ...]) -> NDArray[Any]:
    if path.stat().st_size < offset + int(np.prod(shape, dtype=object)) * dtype.itemsize:
        raise SourceError(f"{path}: the NIfTI file was cut off, voxels are missing at its end; copy it again")
    return np.memmap(path, dtype, "r", offset, shape)


def _packed(path: Path, offset: int, dtype: np.dtype, shape: tuple[int, ...]) -> NDArray[Any]:
    """The voxels of a gzip file, unpacked once into their final place and checked against its check sum."""
    count = int(np.prod(shape, dtype=object))
    if count * dtype.itemsize > _GZIP_HIGHEST_RATIO * path.stat().st_size:
        raise SourceError(f"{path}: the NIfTI file was cut off, it cannot hold the {count} voxels of its header; copy it again")
    voxels = np.empty(count, dtype)
    target = voxels.view(np.uint8).data  # the same memory as bytes
    filled = 0
    with gzip.open(path) as file:
        file.seek(offset)
        while filled < len(target):
            got = file.readinto(target[filled : filled + _BLOCK])
            if not got:
                raise SourceError(f"{path}: the NIfTI file was cut off, voxels are missing at its end; copy it again")
            filled += got
        while file.read(_BLOCK):  # the check sum comes last
            pass
    return voxels.reshape(shape)


def header_geometry(header: Any, path: str | Path) -> tuple[NDArray[np.float64] | None, Spacing, tuple[Flag, ...]]:
    """Affine to LPS mm, spacing along (i, j, k) in mm, and flags. Without form codes the header states spacing alone.

    Args:
        header: of nibabel, NIfTI-1 or NIfTI-2.
        path: names the file in an error.

    Raises:
        SourceError: a matrix that gives the voxels no place.
    """
    unit = header.get_xyzt_units()[0]
    scale = _MM_PER_UNIT[unit]
    assumed = (_UNIT_ASSUMED,) if unit == "unknown" else ()
    if int(header["sform_code"]) > 0 or int(header["qform_code"]) > 0:
        affine = _RAS_TO_LPS @ np.asarray(header.get_best_affine(), dtype=np.float64)
        affine[:3] *= scale
        if not is_usable(affine):
            raise SourceError(f"{path}: the matrix in the NIfTI header gives the voxels no place in space; repair its sform or qform")
        return affine, spacing(affine), assumed
    steps = [abs(float(step)) * scale for step in header["pixdim"][1:4]]
    known = unit != "unknown" and all(np.isfinite(step) and step > 0 for step in steps)
    return None, (steps[0], steps[1], steps[2]) if known else (None, None, None), ()


def header_timing(header: Any, count: int, axis: int = 4, *, one_is_known: bool = False) -> Timing:
    """The rate of ``count`` moments along ``axis`` of the header; unknown unless the header names a unit of time.

    Args:
        header: of nibabel.
        count: of moments.
        axis: 3 for the third axis, 4 for the fourth.
        one_is_known: whether an interval of exactly 1 is a statement; it is what most writers put when they do not know.
    """
    interval = float(header["pixdim"][axis]) * _SECONDS_PER_UNIT.get(header.get_xyzt_units()[1], np.nan)
    usable = count > 1 and np.isfinite(interval) and interval > 0 and (one_is_known or interval != 1.0)
    return Timing(fps=1.0 / interval if usable else None)
