"""NRRD and MetaImage through SimpleITK: voxels stay in ITK's own memory, numpy looks at them there."""

from __future__ import annotations

import re
import warnings
from pathlib import Path, PurePosixPath, PureWindowsPath

import numpy as np
import SimpleITK
from numpy.typing import NDArray

from echoseg.errors import SourceError, UnsupportedSourceError
from echoseg.io.volume.itk_header import size_fault, unit_mm
from echoseg.io.volume.orientation import is_usable, spacing
from echoseg.io.volume.voxels import Acquisition, Spacing, Voxels
from echoseg.types import Timing

_HEADER_BYTES = 1 << 16
_MOST_CHANNELS = 4096
# Whole numbers that ITK allocates by without looking: a wrong one ends the process, not the call.
_COUNTS = {
    "MetaImage": {"NDims": (2, 4), "DimSize": (1, 1 << 31), "ElementNumberOfChannels": (1, _MOST_CHANNELS), "HeaderSize": (-1, 1 << 31)},
    "NRRD": {"dimension": (2, 5), "sizes": (1, 1 << 31)},
}
_DATA_FILE = re.compile(rb"^(?:data ?file:|ElementDataFile\s*=)[ \t]*([^\r\n]+)", re.IGNORECASE | re.MULTILINE)
_IN_THE_FILE = ("LOCAL",)
_NRRD_SPACE = re.compile(
    rb"^space: *(?:(?:right|left)-(?:anterior|posterior)-superior|RAS|LAS|LPS)(?:-time|T)?\r?$", re.IGNORECASE | re.MULTILINE
)
_SPACED = {"NRRD": rb"^(?:space directions|spacings):", "MetaImage": rb"^(?:ElementSpacing|ElementSize)\s*="}
_LISTS = re.compile(r"LIST\b|.*%[0-9]*d")


def read_itk(path: Path) -> Acquisition:
    """A NRRD or MetaImage file, of two to four dimensions, the fourth or the components of a voxel taken as phases.

    Raises:
        SourceError: damaged, cut off, without its data file, or of a geometry that gives the voxels no place.
        UnsupportedSourceError: of more dimensions, or data that lies outside of the folder of its header.
    """
    image, header = load_itk(path)
    file_format = _format(header)
    dimension, components = image.GetDimension(), image.GetNumberOfComponentsPerPixel()
    if dimension not in (2, 3, 4):
        raise UnsupportedSourceError(f"{path}: {dimension} dimensions; give a volume, or a series of volumes in time")
    stored = SimpleITK.GetArrayViewFromImage(image)
    if stored.dtype.kind not in "buif":
        raise UnsupportedSourceError(f"{path}: voxels of type {stored.dtype} are no grey values; save one real number per voxel")
    colour = components in (3, 4) and stored.dtype == np.uint8
    if components > 1 and not colour:
        if dimension == 4:
            raise UnsupportedSourceError(f"{path}: 4 dimensions with {components} values per voxel; give one value per voxel")
        stored = np.moveaxis(stored, -1, 0)
    voxels = _four_dimensional(stored[..., :3] if colour else stored, dimension, phased=components > 1 and not colour)
    unit = unit_mm(header) or 1.0
    affine = itk_affine(image, unit)
    if affine is not None and not is_usable(affine):
        raise SourceError(f"{path}: the header's directions and spacing give the voxels no place in space; repair them")
    row_step, column_step = (float(step) * unit for step in image.GetSpacing()[1::-1])
    steps: Spacing = spacing(affine) if affine is not None else (column_step, row_step, None)
    if not re.search(_SPACED[file_format], header, re.IGNORECASE | re.MULTILINE):  # ITK takes 1 mm where nothing is stated
        affine, steps = None, (None, None, None)
    elif file_format == "NRRD" and not _NRRD_SPACE.search(header):  # ITK takes any other space for the patient's
        affine = None
    fault = None if steps[0] is None else size_fault(header, steps, dimension)
    flags, steps = ((), steps) if fault is None else ((fault,), (None, None, None))
    phases, slices = voxels.shape[:2]
    interval = image.GetSpacing()[2] if dimension == 3 else 0.0
    # In a clip saved as a 3D file the third spacing is the frame interval; 1 is what writers put when they do not know.
    along_k = Timing(fps=1.0 / interval) if phases == 1 and slices > 1 and interval not in (0.0, 1.0) else Timing()
    return Acquisition(
        slices,
        phases,
        phase=lambda t: Voxels(voxels[t], affine, steps, timing=along_k, flags=flags),
        cine=lambda k: Voxels(voxels[:, k], affine if slices == 1 else None, (steps[0], steps[1], None), flags=flags),
        format=file_format,
        phases_are="the fourth axis of the file",
        owner=image,
    )


def load_itk(path: Path) -> tuple[SimpleITK.Image, bytes]:
    """The image of a NRRD or MetaImage file, and its header, which was checked before ITK saw it.

    Raises:
        SourceError: damaged, cut off, or without its data file.
        UnsupportedSourceError: data that lies outside of the folder of its header.
    """
    header = _header_text(path)
    _check_counts(path, header, _format(header))
    _check_data_file(path, header)
    return _quietly(path), header


def _format(header: bytes) -> str:
    return "NRRD" if header.startswith(b"NRRD") else "MetaImage"


def _four_dimensional(stored: NDArray[np.generic], dimension: int, phased: bool) -> NDArray[np.generic]:
    """As ``(phases, K, J, I)`` or ``(phases, K, J, I, 3)``, without a copy."""
    if dimension == 2:
        return stored[:, None] if phased else stored[None, None]
    return stored if dimension == 4 or phased else stored[None]


def itk_affine(image: SimpleITK.Image, unit: float = 1.0) -> NDArray[np.float64] | None:
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


def _header_text(path: Path) -> bytes:
    """The lines of the header: up to the empty line of a NRRD file, or the name of the data in a MetaImage."""
    with path.open("rb") as file:
        start = file.read(_HEADER_BYTES)
    if start.startswith(b"NRRD"):
        return re.split(rb"\r?\n\r?\n", start, maxsplit=1)[0]
    data = _DATA_FILE.search(start)
    return start[: data.end()] if data else start


def _check_counts(path: Path, header: bytes, file_format: str) -> None:
    """Sizes and dimensions are whole numbers in their bounds, wherever in the header they stand, and as many as they should be."""
    found: dict[str, list[bytes]] = {}
    for field, (low, high) in _COUNTS[file_format].items():
        for value in re.findall(rb"^[^\S\n]*" + field.encode() + rb"\s*[=:]([^\r\n]*)", header, re.IGNORECASE | re.MULTILINE):
            words = value.split()
            if not words or not all(re.fullmatch(rb"-?\d{1,10}", word) and low <= int(word) <= high for word in words):
                raise SourceError(f"{path}: not a readable volume ({field} in its header is {value.decode('latin-1').strip()[:40]!r})")
            found[field] = words
    dimensions, sizes = (found.get(field, []) for field in list(_COUNTS[file_format])[:2])
    if len(dimensions) != 1 or len(sizes) != int(dimensions[0]):
        stated = b" ".join(dimensions).decode() or "no"
        raise SourceError(f"{path}: not a readable volume (its header states {len(sizes)} sizes of {stated} dimensions)")


def _check_data_file(path: Path, header: bytes) -> None:
    """A header may name any file of the machine as its data: only one beside it, or below, is read."""
    found = _DATA_FILE.search(header)
    if found is None:
        return
    name = found[1].strip().decode("utf-8", "replace")
    if name in _IN_THE_FILE:
        return
    if _LISTS.match(name):
        raise UnsupportedSourceError(f"{path}: its voxels lie in a list of files; save it as one file")
    for parts in (PurePosixPath(name), PureWindowsPath(name)):
        if parts.is_absolute() or parts.drive or ".." in parts.parts:
            raise UnsupportedSourceError(f"{path}: names a data file outside of its own folder, which is not read; put both side by side")
    if not (path.parent / name).is_file():
        raise SourceError(f"{path}: its data file {PurePosixPath(name).name} is missing; copy it beside the header")


def _quietly(path: Path) -> SimpleITK.Image:
    """SimpleITK's errors as ours, its chatter on the terminal suppressed."""
    shown = SimpleITK.ProcessObject.GetGlobalWarningDisplay()
    SimpleITK.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return SimpleITK.ReadImage(str(path))
    except (RuntimeError, MemoryError) as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        raise SourceError(f"{path}: not a readable volume ({lines[-1] if lines else 'unknown reason'})") from error
    finally:
        SimpleITK.ProcessObject.SetGlobalWarningDisplay(shown)
