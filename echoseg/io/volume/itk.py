"""NRRD and MetaImage: voxels are read by us; ITK only says where they lie, of a header that we wrote from what we had understood.

A header may name any file of the machine as its voxels, in more spellings than a check can know, and ITK goes on with whatever memory it
has when compressed voxels are damaged. It never sees such a file.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK
from numpy.typing import NDArray

from echoseg.errors import SourceError, UnsupportedSourceError
from echoseg.io.scratch import scratch_file
from echoseg.io.volume.itk_header import size_fault, unit_mm
from echoseg.io.volume.metaimage import read_metaimage_header
from echoseg.io.volume.nrrd import read_nrrd_header
from echoseg.io.volume.orientation import is_usable, spacing
from echoseg.io.volume.stored import StoredVoxels
from echoseg.io.volume.uneven import stated_in_header
from echoseg.io.volume.voxels import FOURTH_AXIS, Acquisition, Spacing, Voxels, uneven_flag
from echoseg.types import Timing

_LONGEST_HEADER = 1 << 22  # Slicer's segmentations describe every segment in theirs
_NRRD_SPACE = re.compile(
    r"^space: *(?:(?:right|left)-(?:anterior|posterior)-superior|RAS|LAS|LPS)(?:-time|T)?$", re.IGNORECASE | re.MULTILINE
)
_SPACED = re.compile(r"^(?:space directions:|spacings:|ElementSpacing =|ElementSize =)", re.MULTILINE)


@dataclass(frozen=True, eq=False)
class ItkImage:
    """What a NRRD or MetaImage file holds.

    Attributes:
        values: as stored, ``([T, K,] J, I)``, the components of a voxel last where it has several.
        dimension: of the grid, 2 to 4. ``components``: of a voxel.
        spacing: along the axes of the grid, i first, in the unit of the file; 1 where it states none.
        affine: ``(4, 4)`` from (i, j, k) to LPS mm, of four dimensions the first three; None for an image in two.
        format: ``NRRD`` or ``MetaImage``.
        header: its bytes, as they are. ``own``: what we understood of it.
    """

    values: NDArray[np.generic]
    dimension: int
    components: int
    spacing: tuple[float, ...]
    affine: NDArray[np.float64] | None
    format: str
    header: bytes
    own: str


def read_itk(path: Path) -> Acquisition:
    """A NRRD or MetaImage file, of two to four dimensions, the fourth or the components of a voxel taken as phases.

    Raises:
        SourceError: damaged, cut off, without its data file, or of a geometry that gives the voxels no place.
        UnsupportedSourceError: of more dimensions, or data that lies outside of the folder of its header.
    """
    image = load_itk(path)
    file_format, dimension, components, stored = image.format, image.dimension, image.components, image.values
    colour = components in (3, 4) and stored.dtype == np.uint8
    if components > 1 and not colour:
        if dimension == 4:
            raise UnsupportedSourceError(f"{path}: 4 dimensions with {components} values per voxel; give one value per voxel")
        stored = np.moveaxis(stored, -1, 0)
    voxels = _four_dimensional(stored[..., :3] if colour else stored, dimension, phased=components > 1 and not colour)
    unit, affine = unit_mm(image.header) or 1.0, image.affine
    if affine is not None and not is_usable(affine):
        raise SourceError(f"{path}: the header's directions and spacing give the voxels no place in space; repair them")
    row_step, column_step = (float(step) * unit for step in image.spacing[1::-1])
    steps: Spacing = spacing(affine) if affine is not None else (column_step, row_step, None)
    if not _SPACED.search(image.own):  # ITK takes 1 mm where nothing is stated
        affine, steps = None, (None, None, None)
    elif file_format == "NRRD" and not _NRRD_SPACE.search(image.own):  # ITK takes any other space for the patient's
        affine = None
    fault = None if steps[0] is None else size_fault(image.header, steps, dimension)
    flags, steps = ((), steps) if fault is None else ((fault,), (None, None, None))
    phases, slices = voxels.shape[:2]
    shares = stated_in_header(image.header, slices)
    if shares is not None and steps[0] is not None:
        flags, steps = (*flags, uneven_flag(shares.min(), shares.max())), (steps[0], steps[1], None)
    interval = image.spacing[2] if dimension == 3 else 0.0
    # In a clip saved as a 3D file the third spacing is the frame interval; 1 is what writers put when they do not know.
    along_k = Timing(fps=1.0 / interval) if phases == 1 and slices > 1 and interval not in (0.0, 1.0) else Timing()
    return Acquisition(
        slices,
        phases,
        phase=lambda t: Voxels(voxels[t], affine, steps, timing=along_k, flags=flags, shares=shares),
        cine=lambda k: Voxels(voxels[:, k], affine if slices == 1 else None, (steps[0], steps[1], None), flags=flags),
        format=file_format,
        phases_are=FOURTH_AXIS,
    )


def load_itk(path: Path) -> ItkImage:
    """The voxels of a NRRD or MetaImage file and their place.

    Raises:
        SourceError: damaged, cut off, or without its data file.
        UnsupportedSourceError: of more dimensions, voxels that are no real numbers, or data that lies outside of the folder of its header.
    """
    with path.open("rb") as file:
        start = file.read(_LONGEST_HEADER)
    nrrd = start.startswith(b"NRRD")
    stored = (read_nrrd_header if nrrd else read_metaimage_header)(path, start)
    header = start if stored.data != path else start[: stored.start] if stored.start > 0 else stored.own.encode()
    size, steps, affine = _place(stored, unit_mm(header) or 1.0, ".nrrd" if nrrd else ".mha")
    if size not in (2, 3, 4):
        raise UnsupportedSourceError(f"{path}: {size} dimensions; give a volume, or a series of volumes in time")
    values = stored.read()
    if stored.component_axis is not None:
        values = np.moveaxis(values, -1 - stored.component_axis, -1)
        values = values[..., 0] if stored.components == 1 else values
    return ItkImage(values, size, stored.components, steps, affine, "NRRD" if nrrd else "MetaImage", header, stored.own)


def _place(stored: StoredVoxels, unit: float, suffix: str) -> tuple[int, tuple[float, ...], NDArray[np.float64] | None]:
    """Dimension, spacing and affine, as ITK understands a header of one voxel in that place."""
    with scratch_file(f"place{suffix}") as written:
        written.write_bytes(stored.own.encode("ascii", "replace") + bytes(stored.components))
        image = _quietly(written, stored.path)
    steps = tuple(float(step) for step in image.GetSpacing())
    return image.GetDimension(), steps, _affine(image, unit)


def _four_dimensional(stored: NDArray[np.generic], dimension: int, phased: bool) -> NDArray[np.generic]:
    """As ``(phases, K, J, I)`` or ``(phases, K, J, I, 3)``, without a copy."""
    if dimension == 2:
        return stored[:, None] if phased else stored[None, None]
    return stored if dimension == 4 or phased else stored[None]


def _affine(image: SimpleITK.Image, unit: float) -> NDArray[np.float64] | None:
    """``(4, 4)`` from (i, j, k) to LPS mm, None for an image in two dimensions; of four, the first three. ``unit``: mm of the file's."""
    size = image.GetDimension()
    if size == 2:
        return None
    directions = np.array(image.GetDirection()).reshape(size, size)[:3, :3]
    affine = np.eye(4)
    affine[:3, :3] = directions * np.array(image.GetSpacing()[:3])
    affine[:3, 3] = image.GetOrigin()[:3]
    affine[:3] *= unit
    return affine


def _quietly(written: Path, path: Path) -> SimpleITK.Image:
    """SimpleITK's errors as ours, its chatter on the terminal suppressed."""
    shown = SimpleITK.ProcessObject.GetGlobalWarningDisplay()
    SimpleITK.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return SimpleITK.ReadImage(str(written))
    except (RuntimeError, MemoryError) as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        raise SourceError(f"{path}: not a readable volume ({lines[-1] if lines else 'unknown reason'})") from error
    finally:
        SimpleITK.ProcessObject.SetGlobalWarningDisplay(shown)
