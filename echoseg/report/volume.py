"""All files that people open for one volume or one image, written into one folder, each complete or not at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from echoseg.io.atomic import atomic_path
from echoseg.io.source import Source
from echoseg.io.tables import write_frames_csv
from echoseg.record.measurements import measurements_text
from echoseg.report.contact_sheet import contact_sheet, sheet_frames
from echoseg.report.drawing import crop_window
from echoseg.report.report import report_html
from echoseg.types import Segmentation

PREVIEW_SLICES = 12
# A small lesion in a whole slice is a dot: the preview shows at least this part of each side.
_CONTEXT = 0.5


def write_volume_report(directory: Path, source: Source, segmentation: Segmentation, measurements: Mapping[str, Any]) -> dict[str, Path]:
    """Writes measurements.json, frames.csv (a row per slice and object), preview.png and report.html.

    Args:
        directory: an existing folder.
        source: a volume or an image; read once more for the preview, which one that cannot be read again goes without.
        segmentation: of all slices of the source.
        measurements: from :func:`echoseg.record.measurements.measurements`.

    Returns:
        ``{file name: path}`` of what was written.

    Raises:
        OutputError: a file cannot be written.
    """
    contents = {"measurements.json": measurements_text(measurements).encode()}
    preview = _preview(source, segmentation, measurements["objects"]) if source.rereadable else None
    if preview is not None:
        contents["preview.png"] = preview
    contents["report.html"] = report_html(measurements, preview=preview).encode()
    for name, data in contents.items():
        with atomic_path(directory / name) as path:
            path.write_bytes(data)
    with atomic_path(directory / "frames.csv") as path:
        write_frames_csv(path, segmentation)
    return {name: directory / name for name in (*contents, "frames.csv")}


def _preview(source: Source, segmentation: Segmentation, objects: Sequence[Mapping[str, Any]]) -> bytes:
    """Slices spread over the objects, among them those of their diameters, which are drawn."""
    masks = segmentation.masks
    axes: dict[int, list[NDArray[np.float64]]] = {}
    for item in objects:
        if item.get("diameter_slice") is not None and (item["diameter_slice"] in axes or len(axes) < PREVIEW_SLICES):
            axes.setdefault(item["diameter_slice"], []).extend(np.array(item[name]) for name in ("long_axis_px", "short_axis_px"))
    spread = sheet_frames(masks, PREVIEW_SLICES)
    while len({*spread, *axes}) > PREVIEW_SLICES:  # a measured slice takes the place of its nearest neighbour
        spread.remove(min(set(spread) - set(axes), key=lambda index: min(abs(index - measured) for measured in axes)))
    picks = sorted({*spread, *axes})
    word = "slice" if source.kind == "volume" else "frame"
    return contact_sheet(
        [source.frame(index) for index in picks],
        [masks[index] for index in picks],
        segmentation.names,
        captions=[f"{word} {index + 1}" for index in picks] if len(masks) > 1 else (),
        lines=[axes.get(index, []) for index in picks],
        spacing=segmentation.geometry.spacing,
        window=crop_window(np.asarray(masks.any(axis=0)), margin=0.5, at_least=_CONTEXT),
        tile=240 if len(picks) > 1 else 640,
    )
