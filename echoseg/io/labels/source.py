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
from echoseg.io.images import ImageSource
from echoseg.io.labels.nifti import LabelMap, read_label_map
from echoseg.io.labels.numbers import check_no_picture, label_numbers, one_for_255
from echoseg.io.names import output_name
from echoseg.io.open import open_source
from echoseg.io.seekable import SeekableSource
from echoseg.io.source import Kind, Source
from echoseg.io.views import SEEN_VIEW, ViewOrigin
from echoseg.types import Flag, Geometry, Image, Timing

_RUN_MASKS, _RUN_RECORD = "masks.nii.gz", "measurements.json"
_NIFTI = (".nii", ".nii.gz")
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
        names: ``{label: name}`` where results of a run lie beside it; else empty.
    """

    labels: NDArray[np.uint8]
    source: LabelSource
    names: dict[int, str]


def read_label_file(path: Path, kind: Kind | None = None) -> LabelFile:
    """Reads one label map.

    Where the only number is 255 it is taken for label 1: a black and white mask. Of a palette image the indices are the labels.

    Args:
        path: NIfTI, MetaImage, NRRD, ``.npy``, ``.npz``, an image, a folder of images, or a folder that ``echoseg run`` wrote.
        kind: ``clip`` (the third axis is time) or ``volume``; None: as the file says. NIfTI files that other programs write of clips say
            ``volume``.

    Raises:
        SourceError: missing, damaged, values other than whole numbers 0..255, or so many of them that it is a picture.
    """
    if path.is_dir() and (path / _RUN_MASKS).is_file():
        path = path / _RUN_MASKS
    record = _run_record(path)
    name = path.parent.name if record else output_name(path)
    read = _of_nifti(path, kind) if path.name.lower().endswith(_NIFTI) else _of_others(path, kind)
    check_no_picture(read.masks, str(path))
    labels = read.masks if record else one_for_255(read.masks)
    source = LabelSource(name, "volume" if read.kind == "volume" else "clip", labels.shape, read.geometry, read.timing, read.flags)
    if record and record["source"].get("view_from") in _OWN_VIEWS:
        source.details = {**source.details, "view": record["source"]["view"]}
    elif record and record["source"].get("view_from") == ViewOrigin.SEEN:
        source.details = {**source.details, SEEN_VIEW: record["source"]["view"]}
    return LabelFile(labels, source, {found["id"]: str(found["name"]) for found in record.get("objects", ())})


def stacked(files: Sequence[LabelFile], name: str) -> LabelFile:
    """Several label maps of one frame each as the frames of one clip, in order; timing is unknown.

    Raises:
        SourceError: they differ in size or spacing, or one holds several frames.
    """
    first = files[0].source
    for file in files:
        if file.source.size != first.size or file.source.geometry.spacing != first.geometry.spacing or len(file.labels) != 1:
            raise SourceError(f"{name}: the label maps of the phases must be one frame each, of one size and spacing")
    labels = np.concatenate([file.labels for file in files])
    source = LabelSource(name, "clip", labels.shape, Geometry(spacing=first.geometry.spacing), Timing(), first.flags)
    return LabelFile(labels, source, files[0].names)


def _of_nifti(path: Path, kind: Kind | None) -> LabelMap:
    read = read_label_map(path, kind)
    # A place in the patient without a size of pixels: such a matrix is a default, and must not give volumes.
    return read if read.geometry.spacing else replace(read, geometry=Geometry())


def _of_others(path: Path, kind: Kind | None) -> LabelMap:
    with open_source(path, kind=kind) as opened:
        flags = tuple(flag for flag in opened.flags if flag.code.startswith("spacing_"))
        return LabelMap(_stored(opened, path), kind or opened.kind, opened.geometry, opened.timing, flags)


def _stored(opened: Source, path: Path) -> NDArray[np.uint8]:
    assert isinstance(opened, SeekableSource)  # whatever a path names can be read again
    read = opened.indices if isinstance(opened, ImageSource) else opened.stored
    frames = [read(index) for index in range(len(opened))]
    if any(frame.ndim == 3 for frame in frames):
        raise SourceError(f"{path}: a colour image is no label map; save the label numbers as grey levels or palette indices")
    return label_numbers(np.stack(frames), str(path))


def run_folder(path: Path) -> Path | None:
    """The folder of a run's results whose ``masks.nii.gz`` is ``path``; None for other files, and for folders."""
    return path.parent if _run_record(path) else None


def _run_record(path: Path) -> dict[str, Any]:
    """measurements.json of the run that wrote ``path``; empty where there is none that can be read."""
    beside = path.parent / _RUN_RECORD
    if path.name != _RUN_MASKS or not beside.is_file():
        return {}
    try:
        record = json.loads(beside.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if _is_record(record) else {}


def _is_record(record: Any) -> bool:
    """Whether what is read here of a measurements.json is there: another program may have written the file, or a hand."""
    if not isinstance(record, dict) or not isinstance(record.get("source"), dict) or not isinstance(record.get("objects"), list):
        return False
    return all(isinstance(found, dict) and isinstance(found.get("id"), int) and "name" in found for found in record["objects"])
