"""All files that people open for one clip, written into one folder, each complete or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image as PillowImage

from echoseg.io.atomic import atomic_path
from echoseg.io.source import Source
from echoseg.io.tables import FrameMeasures, write_frames_csv
from echoseg.record.entries import number
from echoseg.record.measurements import measurements_text
from echoseg.record.quality import merged_flags
from echoseg.report.curve import curve_png
from echoseg.report.drawing import paint
from echoseg.report.overlay import OverlayWriter, overlay_scale
from echoseg.report.page_png import page_png
from echoseg.report.pages import Picture, licence_lines, model_line
from echoseg.report.report import report_html, subtitle
from echoseg.report.rows import shown
from echoseg.report.stills import still_png
from echoseg.report.trace import Trace, area_trace, lv_trace
from echoseg.types import Image, Segmentation

if TYPE_CHECKING:
    from echoseg.cardiac import LVAnalysis


def write_clip_report(
    directory: Path, source: Source, segmentation: Segmentation, analysis: LVAnalysis | None, measurements: Mapping[str, Any]
) -> dict[str, Path]:
    """Writes measurements.json, frames.csv, curve.png, overlay.mp4, ed.png and es.png, report.html and report.png.

    Args:
        directory: an existing folder.
        source: read once more, frame by frame, for overlay and stills; one that cannot be read again gets a report without them.
        segmentation: of all frames of the source.
        analysis: of the object named ``LV``, or None.
        measurements: from :func:`echoseg.record.measurements.measurements`.

    Returns:
        ``{file name: path}`` of what was written.

    Raises:
        OutputError: a file cannot be written.
    """
    trace = lv_trace(segmentation, analysis) if analysis is not None else area_trace(segmentation, segmentation.object_ids[0])
    curve = curve_png(trace, merged_flags(segmentation.flags, () if analysis is None else analysis.flags))
    written = {
        "measurements.json": _write(directory / "measurements.json", measurements_text(measurements).encode()),
        "curve.png": _write(directory / "curve.png", curve),
    }
    with atomic_path(directory / "frames.csv") as path:
        write_frames_csv(path, segmentation, _frame_measures(segmentation, analysis))
    written["frames.csv"] = directory / "frames.csv"

    wanted = _still_frames(segmentation, analysis)
    stills, poster = [], None
    if source.rereadable:
        kept = _write_overlay(directory / "overlay.mp4", source, segmentation, trace, wanted)
        written["overlay.mp4"] = directory / "overlay.mp4"
        stills = [_still(kept[index], index, tag, segmentation, analysis) for index, tag in wanted.items() if index in kept]
        poster = _poster(next(iter(kept.items())), segmentation) if kept else None
    if analysis is not None and analysis.beats:
        for still, name in zip(stills, ("ed.png", "es.png"), strict=False):
            written[name] = _write(directory / name, still.data)
    page = report_html(measurements, stills=stills, curve=curve, poster=poster)
    written["report.html"] = _write(directory / "report.html", page.encode())
    title, line = measurements["source"]["name"], subtitle(measurements["source"])
    written["report.png"] = _write(
        directory / "report.png", page_png(measurements, title, line, stills, [Picture(curve)], footer=_footer(measurements))
    )
    return written


def _footer(measurements: Mapping[str, Any]) -> list[str]:
    source = measurements["source"]
    view = [] if source["view"] is None else [f"View {source['view']}, {source['view_from']}"]
    return [*view, model_line(measurements), *licence_lines(measurements)]


def _write_overlay(path: Path, source: Source, segmentation: Segmentation, trace: Trace, wanted: Iterable[int]) -> dict[int, Image]:
    """Writes the video in one pass over the source and gives back the wanted frames met on the way."""
    kept, keep = {}, set(wanted)
    count = len(segmentation.masks)
    with (
        atomic_path(path) as temporary,
        OverlayWriter(
            temporary,
            source.size,
            fps=segmentation.fps,
            names=segmentation.names,
            spacing=segmentation.geometry.spacing,
            trace=trace,
            frame_count=count,
        ) as writer,
    ):
        for index, frame in enumerate(source.frames(0, count)):
            writer.write(frame, segmentation.masks[index])
            if index in keep:
                kept[index] = frame
    return kept


def _still_frames(segmentation: Segmentation, analysis: LVAnalysis | None) -> dict[int, str]:
    """``{frame index: tag}``: ED and ES of the beat that is most like the clip's EF, else the first seeded frame."""
    if analysis is not None and analysis.beats:
        overall = analysis.ef
        known = [beat for beat in analysis.beats if beat.ef is not None]
        typical = min(known, key=lambda beat: abs(beat.ef - overall)) if known and overall is not None else analysis.beats[0]
        return {int(typical.ed): "ED", int(typical.es): "ES"}
    seeds = [frame for object_id in segmentation.object_ids for frame in segmentation.seeds.get(object_id, ())]
    return {int(seeds[0]) if seeds else 0: ""}


def _still(frame: Image, index: int, tag: str, segmentation: Segmentation, analysis: LVAnalysis | None) -> Picture:
    object_id = _lv_id(segmentation) if analysis is not None else None
    object_id = segmentation.object_ids[0] if object_id is None else object_id
    name = segmentation.names.get(object_id, str(object_id))
    view = f"{analysis.view}, " if analysis is not None and tag else ""
    caption = f"{view}{tag}, frame {index + 1}" if tag else f"Frame {index + 1}"
    volume = np.nan if analysis is None or analysis.curve.volume_ml is None else analysis.curve.volume_ml[index]
    written = number(float(volume), 1)  # as in the table beside it
    picture = still_png(
        frame,
        segmentation.masks[index] == object_id,
        object_id=object_id,
        name=name,
        spacing=segmentation.geometry.spacing,
        caption=f"{view}{tag}",
    )
    return Picture(picture, caption if written is None else f"{caption}: {shown(written, 0)} mL")


def _frame_measures(segmentation: Segmentation, analysis: LVAnalysis | None) -> dict[int, FrameMeasures]:
    lv = _lv_id(segmentation)
    if analysis is None or lv is None:
        return {}
    return {lv: FrameMeasures(analysis.curve.length_mm, analysis.curve.volume_ml, tuple(analysis.phase))}


def _lv_id(segmentation: Segmentation) -> int | None:
    return next((object_id for object_id, name in segmentation.names.items() if name == "LV"), None)


def _write(path: Path, data: bytes) -> Path:
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)
    return path


def _poster(shown: tuple[int, Image], segmentation: Segmentation) -> bytes:
    """The overlay image of one frame as JPEG, which the page shows while the video does not play."""
    index, frame = shown
    scale = overlay_scale(segmentation.masks.shape[1:], segmentation.geometry.spacing)
    buffer = BytesIO()
    PillowImage.fromarray(paint(frame, segmentation.masks[index], segmentation.names, scale=scale)).save(buffer, format="JPEG", quality=82)
    return buffer.getvalue()
