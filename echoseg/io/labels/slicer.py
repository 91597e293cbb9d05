"""Segmentation files of 3D Slicer (``.seg.nrrd``): segments in layers, cropped to what they hold, each with a name.

Slicer puts segments that do not overlap into one layer, as label values, and others into further layers, which come first among the
axes of the file. Older versions gave each segment a layer of its own. ``Segment0_Layer``, ``Segment0_LabelValue`` and ``Segment0_Name`` in
the header say which is which; origin and directions are those of the cropped grid.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from echoseg.errors import SourceError
from echoseg.io.labels.nifti import LabelMap
from echoseg.io.volume.itk import load_itk
from echoseg.io.volume.orientation import is_usable, slice_geometry
from echoseg.types import Flag, Timing

_FIELD = re.compile(r"^Segment(\d+)_(\w+):=(.*?)\r?$", re.MULTILINE)
_MOST = 255


def is_slicer(path: Path) -> bool:
    """Whether a NRRD file is a segmentation of Slicer."""
    with path.open("rb") as file:
        head = file.read(1 << 16)
    return head.startswith(b"NRRD") and re.search(rb"^Segment\d+_ID:=", head, re.MULTILINE) is not None


def read_slicer(path: Path) -> LabelMap:
    """The label map of a Slicer segmentation, ``(k, j, i)`` as in the file; where segments overlap, the higher number stands, with a flag.

    Labels are the values in the file where no two segments share one, else the place of the segment in the list.

    Raises:
        SourceError: damaged, or segments that are not there.
    """
    image = load_itk(path)
    stored, dimension, count, affine = image.values, image.dimension, image.components, image.affine
    layers = np.moveaxis(stored, -1, 0) if count > 1 else stored if dimension == 4 else stored[None]
    if layers.ndim != 4 or affine is None or not is_usable(affine):
        raise SourceError(f"{path}: not a segmentation of one volume (shape {stored.shape}); export it again from Slicer")
    fields: dict[int, dict[str, str]] = {}
    for number, keyword, value in _FIELD.findall(image.header.decode("utf-8", "replace")):
        fields.setdefault(int(number), {})[keyword] = value.strip()
    segments = []
    for number, stated in sorted(fields.items()):
        try:
            layer = int(stated.get("Layer", number if count > 1 and len(layers) > number else 0))
            value = int(stated.get("LabelValue", 1))
        except ValueError as error:
            raise SourceError(f"{path}: the header of the segmentation is damaged ({error})") from error
        if not 0 <= layer < len(layers):
            raise SourceError(f"{path}: segment {number} lies in layer {layer}, and the file has {len(layers)}; it is damaged")
        segments.append((layer, value, stated.get("Name", "")))
    if not segments or len(segments) > _MOST:
        raise SourceError(f"{path}: holds {len(segments)} segments; 1 to {_MOST} are read")
    values = [value for _, value, _ in segments]
    own = len(set(values)) == len(values) and min(values) > 0 and max(values) <= _MOST
    _check_described(layers, segments, path)
    labels = np.zeros(layers.shape[1:], np.uint8)
    names: dict[int, str] = {}
    shared = 0
    for place, (layer, value, name) in sorted(enumerate(segments, start=1), key=lambda one: one[1][1] if own else one[0]):
        label = value if own else place
        inside = layers[layer] == value
        shared += int(np.count_nonzero(labels[inside]))
        labels[inside] = label
        names[label] = name if name and name not in names.values() else f"{name or 'segment'} {label}"
    return LabelMap(labels, "volume", slice_geometry(affine, 0), Timing(), overlap_flag(shared), names)


def overlap_flag(shared: int) -> tuple[Flag, ...]:
    """A flag where segments overlap: a label map holds one of them for each voxel."""
    if not shared:
        return ()
    message = (
        f"Segments overlap in {shared} voxels, and a label map holds one for each: the higher number stands, the other is too small there."
    )
    return (Flag("segments_overlap", message),)


def _check_described(layers: NDArray[np.generic], segments: list[tuple[int, int, str]], path: Path) -> None:
    for layer, values in enumerate(layers):
        known = {value for at, value, _ in segments if at == layer}
        unknown = [f"{value:g}" for value in np.unique(values) if value != 0 and value not in known]
        if unknown:
            raise SourceError(f"{path}: layer {layer} holds the values {', '.join(unknown[:5])}, which belong to no segment; it is damaged")
