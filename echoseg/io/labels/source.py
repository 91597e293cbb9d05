"""Label maps from files as a source: geometry, timing and names, and pictures where the clip they were drawn on is given."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from echoseg.errors import SourceError
from echoseg.io.labels.nifti import LabelMap
from echoseg.io.labels.numbers import check_no_picture
from echoseg.io.labels.read import NIFTI_SUFFIXES, RUN_MASKS, read_labels
from echoseg.io.names import output_name
from echoseg.io.regular import LONGEST_RECORD, read_regular
from echoseg.io.source import Kind, Source
from echoseg.io.views import SEEN_VIEW, ViewOrigin
from echoseg.io.volume.orientation import array_axis, slice_geometry
from echoseg.types import Flag, Geometry, Image, Timing

_RUN_RECORD = "measurements.json"
_OWN_VIEWS = (ViewOrigin.GIVEN, ViewOrigin.STATED)


class LabelSource(Source):
    """Frames of nothing but black, one for each label map: what masks are drawn on when no pictures are there."""

    def __init__(
        self, name: str, kind: Kind, shape: tuple[int, ...], geometry: Geometry, timing: Timing, flags: tuple[Flag, ...] = ()
    ) -> None:
        self.name, self.kind = name, kind
        self.length, self.size = shape[0], (shape[1], shape[2])
        self.geometry, self.timing, self.flags = geometry, timing, flags
        self.details = {"format": "label map"}

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[Image]:
        for _ in range(start, len(self) if stop is None else min(stop, len(self))):
            yield np.zeros(self.size, dtype=np.uint8)

    def ultrasound(self) -> bool | None:
        return None


@dataclass(frozen=True)
class LabelFile:
    """A label map and what is known of it.

    Attributes:
        labels: ``(T, H, W)`` uint8.
        source: its geometry and timing; black pictures.
        names: ``{label: name}`` where results of a run lie beside it, or the file itself names them; else empty.
        read: as the reader gave it, in the order of the file.
        path: the file.
        of_run: whether the names are those of a run.
    """

    labels: NDArray[np.uint8]
    source: LabelSource
    names: dict[int, str]
    read: LabelMap
    path: Path
    of_run: bool = False


def read_label_file(path: Path, kind: Kind | None = None) -> LabelFile:
    """Reads one label map.

    Args:
        path, kind: see :func:`echoseg.io.labels.read.read_labels`.

    Raises:
        SourceError: as of that function, or so many different values that it is a picture.
    """
    if path.is_dir() and (path / RUN_MASKS).is_file():
        path = path / RUN_MASKS
    record = _run_record(path)
    name = path.parent.name if record else output_name(path)
    read = read_labels(path, kind, white=not record, renumber=True)
    if not read.numbers:
        check_no_picture(read.masks, str(path))
    labels, geometry = read.masks, read.geometry
    if read.kind != "volume" or geometry.spacing is None:
        # A place in the patient without a size of pixels: such a matrix is a default, and must not give volumes.
        geometry = Geometry(geometry.spacing)
    elif geometry.affine is not None and not path.name.lower().endswith(NIFTI_SUFFIXES):
        shares = geometry.slice_shares
        axis = array_axis(geometry.affine, "axial") if shares is None else 0  # as volumes of such slices are opened
        labels, geometry = np.moveaxis(labels, axis, 0), slice_geometry(geometry.affine, axis)
        geometry = geometry if shares is None else replace(geometry, slice_spacing=None, slice_shares=shares)
    source = LabelSource(name, "volume" if read.kind == "volume" else "clip", labels.shape, geometry, read.timing, read.flags)
    if record and record["source"].get("view_from") in _OWN_VIEWS:
        source.details = {**source.details, "view": record["source"]["view"]}
    elif record and record["source"].get("view_from") == ViewOrigin.SEEN:
        source.details = {**source.details, SEEN_VIEW: record["source"]["view"]}
    names = run_names(path) or dict(read.names)
    return LabelFile(labels, source, names, read, path, bool(record))


def run_names(path: Path) -> dict[int, str]:
    """``{label: name}`` of the run that wrote a label map; empty where none lies beside it."""
    return {found["id"]: str(found["name"]) for found in _run_record(path).get("objects", ())}


def stacked(files: Sequence[LabelFile], name: str) -> LabelFile:
    """Several label maps of one frame each as the frames of one clip, in order; timing is unknown.

    Raises:
        SourceError: they differ in size or spacing, or one holds several frames.
    """
    first = files[0].source
    for file in files:
        if file.source.size != first.size or file.source.geometry.spacing != first.geometry.spacing or len(file.labels) != 1:
            raise SourceError(f"{name}: the label maps of the phases must be one frame each, of one size and spacing")
    numbers = np.concatenate([file.read.in_file(file.labels) for file in files])  # each may have been renumbered by itself
    told = tuple(flag for flag in first.flags if flag.code != "labels_renumbered")
    read = LabelMap.of(numbers, name, "clip", Geometry(spacing=first.geometry.spacing), Timing(), told)
    source = LabelSource(name, "clip", read.masks.shape, read.geometry, read.timing, read.flags)
    return LabelFile(read.masks, source, dict(read.names) or files[0].names, read, files[0].path, files[0].of_run)


def run_folder(path: Path) -> Path | None:
    """The folder of a run's results whose ``masks.nii.gz`` is ``path``; None for other files, and for folders."""
    return path.parent if _run_record(path) else None


def _run_record(path: Path) -> dict[str, Any]:
    """measurements.json of the run that wrote ``path``; empty where there is none that can be read."""
    beside = path.parent / _RUN_RECORD
    if path.name != RUN_MASKS or not beside.is_file():
        return {}
    try:
        record = json.loads(read_regular(beside, LONGEST_RECORD))
    except (OSError, ValueError, RecursionError):
        return {}
    return record if _is_record(record) else {}


def _is_record(record: Any) -> bool:
    """Whether what is read here of a measurements.json is there: another program may have written the file, or a hand."""
    if not isinstance(record, dict) or not isinstance(record.get("source"), dict) or not isinstance(record.get("objects"), list):
        return False
    return all(isinstance(found, dict) and isinstance(found.get("id"), int) and "name" in found for found in record["objects"])
