"""The files that people open, of a source of any kind."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from echoseg.io.source import Source
from echoseg.report.clip import write_clip_report
from echoseg.report.volume import write_volume_report
from echoseg.types import Segmentation

if TYPE_CHECKING:
    from echoseg.cardiac import LVAnalysis


def write_report(
    directory: Path, source: Source, segmentation: Segmentation, analysis: LVAnalysis | None, measurements: Mapping[str, Any]
) -> dict[str, Path]:
    """Writes what :func:`write_clip_report` writes of a clip, and :func:`write_volume_report` of a volume or a single image.

    Args:
        directory: an existing folder.
        source: read once more for pictures.
        segmentation: of all frames of the source.
        analysis: of the object named ``LV`` of a clip, or None.
        measurements: from :func:`echoseg.record.measurements.measurements`.

    Returns:
        ``{file name: path}`` of what was written.

    Raises:
        OutputError: a file cannot be written.
    """
    if source.kind == "clip":
        return write_clip_report(directory, source, segmentation, analysis, measurements)
    return write_volume_report(directory, source, segmentation, measurements)
