"""What a file of slices holds before anything is chosen: planes in their own type, where they lie, when they were taken."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from echoseg.types import Flag, Timing

Spacing: TypeAlias = tuple[float | None, float | None, float | None]
"""mm along i, j and k, each None when unknown."""

FOURTH_AXIS = "the fourth axis of the file"
"""What the phases of a file of four dimensions differ in: nothing else tells."""

VOXEL_MM = (0.002, 100.0)
"""Sides of voxels: micro-CT to thick slices; metres for millimetres leave it."""


class Planes(Protocol):
    """A stack of planes: a numpy array ``(K, J, I)`` or ``(K, J, I, 3)``, or what decodes one plane at a time and looks like one.

    ``numpy.asarray`` of it is the whole stack in its own type.
    """

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> np.dtype: ...

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> NDArray[np.generic]: ...

    def __array__(self) -> NDArray[np.generic]: ...


@dataclass(frozen=True, eq=False)
class Voxels:
    """One stack of planes, held once and in the type of the file.

    Attributes:
        planes: ``(K, J, I)`` or ``(K, J, I, 3)``; may decode as it is read.
        affine: ``(4, 4)`` from (i, j, k) to LPS mm, or None when the orientation is unknown.
        spacing: mm along i, j and k, each None when unknown.
        rescale: ``(K, 2)`` slope and intercept of each plane, or None when the values are stored as they are.
        timing: when the planes are moments; empty when they are places.
        files: ``(path, frame)`` of each plane of a DICOM source, frames counted from 0; else empty.
        flags: what a reader must know of these planes.
        shares: ``(K,)`` mm of the stack that each plane stands for, where their distances differ; else None.
    """

    planes: Planes
    affine: NDArray[np.float64] | None
    spacing: Spacing
    rescale: NDArray[np.float64] | None = None
    timing: Timing = field(default_factory=Timing)
    files: tuple[tuple[Path, int], ...] = ()
    flags: tuple[Flag, ...] = ()
    shares: NDArray[np.float64] | None = None


@dataclass(frozen=True, eq=False)
class Acquisition:
    """All that one file or series holds: ``slices`` places, each at ``phases`` moments (or echoes, or b-values).

    Attributes:
        slices, phases: at least 1.
        phase: the volume of one phase.
        cine: one slice through all phases, ``K`` counting the phases.
        format: of the file, for ``details``.
        modality: DICOM modality, or None.
        phases_are: what the phases differ in: ``time``, or words such as ``echo time``.
    """

    slices: int
    phases: int
    phase: Callable[[int], Voxels]
    cine: Callable[[int], Voxels]
    format: str
    modality: str | None = None
    phases_are: str = "time"


def uneven_flag(least: float, most: float) -> Flag:
    """The flag on slices at distances between ``least`` and ``most`` mm."""
    told = f"Distances between slices vary from {least:.3g} to {most:.3g} mm: each slice counts with its own, "
    return Flag("slices_uneven", f"{told}and other programs see their mean in the label maps.")


def rescaled(values: NDArray[np.generic], rescale: NDArray[np.float64] | Sequence[float]) -> NDArray[np.generic]:
    """``values * slope + intercept``, in float32 for up to 16 bits, else float64; unchanged values stay as they are.

    Args:
        values: ``(J, I)``, or any shape whose first axis the rescale follows.
        rescale: ``(2,)`` for all values, or ``(N, 2)`` one for each of ``N`` rows.
    """
    pair = np.asarray(rescale, dtype=np.float64)
    slope, intercept = (pair[..., column].reshape(-1, *[1] * (values.ndim - 1)) if pair.ndim > 1 else pair[column] for column in (0, 1))
    if np.all(slope == 1) and np.all(intercept == 0):
        return values
    kind = np.float32 if values.dtype.itemsize <= 2 else np.float64
    return np.asarray(values.astype(kind) * np.asarray(slope, dtype=kind) + np.asarray(intercept, dtype=kind))
