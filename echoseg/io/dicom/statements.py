"""What images of a series state of themselves held against the others and against their positions: size, distance, scale of values, colour.

Positions decide on the distance of slices (PS3.3 C.7.6.2.1.1): SpacingBetweenSlices and SliceThickness are witnesses, SliceLocation is "a
relative position" of no stated origin.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from echoseg.errors import SourceError
from echoseg.io.dicom.slices import DicomSlice
from echoseg.io.volume.voxels import VOXEL_MM, Spacing
from echoseg.types import Flag, Severity

_PIXEL_MM = 20.0  # sides of pixels, of emission tomography at its coarsest about 10
_AGREEMENT = 0.05  # relative, of stated distances and those of positions
_OVERLAP = 5.0  # slices this many times thicker than their distance are slabs, or places in another unit
_MISSING = 1.5  # distances by positions over stated ones, from which slices may be missing
_ONE_PLACE = 1e-3  # of SliceLocation


def voxel_fault(spacing: Spacing) -> Flag | None:
    """A flag where voxels are of a size that no image has, as with metres or centimetres in place of millimetres."""
    known = [side for side in spacing if side is not None]
    if all(VOXEL_MM[0] <= side <= VOXEL_MM[1] for side in known) and all(side <= _PIXEL_MM for side in spacing[:2] if side is not None):
        return None
    sides = " x ".join(f"{side:.4g}" for side in known)
    told = f"The stated pixel spacing is not used (voxels of {sides} mm, which no image has): lengths, areas and volumes are unknown."
    return Flag("spacing_inconsistent", told)


def distance_flags(slices: Sequence[DicomSlice], step: float | None) -> tuple[Flag, ...]:
    """A flag where slices lie at another distance than they state, or are far thicker than that.

    Args:
        slices: of one series.
        step: their distance by positions in mm; None where it is unknown or they lie at several.
    """
    first = slices[0]
    if step is None or first.position is None or not first.placed:
        return ()
    if first.between is not None and abs(first.between - step) > _AGREEMENT * max(first.between, step):
        both = f"By their positions the slices lie {step:.4g} mm apart, by SpacingBetweenSlices {first.between:.4g} mm: positions are used."
        if first.between / _OVERLAP <= step < _MISSING * first.between:  # gaps, or half of what was scanned: writers differ
            return (Flag("slice_distances_differ", both, Severity.INFO),)
        doubt = f"{both} Slices may be missing, or one of the two is of another unit: look whether volumes can be right."
        return (Flag("slice_distances_differ", doubt),)
    if first.between is None and first.thickness is not None and first.thickness > _OVERLAP * step:
        told = f"By their positions the slices lie {step:.4g} mm apart, and they are {first.thickness:.4g} mm thick: "
        slabs = f"{told}they are slabs that overlap, or one of the two is of another unit. Look whether volumes can be right."
        return (Flag("slice_distances_differ", slabs),)
    return ()


def unlike_flags(slices: Sequence[DicomSlice]) -> tuple[Flag, ...]:
    """Flags on slices that do not say how their values are scaled while others do, and on values that stand for colours."""
    flags = []
    unscaled = sum(one.rescale is None for one in slices)
    if unscaled and any(one.rescale not in (None, (1.0, 0.0)) for one in slices):
        told = f"{unscaled} of {len(slices)} slices do not say how their values are scaled (RescaleSlope), as the others do: "
        flags.append(Flag("rescale_missing", f"{told}they are taken as stored, look whether they are as bright as their neighbours."))
    if any(one.table.options["photometric_interpretation"] == "PALETTE COLOR" for one in slices):
        told = "The slices are coloured by a palette: the numbers behind the colours are taken for grey values, look whether they are any."
        flags.append(Flag("palette_left_out", told))
    return tuple(flags)


def check_one_place(places: Sequence[Sequence[DicomSlice]], where: Path) -> None:
    """Raises SourceError where images have one position and a SliceLocation each: software has copied the position of one to all."""
    for place in places:
        stated = [one.location for one in place if one.location is not None]
        if len(place) > 1 and len(stated) == len(place) and np.diff(np.sort(stated)).min() > _ONE_PLACE:
            raise SourceError(
                f"{where}: {len(place)} images have one position in the patient (ImagePositionPatient) and different slice locations "
                "(SliceLocation); one of the two is wrong: export the series anew from where it came"
            )
