"""Volumes as sources: frames are slices in the chosen plane, windowed one at a time from voxels held once in their own type."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from echoseg.errors import SourceError
from echoseg.io.array import frame_to_uint8
from echoseg.io.intensity import GreyWindow
from echoseg.io.seekable import SeekableSource, sample_indices
from echoseg.io.source import Kind, Value
from echoseg.io.volume.orientation import Plane, array_axis, directions, is_sheared, slice_geometry, towards
from echoseg.io.volume.voxels import Acquisition, Voxels, rescaled
from echoseg.io.volume.windowing import volume_window
from echoseg.types import BoolMask, Flag, Geometry, Image, Severity, Timing

_SAMPLED_SLICES = 32
_THICK = 3.0  # slices this many times farther apart than pixels make poor frames when cut across (nnU-Net's anisotropy threshold)


class VolumeSource(SeekableSource):
    """The slices of a volume; or its one slice as an image; or one slice at several moments as a clip.

    Slices are axial by default: across the array axis closest to the patient's superior-inferior direction, whatever
    the order of the file. They keep the row and column order of the file (nothing is flipped or resampled), so that
    :meth:`to_stored` brings masks back exactly. NaN and infinity show as the dark end of the window, with a flag.

    Args:
        voxels: the planes.
        kind: ``volume``, ``image`` or ``clip``; only a volume can be sliced in another plane than the stored one.
        name: name for outputs.
        acquisition: what the planes were taken from.
        plane: the slicing plane; None is ``axial``, or ``stored`` where the orientation is unknown.
        window: as of :func:`echoseg.io.volume.windowing.volume_window`.

    Raises:
        SourceError: no such window, no finite value, or a plane that needs the unknown orientation.
    """

    def __init__(
        self,
        voxels: Voxels,
        kind: Kind,
        name: str,
        acquisition: Acquisition,
        plane: Plane | None = None,
        window: str | None = None,
    ) -> None:
        super().__init__()
        self._voxels = voxels
        self.kind, self.name = kind, name
        self.stored_in, self.dicom_frames = acquisition.format, voxels.files
        self._axis = _slicing_axis(voxels, kind, plane, name)
        # Across the stored planes every frame needs all of them: they are decoded once.
        self._planes = voxels.planes if self._axis == 0 else np.asarray(voxels.planes)
        self.reads_ahead = not isinstance(self._planes, np.ndarray)
        grid = self._planes.shape[:3]
        self.length = int(grid[self._axis])
        rows, columns = (int(n) for axis, n in enumerate(grid) if axis != self._axis)
        self.size = (rows, columns)
        self.geometry = _geometry(voxels, self._axis, kind)
        self.timing = voxels.timing if kind == "clip" else Timing()
        self._modality = acquisition.modality
        self._window = self._choose_window(window)
        self.flags = tuple(flag for flag in (*voxels.flags, *self._plane_flags(plane), self._finite_flag()) if flag)
        self.details = self._describe(acquisition, plane)

    def stored(self, index: int) -> NDArray[np.generic]:
        """Slice ``index`` in the unit of the values, Hounsfield units in CT: rescaled as the file says, not windowed."""
        if not 0 <= index < self.length:
            raise IndexError(f"{self.name}: no slice {index}, there are {self.length}")
        if self._axis == 0:
            values = np.asarray(self._planes[index])
            return values if self._voxels.rescale is None else rescaled(values, self._voxels.rescale[index])
        values = np.take(np.asarray(self._planes), index, axis=self._axis)
        return values if self._voxels.rescale is None else rescaled(values, self._voxels.rescale)

    def _read(self, start: int, stop: int) -> Iterator[Image]:
        for index in range(start, stop):
            values = self.stored(index)
            if values.dtype.kind == "f" and not np.isfinite(values).all():
                values = np.where(np.isfinite(values), values, self._window.low)
            yield frame_to_uint8(values, self._window, f"{self.name}: slice {index}")

    @property
    def stored_affine(self) -> NDArray[np.float64] | None:
        return self._voxels.affine

    def to_stored(self, masks: NDArray[Value]) -> NDArray[Value]:
        return np.moveaxis(masks, 0, self._axis)

    def from_stored(self, array: NDArray[Value]) -> NDArray[Value]:
        return np.moveaxis(array, self._axis, 0)

    def sector(self) -> BoolMask | None:
        return None if self._modality not in (None, "US") else super().sector()

    def ultrasound(self) -> bool | None:
        return super().ultrasound() if self._modality is None else self._modality in ("US", "IVUS")

    @property
    def window(self) -> GreyWindow:
        """Which values are shown as black and white."""
        return self._window

    def _choose_window(self, asked: str | None) -> GreyWindow:
        def samples() -> list[NDArray[np.generic]]:
            return [self.stored(index) for index in sample_indices(self.length, _SAMPLED_SLICES)]

        return volume_window(np.dtype(self._planes.dtype), samples, self.name, asked, self._modality)

    def _plane_flags(self, plane: Plane | None) -> tuple[Flag, ...]:
        affine = self._voxels.affine
        if self.kind != "volume":
            return ()
        flags = []
        if affine is None:
            flags.append(
                Flag(
                    "orientation_unknown", "The file does not say how the volume lies in the patient: slices are as stored.", Severity.INFO
                )
            )
        elif is_sheared(affine):
            message = "The slices are shifted against each other (tilted gantry): the geometry is kept, but many viewers do not show it."
            flags.append(Flag("slices_sheared", message))
        known = [step for step in self._voxels.spacing if step]
        if self._axis != 0 and plane is None and len(known) == 3 and known[2] > _THICK * max(known[:2]):
            ratio = f"{known[2] / max(known[:2]):.1f}"
            message = f"Axial slices cut across acquired ones that lie {ratio} pixels apart: slicing plane 'stored' takes them as acquired."
            flags.append(Flag("cut_across_slices", message))
        return tuple(flags)

    def _finite_flag(self) -> Flag | None:
        """NaN and infinity are looked for in the whole of a volume of floats, one plane at a time."""
        if np.dtype(self._planes.dtype).kind != "f":
            return None
        bad = sum(self._planes[k].size - int(np.isfinite(self._planes[k]).sum()) for k in range(len(self._planes)))
        if bad == 0:
            return None
        return Flag("values_not_finite", f"{bad} voxels are NaN or infinite: they are shown as the darkest grey.")

    def _describe(self, acquisition: Acquisition, plane: Plane | None) -> dict[str, object]:
        k, j, i = self._planes.shape[:3]
        details: dict[str, object] = {
            "format": acquisition.format,
            "stored_type": str(np.dtype(self._planes.dtype)),
            "stored_size": [int(i), int(j), int(k)],
            "intensity": self._window.rule,
        }
        if self._modality:
            details["modality"] = self._modality
        if acquisition.phases > 1:
            details["acquired"] = f"{acquisition.slices} slices x {acquisition.phases} phases (in {acquisition.phases_are})"
        if self.kind == "volume":
            details["slice_axis"] = "kji"[self._axis]
            if self._voxels.shares is not None:
                details["slice_shares_mm"] = [round(float(share), 4) for share in self._voxels.shares]
            details["slicing"] = (plane or "axial") if self._voxels.affine is not None else "stored"
        if self.geometry.affine is not None:
            columns, rows, slices = (towards(vector) for vector in directions(self.geometry.affine).T)
            details["orientation"] = f"columns to the {columns}, rows to the {rows}, slices to the {slices}"
        return details


def _slicing_axis(voxels: Voxels, kind: Kind, plane: Plane | None, name: str) -> int:
    if kind != "volume":
        if kind == "clip" and plane not in (None, "stored"):
            raise SourceError(f"{name}: the frames of a clip are moments, they cannot be sliced as {plane}; take a phase of it")
        return 0
    if voxels.affine is None:
        if plane not in (None, "stored"):
            raise SourceError(
                f"{name}: the file does not say how the volume lies in the patient, so it has no {plane} slices; give 'stored'"
            )
        return 0
    if voxels.shares is not None:  # a cut across them would have rows at uneven distances
        if plane is not None and array_axis(voxels.affine, plane) != 0:
            raise SourceError(f"{name}: its slices lie at different distances, so that only they are slices without gaps; give 'stored'")
        return 0
    return array_axis(voxels.affine, plane or "axial")


def _geometry(voxels: Voxels, axis: int, kind: Kind) -> Geometry:
    if kind == "volume" and voxels.affine is not None:
        if None in voxels.spacing[:2]:  # places without a size that can be believed must not give volumes
            return Geometry()
        geometry = slice_geometry(voxels.affine, axis)
        return geometry if voxels.shares is None else replace(geometry, slice_spacing=None, slice_shares=voxels.shares)
    column, row, between = voxels.spacing
    return Geometry(
        spacing=None if row is None or column is None else (row, column),
        slice_spacing=between if kind == "volume" else None,
        slice_shares=voxels.shares if kind == "volume" else None,
    )
