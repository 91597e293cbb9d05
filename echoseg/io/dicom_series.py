"""The files of a DICOM series put in order along the slice normal (PS3.3 C.7.6.2), complete or not at all.

ITK's own series reader leaves out files that it cannot read: a volume with a slice fewer, in silence.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from echoseg.errors import SourceError, UnsupportedSourceError
from echoseg.io.dicom_frames import read_header
from echoseg.io.dicom_values import numbers, quiet_reading, text
from echoseg.types import Flag

_UNEVEN = 0.02  # relative deviation of a slice distance from the median that rounding does not explain
_CLIPS = ("US", "IVUS", "XA", "RF", "ES")


@dataclass(frozen=True)
class Stack:
    """One series, ready to be read.

    Attributes:
        files: from the lowest to the highest position along the slice normal, at least one.
        modality: as the files state it, or None.
        flags: ``slices_uneven`` where the distances between slices differ.
    """

    files: tuple[Path, ...]
    modality: str | None
    flags: tuple[Flag, ...]


@quiet_reading()
def sort_stack(paths: list[Path], folder: Path) -> Stack:
    """Check and sort the slices among DICOM files; objects without images (reports, segmentations) do not count.

    Raises:
        SourceError: a damaged or cut-off file, files that are clips of their own, several series, or no positions.
        UnsupportedSourceError: no images, or several images at one position.
    """
    series: dict[str, list[tuple[Path, Dataset]]] = defaultdict(list)
    refusal: UnsupportedSourceError | None = None
    for path in paths:
        try:
            header, table = read_header(path)
        except UnsupportedSourceError as error:
            refusal = error
            continue
        if table.count > 1 or text(header, "Modality") in _CLIPS:
            raise SourceError(f"{folder}: holds {len(paths)} DICOM files, sources of their own like {path.name}; open one at a time")
        series[text(header, "SeriesInstanceUID")].append((path, header))
    if not series:
        raise refusal or UnsupportedSourceError(f"{folder}: holds no DICOM images")
    if len(series) > 1:
        listing = "; ".join(f"{len(members)} files like {members[0][0].name}" for members in series.values())
        raise SourceError(f"{folder}: holds {len(series)} DICOM series ({listing}); put each into its own folder and open one")
    members = next(iter(series.values()))
    heights = _heights([header for _, header in members], folder)
    order = np.argsort(heights, kind="stable")
    distances = np.diff(heights[order])
    if len(distances) and distances.min() < 1e-3:
        raise UnsupportedSourceError(
            f"{folder}: the series has {len(members)} files at {1 + int((distances >= 1e-3).sum())} positions: a time series or several "
            "images per slice; put the files of one stack (or of one slice, as a clip) into a folder of their own"
        )
    return Stack(tuple(members[i][0] for i in order), text(members[0][1], "Modality") or None, _uneven(distances))


def _heights(headers: list[Dataset], folder: Path) -> NDArray[np.float64]:
    """The position of each slice along the normal of the first, in mm."""
    orientation = numbers(headers[0], "ImageOrientationPatient")
    positions = [numbers(header, "ImagePositionPatient") for header in headers]
    if len(headers) == 1:
        return np.zeros(1)
    if len(orientation) != 6 or any(len(position) != 3 for position in positions):
        raise SourceError(f"{folder}: the DICOM images do not state their positions in the patient; they cannot be stacked to a volume")
    if any(not np.allclose(numbers(header, "ImageOrientationPatient"), orientation, atol=1e-3) for header in headers):
        raise SourceError(f"{folder}: the DICOM images have different orientations; put the parallel ones into a folder of their own")
    normal = np.cross(orientation[:3], orientation[3:])
    return np.array(positions) @ normal


def _uneven(distances: NDArray[np.float64]) -> tuple[Flag, ...]:
    if len(distances) < 2 or np.abs(distances - np.median(distances)).max() <= _UNEVEN * np.median(distances):
        return ()
    span = f"{distances.min():.3g} to {distances.max():.3g} mm"
    return (Flag("slices_uneven", f"Distances between slices vary from {span}: a slice may be missing, and volumes are not exact."),)
