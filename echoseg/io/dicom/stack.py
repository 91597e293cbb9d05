"""DICOM images put in order: by place along the slice normal (PS3.3 C.7.6.2), and by moment where several lie at one place.

ITK's own series reader leaves out files that it cannot read and spaces uneven slices evenly, both in silence. Here every
image is used or the source is refused, and what an affine matrix cannot say is flagged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from echoseg.errors import SourceError, UnsupportedSourceError
from echoseg.io.dicom.copies import without_copies
from echoseg.io.dicom.frames import frame_flags
from echoseg.io.dicom.slices import MOMENTS, DicomPlanes, DicomSlice
from echoseg.io.dicom.statements import check_one_place, distance_flags, unlike_flags, voxel_fault
from echoseg.io.dicom.timing import SANE_FPS, SANE_HEART_RATE
from echoseg.io.volume.voxels import Acquisition, Spacing, Voxels, uneven_flag
from echoseg.types import Flag, Timing

_ONE_PLACE_MM = 1e-3
_ONE_PLACE = 1e-3  # of the slice distance: positions that are closer are one, jittered by the scanner's arithmetic
_ONE_PLACE_PIXELS = 0.05  # but never farther than this, whatever distance is stated: very thin slices stay apart
_UNEVEN = 0.02  # relative deviation of a slice distance from the median that rounding does not explain
_WHOLE = 0.05  # deviation of a gap from a whole number of slice distances at which slices count as missing
_OFF_PIXELS = 0.1  # how far, in pixels, slices may be shifted in their plane and the stack still counts as straight


@dataclass(frozen=True, eq=False)
class Stack:
    """Where a series of places lies.

    Attributes:
        affine: ``(4, 4)`` from (i, j, k) to LPS mm; None when the places are not stated, or not in the patient.
        step: distance of neighbouring planes in mm, or None; None also where they differ.
        shares: ``(K,)`` mm of the stack that each slice stands for, where distances differ; else None.
        flags: ``slices_missing``, ``slices_uneven``, ``slices_shifted``.
    """

    affine: NDArray[np.float64] | None
    step: float | None
    flags: tuple[Flag, ...] = ()
    shares: NDArray[np.float64] | None = None


def arrange(slices: Sequence[DicomSlice], where: Path, modality: str | None, told: tuple[Flag, ...] = ()) -> Acquisition:
    """All images of one series, or of one multi-frame file, in places and phases; ``told`` are flags of it.

    Raises:
        SourceError: images of different orientation or pixel spacing, or without the places that would order them.
        UnsupportedSourceError: a different number of images at different places, or images that nothing tells apart.
    """
    tables = {id(one.table): one.table for one in slices}
    slices, copies = without_copies(slices)
    copies = (*copies, *(flag for table in tables.values() for flag in frame_flags(table)))
    heights = _heights(slices, where)
    grid, differ = _grid(slices, heights, where)
    stack = _place([moments[0] for moments in grid], where)
    copies = (*copies, *told, *dict.fromkeys(flag for one in slices for flag in one.table.flags))
    column, row = _in_plane(slices, where)
    sides: Spacing = (column, row, stack.step)
    fault = voxel_fault(sides)
    sides = sides if fault is None else (None, None, None)
    copies = (*copies, *unlike_flags(slices), *(() if fault is None else (fault,)))
    flags = (*stack.flags, *distance_flags(slices, stack.step), *copies)

    def voxels(chosen: list[DicomSlice], **known: object) -> Voxels:
        planes = DicomPlanes(chosen)
        rescale = np.array([one.rescale or (1.0, 0.0) for one in chosen])
        plain = bool((rescale == (1.0, 0.0)).all())
        return Voxels(planes, rescale=None if plain else rescale, files=planes.files, **known)  # type: ignore[arg-type]

    return Acquisition(
        slices=len(grid),
        phases=len(grid[0]),
        phase=lambda t: voxels([moments[t] for moments in grid], affine=stack.affine, spacing=sides, flags=flags, shares=stack.shares),
        cine=lambda k: voxels(grid[k], affine=None, spacing=(*sides[:2], None), timing=_timing(grid[k], differ), flags=copies),
        format="DICOM",
        modality=modality,
        phases_are=next((words for keyword, words, _ in MOMENTS if keyword == differ), "time"),
    )


def _heights(slices: Sequence[DicomSlice], where: Path) -> NDArray[np.float64]:
    """The position of each image along the normal of the first, in mm; the order of a multi-frame file that states none."""
    first = slices[0]
    if first.skewed:
        raise SourceError(
            f"{where}: directions of the DICOM images (ImageOrientationPatient) are not of length 1, or not perpendicular: nothing tells "
            "where the slices are; repair the header, or convert the series anew"
        )
    if len(slices) == 1:
        return np.zeros(1)
    if first.orientation is None or any(one.position is None for one in slices):
        if all(one.table is first.table for one in slices):
            return np.arange(len(slices), dtype=np.float64)
        raise SourceError(f"{where}: the DICOM images do not state their positions in the patient; they cannot be stacked to a volume")
    if any(one.orientation is None or not np.allclose(one.orientation, first.orientation, atol=1e-3) for one in slices):
        raise SourceError(f"{where}: the DICOM images have different orientations; put the parallel ones into a folder of their own")
    return np.array([one.position for one in slices]) @ _normal(first)


def _grid(slices: Sequence[DicomSlice], heights: NDArray[np.float64], where: Path) -> tuple[list[list[DicomSlice]], str]:
    """``[place][moment]``, places from the lowest to the highest; and the attribute that the moments differ in, or empty."""
    order = np.argsort(heights, kind="stable")
    starts = np.flatnonzero(np.diff(heights[order], prepend=-np.inf) >= _one_place(slices, heights))
    places = [[slices[i] for i in part] for part in np.split(order, starts[1:])]
    counts = {len(place) for place in places}
    if counts == {1}:
        return places, ""
    check_one_place(places, where)
    if len(counts) > 1:
        raise UnsupportedSourceError(
            f"{where}: the series has {len(slices)} images at {len(places)} positions, from {min(counts)} to {max(counts)} at "
            "each; put the files of one stack (or of one slice, as a clip) into a folder of their own"
        )
    for keyword, _, _ in MOMENTS:
        if all(_tells_apart(place, keyword) for place in places):
            return [sorted(place, key=lambda one: one.moments[keyword]) for place in places], keyword
    raise UnsupportedSourceError(
        f"{where}: the series has {len(slices)} images at {len(places)} positions, and nothing tells those at one position apart; "
        "put the files of one stack into a folder of their own"
    )


def _one_place(slices: Sequence[DicomSlice], heights: NDArray[np.float64]) -> float:
    """Distance in mm from which images lie at different places. The slice distance is as seen, else as stated."""
    gaps = np.diff(np.sort(heights))
    pixel = min(slices[0].spacing or (0.0,))
    far = gaps[gaps > _ONE_PLACE_PIXELS * pixel]
    distance = float(np.median(far)) if far.size else slices[0].between or slices[0].thickness or 0.0
    return max(_ONE_PLACE_MM, min(_ONE_PLACE * distance, _ONE_PLACE_PIXELS * pixel))


def _tells_apart(place: list[DicomSlice], keyword: str) -> bool:
    values = {one.moments.get(keyword) for one in place}
    return None not in values and len(values) == len(place)


def _in_plane(slices: Sequence[DicomSlice], where: Path) -> tuple[float | None, float | None]:
    """``(col_mm, row_mm)``, the same for all images."""
    stated = {one.spacing for one in slices}
    if len(stated) > 1 and (None in stated or np.ptp([s for s in stated if s], axis=0).max() > 1e-4):
        raise SourceError(f"{where}: the DICOM images have different pixel spacing; put those of one size into a folder of their own")
    spacing = slices[0].spacing
    return (None, None) if spacing is None else (spacing[1], spacing[0])


def _place(column: list[DicomSlice], where: Path) -> Stack:
    """The matrix of a column of images, one at each place, and what it cannot say.

    The third axis is the step from slice to slice. Where that leaves the normal by less than a tenth of a pixel over the
    whole stack, which is rounding, it is the normal. With slices missing the median distance counts. Of uneven slices each stands for
    half of the way to both its neighbours, and the matrix, which can hold one distance only, has the mean.
    """
    first, last = column[0], column[-1]
    if first.position is None or first.orientation is None:
        return Stack(None, None)
    normal = _normal(first)
    positions = np.array([one.position for one in column])
    distances = np.diff(positions @ normal)
    if len(distances) == 0:
        return Stack(None, None)
    median = float(np.median(distances))
    flags = _uneven(distances, median)
    missing = any(flag.code == "slices_missing" for flag in flags)
    step = median if missing else float(distances.mean())
    shares = _shares(distances) if flags and not missing else None
    row_mm, column_mm = first.spacing or (1.0, 1.0)
    rise = float((positions[-1] - positions[0]) @ normal)
    direction = (np.array(last.position) - positions[0]) / rise  # in units of height
    shift = np.abs(positions - positions[0] - np.outer((positions - positions[0]) @ normal, normal)).max()
    if shift <= _OFF_PIXELS * min(row_mm, column_mm):
        direction = normal
    else:
        along = positions[0] + np.outer((positions - positions[0]) @ normal, direction)
        if np.abs(positions - along).max() > _OFF_PIXELS * min(row_mm, column_mm):
            message = "The slices are shifted against each other by different amounts: shapes and places across slices are not exact."
            flags = (*flags, Flag("slices_shifted", message))
    if not first.placed:
        return Stack(None, None)
    step_known = step if shares is None else None
    if first.spacing is None or not first.in_patient:
        return Stack(None, step_known, flags, shares)
    affine = np.eye(4)
    affine[:3, 0] = np.array(first.orientation[:3]) * column_mm
    affine[:3, 1] = np.array(first.orientation[3:]) * row_mm
    affine[:3, 2] = direction * step
    affine[:3, 3] = positions[0]
    return Stack(affine, step_known, flags, shares)


def _shares(distances: NDArray[np.float64]) -> NDArray[np.float64]:
    """Half of the way to both neighbours; at the ends the whole of the way to the one there is."""
    edges = np.concatenate([distances[:1], distances, distances[-1:]])
    return np.asarray((edges[:-1] + edges[1:]) / 2)


def _uneven(distances: NDArray[np.float64], median: float) -> tuple[Flag, ...]:
    if len(distances) < 2 or np.abs(distances - median).max() <= _UNEVEN * median:
        return ()
    ratios = distances / median
    gaps = np.flatnonzero(ratios > 1.5)
    regular = len(distances) > 3 and np.allclose(distances[2:], distances[:-2], rtol=_UNEVEN)  # alternating: so it was acquired
    if not regular and np.abs(ratios - ratios.round()).max() <= _WHOLE and ratios.min() > 0.5:
        missing = int((ratios[gaps].round() - 1).sum())
        message = f"{missing} slices are missing (after {_listed(gaps)}): what lies in the gap is not counted, places beyond it are off."
        return (Flag("slices_missing", message),)
    return (uneven_flag(distances.min(), distances.max()),)


def _listed(gaps: NDArray[np.intp]) -> str:
    shown = ", ".join(f"slice {gap}" for gap in gaps[:5])
    return shown if len(gaps) <= 5 else f"{shown} and {len(gaps) - 5} more"


def _timing(moments: list[DicomSlice], keyword: str) -> Timing:
    """Seconds from the first image where the attribute is a time from the same heartbeat, else no times; and the heart rate."""
    unit = next((seconds for name, _, seconds in MOMENTS if name == keyword), None)
    rates = [one.heart_rate for one in moments if one.heart_rate and SANE_HEART_RATE[0] <= one.heart_rate <= SANE_HEART_RATE[1]]
    heart_rate = float(np.median(rates)) if rates else None
    if unit is None or len(moments) < 2:
        return Timing(heart_rate=heart_rate)
    times = np.array([one.moments[keyword] for one in moments]) * unit
    times -= times[0]
    fps = (len(times) - 1) / float(times[-1])
    if not SANE_FPS[0] <= fps <= SANE_FPS[1]:
        return Timing(heart_rate=heart_rate)
    return Timing(fps=fps, times=times, heart_rate=heart_rate)


def _normal(one: DicomSlice) -> NDArray[np.float64]:
    assert one.orientation is not None
    normal = np.cross(one.orientation[:3], one.orientation[3:])
    return np.asarray(normal / np.linalg.norm(normal))
