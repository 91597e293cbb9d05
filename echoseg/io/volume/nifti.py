"""NIfTI files, plain or gzipped: voxels in the type of the file, with exactly the affine of its header.

Read here and not through ITK, which sets NaN to zero without a word, turns scaled integers into float64, and refuses (or,
where a qform is given beside it, replaces by a rotation) an affine that is sheared.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from numpy.typing import NDArray

from echoseg.errors import SourceError, UnsupportedSourceError
from echoseg.io.ceiling import check_unpacked
from echoseg.io.volume.orientation import is_usable, spacing
from echoseg.io.volume.voxels import VOXEL_MM, Acquisition, Spacing, Voxels
from echoseg.types import Flag, Severity, Timing

_RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
_GZIP_HIGHEST_RATIO = 1032  # deflate packs no tighter
_MM_PER_UNIT = {"mm": 1.0, "meter": 1000.0, "micron": 0.001, "unknown": 1.0}
_SECONDS_PER_UNIT = {"sec": 1.0, "msec": 1e-3, "usec": 1e-6}
_SIZE_AGREEMENT = 0.01  # relative, of pixdim and the matrices: single precision and rounding writers stay far below
_UNSTATED_MM = (0.02, 50.0)  # likewise where millimetres are only assumed: clinical images, and no metres
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
        cine=lambda k: take(voxels[:, k], affine if slices == 1 else None, (steps[0], steps[1], None), times),
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
    check_unpacked(offset + count * dtype.itemsize, path)
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
        surplus = 0
        while more := len(file.read(_BLOCK)):  # the check sum comes last
            surplus += more
            check_unpacked(surplus, path)
    return voxels.reshape(shape)


def header_geometry(header: Any, path: str | Path) -> tuple[NDArray[np.float64] | None, Spacing, tuple[Flag, ...]]:
    """Affine to LPS mm, spacing along (i, j, k) in mm, and flags. Without form codes the header states spacing alone.

    The sform counts before the qform, as nifti1.h (method 3) has it and readers do; ``forms_differ`` says where the other places the
    voxels elsewhere in the same space, or mirrored. Both must be of the size of pixdim, the "grid spacings" of the header: an sform may
    lead to an atlas, or have been edited alone. Where it is of another size, or voxels are of a size that no image has (a wrong unit),
    the affine gives places, and all spacing is unknown (``spacing_inconsistent``).

    Args:
        header: of nibabel, NIfTI-1 or NIfTI-2.
        path: names the file in an error.

    Raises:
        SourceError: a matrix that gives the voxels no place.
    """
    unit = header.get_xyzt_units()[0]
    scale = _MM_PER_UNIT[unit]
    assumed = (_UNIT_ASSUMED,) if unit == "unknown" else ()
    steps = [abs(float(step)) * scale for step in header["pixdim"][1:4]]
    forms = _forms(header, scale)
    if forms:
        used, affine = next(iter(forms.items()))
        if not is_usable(affine):
            raise SourceError(f"{path}: the matrix in the NIfTI header gives the voxels no place in space; repair its sform or qform")
        flags = (*assumed, *_forms_flags(header, forms))
        fault = _size_fault(spacing(affine), steps, used, unit)
        if fault is not None:
            return affine, (None, None, None), (*flags, fault)
        return affine, spacing(affine), flags
    known = unit != "unknown" and all(np.isfinite(step) and step > 0 for step in steps)
    fault = _size_fault((steps[0], steps[1], steps[2]), steps, "pixdim", unit) if known else None
    return None, (steps[0], steps[1], steps[2]) if known and fault is None else (None, None, None), () if fault is None else (fault,)


def _forms(header: Any, scale: float) -> dict[str, NDArray[np.float64]]:
    """The matrices that the header gives a code to, the one that counts first, to LPS mm."""
    found = {}
    if int(header["sform_code"]) > 0:
        found["sform"] = np.asarray(header.get_sform(), dtype=np.float64)
    if int(header["qform_code"]) > 0:
        try:
            found["qform"] = np.asarray(header.get_qform(), dtype=np.float64)
        except ValueError:  # no rotation
            if not found:
                raise
    for name in found:
        found[name] = _RAS_TO_LPS @ found[name]
        found[name][:3] *= scale
    return found


def _forms_flags(header: Any, forms: dict[str, NDArray[np.float64]]) -> tuple[Flag, ...]:
    """A flag where the two matrices mirror each other, or lead to one space and place voxels more than a voxel apart."""
    if len(forms) < 2 or not is_usable(forms["qform"]):
        return ()
    chosen, besides = forms["sform"], forms["qform"]
    if np.linalg.det(chosen[:3, :3]) * np.linalg.det(besides[:3, :3]) < 0:
        return (_placed("its sform and qform mirror each other: left and right are those of its sform"),)
    last = [max(int(n) - 1, 0) for n in (*header.get_data_shape(), 1, 1)[:3]]
    corners = np.array(np.meshgrid(*([0, n] for n in last), [1])).reshape(4, -1)
    apart = float(np.linalg.norm(((chosen - besides) @ corners)[:3], axis=0).max())
    if int(header["sform_code"]) != int(header["qform_code"]) or apart <= max(spacing(chosen)):
        return ()  # two spaces, such as scanner and atlas, need not agree
    return (_placed(f"its sform and qform place voxels up to {apart:.3g} mm apart: its sform is used"),)


def _placed(reason: str) -> Flag:
    return Flag("forms_differ", f"The NIfTI header contradicts itself on where the voxels are: {reason}.")


def _size_fault(used: tuple[float, float, float], stated: list[float], name: str, unit: str) -> Flag | None:
    """A flag where the voxels of a matrix are not those of pixdim, or of no image."""
    least, most = _UNSTATED_MM if unit == "unknown" else VOXEL_MM
    if not all(least <= step <= most for step in used):
        reason = f"voxels of {_sides(used)} in the header's unit of length, {unit}"
    elif not np.allclose(used, stated, rtol=_SIZE_AGREEMENT):
        reason = f"voxels are {_sides(used)} by its {name}, {_sides(stated)} by pixdim"
    else:
        return None
    return Flag("spacing_inconsistent", f"The NIfTI header's voxel size is not used ({reason}): lengths, areas and volumes are unknown.")


def _sides(steps: Iterable[float]) -> str:
    return " x ".join(f"{step:.4g}" for step in steps) + " mm"


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
