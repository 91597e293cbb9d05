"""Volumes (NIfTI, NRRD, MetaImage, DICOM series) through SimpleITK: frames are slices, geometry is LPS millimetres."""

from __future__ import annotations

import gzip
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import numpy as np
import SimpleITK
from numpy.typing import NDArray

from echoseg.errors import SourceError, UnsupportedSourceError
from echoseg.io.array import frame_to_uint8
from echoseg.io.intensity import CT_SOFT_TISSUE, UNCHANGED, Window, percentile_window
from echoseg.io.seekable import SeekableSource, sample_indices
from echoseg.io.source import Kind
from echoseg.types import Geometry, Image, Timing

_AIR_HU = -500.0  # CT holds air; no other modality's values go this far below zero


class VolumeSource(SeekableSource):
    """The slices of a volume, axial where the volume has an anatomical orientation; or its one slice as an image.

    The slicing axis is the array axis closest to the patient's superior-inferior direction; slices keep the row and
    column order of the file (nothing is flipped or resampled), so that :meth:`to_stored` brings masks back exactly.

    Args:
        image: 2D or 3D, one value per voxel or RGB.
        name: name for outputs.
        kind: ``volume`` or ``image`` by default; ``clip`` takes the third axis as time, in seconds.
        modality: DICOM modality where known; CT gets the soft tissue window.
        stored_in: format of the file, for ``details``.

    Raises:
        UnsupportedSourceError: four dimensions, or more than one value per voxel other than RGB.
    """

    reads_ahead = False

    def __init__(
        self, image: SimpleITK.Image, name: str, kind: Kind | None = None, modality: str | None = None, stored_in: str = ""
    ) -> None:
        super().__init__()
        components = image.GetNumberOfComponentsPerPixel()
        if image.GetDimension() not in (2, 3) or components not in (1, 3, 4):
            raise UnsupportedSourceError(
                f"{name}: {image.GetDimension()} dimensions with {components} values per voxel; "
                "give one 2D or 3D volume (one time point, one channel)"
            )
        stored = SimpleITK.GetArrayViewFromImage(image)
        self._keep = image  # the array is a view of it
        self._stored = stored[None] if image.GetDimension() == 2 else stored
        flat = len(self._stored) == 1
        self.kind = kind or ("image" if flat else "volume")
        self.name = name
        self._axis = 0 if self.kind != "volume" else _axial_axis(image)
        slices = np.moveaxis(self._stored, self._axis, 0)
        self._slices = slices[..., :3] if components > 1 else slices
        self.length = len(self._slices)
        self.size = (int(slices.shape[1]), int(slices.shape[2]))
        self.stored_affine = lps_affine(image)
        self.geometry, self.timing = _geometry(image, self.stored_affine, self._axis, self.kind)
        self._window = _choose_window(self._slices, modality, name)
        self.details = {
            "format": stored_in,
            "stored_type": image.GetPixelIDTypeAsString(),
            "stored_size": list(image.GetSize()),
            "intensity": self._window.rule,
            **({"modality": modality} if modality else {}),
            **({"slice_axis": "kji"[self._axis]} if self.kind == "volume" else {}),
        }

    def stored(self, index: int) -> NDArray[np.generic]:
        return self._slices[index]

    def _read(self, start: int, stop: int) -> Iterator[Image]:
        for index in range(start, stop):
            yield frame_to_uint8(self._slices[index], self._window, f"{self.name}: slice {index}")

    def to_stored(self, masks: NDArray[np.generic]) -> NDArray[np.generic]:
        """Masks ``(T, H, W)`` in the order of the frames, as ``(k, j, i)`` in the order of the file."""
        return np.moveaxis(masks, 0, self._axis)

    def from_stored(self, array: NDArray[np.generic]) -> NDArray[np.generic]:
        """A ``(k, j, i)`` array in the order of the file, as ``(T, H, W)`` in the order of the frames."""
        return np.moveaxis(array, self._axis, 0)


def open_volume(path: Path, name: str, kind: Kind | None = None, modality: str | None = None) -> VolumeSource:
    """A volume file, or a DICOM file whose frames are slices.

    Raises:
        SourceError: damaged, cut off, or without its data file (``.mhd``).
        UnsupportedSourceError: of a shape that is not handled.
    """
    suffix = ".nii.gz" if path.name.lower().endswith(".nii.gz") else path.suffix.lower()
    nifti_affine = _complete_nifti_affine(path) if suffix in (".nii", ".nii.gz") else None
    image = _quietly(lambda: SimpleITK.ReadImage(str(path)), path)
    source = VolumeSource(image, name, kind, modality, stored_in="DICOM" if modality else suffix.lstrip("."))
    if nifti_affine is not None and np.allclose(nifti_affine, source.stored_affine, atol=1e-3):
        source.stored_affine = nifti_affine  # ITK's differs in the last digits, having been through a quaternion
    return source


def _complete_nifti_affine(path: Path) -> NDArray[np.float64]:
    """The LPS affine of a NIfTI file, once it is sure that all voxels are there: ITK fills what is missing with zeros."""
    import nibabel

    try:
        image = cast(nibabel.nifti1.Nifti1Image, nibabel.load(path))
        itemsize = image.get_data_dtype().itemsize
        expected = int(image.header["vox_offset"]) + int(np.prod(image.shape, dtype=np.int64)) * itemsize
        complete = _holds(path, expected)
    except Exception as error:  # nibabel raises ImageFileError, HeaderDataError, OSError, EOFError, zlib.error, ...
        raise SourceError(f"{path}: not a readable NIfTI file ({error}); it may be damaged or cut off, copy it again") from error
    if not complete:
        raise SourceError(f"{path}: the NIfTI file was cut off, voxels are missing at its end; copy it again")
    return np.diag([-1.0, -1.0, 1.0, 1.0]) @ np.asarray(image.affine, dtype=np.float64)  # NIfTI is RAS


def _holds(path: Path, expected: int) -> bool:
    """True when a file, unpacked if it is a gzip file, has at least ``expected`` bytes."""
    with path.open("rb") as file:
        if file.read(2) != b"\x1f\x8b":
            return path.stat().st_size >= expected
        file.seek(-4, 2)
        if int.from_bytes(file.read(4), "little") == expected % 2**32:  # the size that gzip notes at the end
            return True
    with gzip.open(path) as unpacked:  # several gzip members, or a cut-off file
        count = 0
        while chunk := unpacked.read(1 << 20):
            count += len(chunk)
    return count >= expected


def open_series(files: list[Path], folder: Path, name: str, kind: Kind | None = None) -> VolumeSource:
    """The slices of one DICOM series among the DICOM files of a folder.

    Raises:
        SourceError: several series, a damaged slice, or slices that do not form a stack.
    """
    from echoseg.io.dicom_series import sort_stack

    stack = sort_stack(files, folder)
    image = _quietly(lambda: SimpleITK.ReadImage([str(path) for path in stack.files]), folder)
    source = VolumeSource(image, name, kind, stack.modality, stored_in="DICOM series")
    source.flags = stack.flags
    return source


def lps_affine(image: SimpleITK.Image) -> NDArray[np.float64]:
    """``(4, 4)`` from voxel index (i, j, k) to LPS millimetres; a 2D image lies in the plane k = 0."""
    size = image.GetDimension()
    affine = np.eye(4)
    affine[:size, :size] = np.array(image.GetDirection()).reshape(size, size) * np.array(image.GetSpacing())
    affine[:size, 3] = image.GetOrigin()
    return affine


def _axial_axis(image: SimpleITK.Image) -> int:
    """The array axis (0 for k, 1 for j, 2 for i) whose direction is closest to superior-inferior."""
    direction = np.abs(np.array(image.GetDirection()).reshape(3, 3)[2])  # row 2: the S component of i, j, k
    return 2 - int(np.argmax(direction))


def _geometry(image: SimpleITK.Image, affine: NDArray[np.float64], axis: int, kind: Kind) -> tuple[Geometry, Timing]:
    spacing = [float(s) for s in image.GetSpacing()]
    if kind != "volume":
        timing = Timing()
        if kind == "clip" and len(spacing) == 3 and spacing[2] > 0:
            timing = Timing(fps=None if spacing[2] == 1.0 else 1.0 / spacing[2])  # 1 is what writers put when they do not know
        return Geometry(spacing=(spacing[1], spacing[0])), timing
    # Array axes are (k, j, i); moving one to the front leaves (slice, row, column) as these voxel axes:
    remaining = [a for a in (0, 1, 2) if a != axis]
    slice_axis, row_axis, column_axis = (2 - a for a in (axis, *remaining))
    ordered = affine[:, [column_axis, row_axis, slice_axis, 3]]
    return Geometry(spacing=(spacing[row_axis], spacing[column_axis]), slice_spacing=spacing[slice_axis], affine=ordered), Timing()


def _choose_window(slices: NDArray[np.generic], modality: str | None, name: str) -> Window:
    """uint8 unchanged; CT (stated, or whole numbers that reach far below zero) soft tissue; else the 0.5 to 99.5 percentile."""
    if slices.dtype == np.uint8:
        return UNCHANGED
    samples = [slices[i] for i in sample_indices(len(slices), 32)]
    if modality == "CT" or (modality is None and any((s < _AIR_HU).any() for s in samples)):
        return CT_SOFT_TISSUE
    return percentile_window(samples, name)


def _quietly(read, where: Path):  # type: ignore[no-untyped-def]
    """SimpleITK's errors as ours, its chatter on the terminal suppressed."""
    shown = SimpleITK.ProcessObject.GetGlobalWarningDisplay()
    SimpleITK.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return read()
    except RuntimeError as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        raise SourceError(f"{where}: not a readable volume ({lines[-1] if lines else 'unknown reason'})") from error
    finally:
        SimpleITK.ProcessObject.SetGlobalWarningDisplay(shown)
