"""report.html: one page of one clip or volume, made from the contents of measurements.json and from pictures; it computes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from echoseg.report.pages import Picture, data_uri, embedded, render


def report_html(
    record: Mapping[str, Any],
    *,
    stills: Sequence[Picture] = (),
    curve: bytes | None = None,
    poster: bytes | None = None,
    preview: bytes | None = None,
) -> str:
    """The page.

    Args:
        record: from :func:`echoseg.record.measurements.measurements`.
        stills: shown side by side (end-diastole and end-systole, or the seeded frame).
        curve: curve.png.
        poster: picture in place of overlay.mp4 while that is not playing (or not there); None leaves the video out.
        preview: preview.png of a volume.
    """
    source = record["source"]
    return render(
        "clip.html",
        record,
        subtitle=subtitle(source),
        stills=embedded(list(stills)),
        stills_title="End-diastole and end-systole" if record["beats"] else "Stills",
        curve=curve and data_uri(curve),
        poster=poster and data_uri(poster),
        preview=preview and data_uri(preview),
        frame_word="Slice" if source["kind"] == "volume" else "Frame",
        volumetric=source["kind"] == "volume",
    )


def subtitle(source: Mapping[str, Any]) -> str:
    """Length, size, rate and spacing of a source in one line."""
    one = source["frames"] == 1
    count = f"{source['frames']} {'slice' if source['kind'] == 'volume' else 'frame'}{'' if one else 's'}"
    parts = [count, f"{source['width']} × {source['height']} pixels"]
    if source["fps"] and source["kind"] == "clip":
        parts += [f"{source['fps']:.3g} frames/s", f"{source['frames'] / source['fps']:.1f} s"]
    spacing = source["spacing_mm"]
    if spacing is None:
        parts.append("pixel size unknown")
    else:
        across, down = spacing[1], spacing[0]  # width first, as the size
        sides = [across, down, source["slice_spacing_mm"]] if source["slice_spacing_mm"] else [across, down]
        parts.append(" × ".join(f"{side:.3g}" for side in sides) + " mm")
    return " · ".join(parts)
