"""From a file or series of slices to a source: the reader by content, the part, plane and window by the caller's choice."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from echoseg.errors import SourceError
from echoseg.io.names import safe_name
from echoseg.io.source import Kind
from echoseg.io.volume.orientation import PLANES, Plane
from echoseg.io.volume.parts import Part, count_parts, parse_part, take_part
from echoseg.io.volume.voxels import Acquisition
from echoseg.io.volume.windowing import fixed_window

if TYPE_CHECKING:
    from echoseg.io.volume.source import VolumeSource


@dataclass(frozen=True)
class VolumeChoice:
    """What a caller chooses within a volume, a DICOM series or a folder of them; None where nothing was.

    Attributes:
        series: Series Number or Series Instance UID.
        part: a slice through all phases, or a phase.
        axis: the plane of the slices.
        window: see :mod:`echoseg.io.volume.windowing`.
    """

    series: str | None = None
    part: Part | None = None
    axis: Plane | None = None
    window: str | None = None

    @property
    def given(self) -> list[str]:
        """The names of what was chosen."""
        return [name for name in ("series", "part", "axis", "window") if getattr(self, name) is not None]


def volume_choice(series: str | int | None, part: str | None, axis: str | None, window: str | None) -> VolumeChoice:
    """The choice that the arguments of :func:`echoseg.open_source` make.

    Raises:
        SourceError: no such plane, part or window.
    """
    if axis is not None and axis not in PLANES:
        raise SourceError(f"no slicing axis {axis!r}; one of {', '.join(PLANES)}")
    fixed_window(window, "window")  # a misspelled name must not wait for the first volume
    chosen = None if part is None else parse_part(part)
    return VolumeChoice(None if series is None else str(series), chosen, axis, window)


def read_volume_file(path: Path) -> Acquisition:
    """NIfTI by its content, else NRRD or MetaImage.

    Raises:
        SourceError: see :func:`echoseg.io.volume.nifti.read_nifti` and :func:`echoseg.io.volume.itk.read_itk`.
    """
    from echoseg.io.sniff import is_nifti

    if is_nifti(path):
        from echoseg.io.volume.nifti import read_nifti

        return read_nifti(path)
    from echoseg.io.volume.itk import read_itk

    return read_itk(path)


def volume_source(acquisition: Acquisition, choice: VolumeChoice, kind: Kind | None, name: str, where: Path) -> VolumeSource:
    """The :class:`echoseg.io.volume.source.VolumeSource` of the chosen part; a part is named after its source and number.

    Raises:
        SourceError, UnsupportedSourceError: see :func:`echoseg.io.volume.parts.take_part` and the class.
    """
    from echoseg.io.volume.source import VolumeSource

    voxels, kind = take_part(acquisition, choice.part, kind, where)
    if choice.part is not None:
        name = safe_name(f"{name}_{choice.part.split}{choice.part.index or 0:02d}")
    source = VolumeSource(voxels, kind, name, acquisition, choice.axis, choice.window)
    return source if choice.part is None else source.replaced(details={**source.details, "part": str(choice.part)})


def each_part(acquisition: Acquisition, choice: VolumeChoice) -> list[VolumeChoice]:
    """A choice for every slice or phase of an acquisition, as ``choice.part`` says which; the choice itself when it is one already."""
    part = choice.part
    if part is None or part.index is not None:
        return [choice]
    return [replace(choice, part=Part(part.split, index)) for index in range(count_parts(acquisition, part.split))]
