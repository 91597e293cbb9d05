"""frames.csv: one row per frame and object."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from echoseg.errors import OutputError
from echoseg.io.source import seconds
from echoseg.types import Segmentation

FRAME_COLUMNS = ("frame", "time_s", "object", "area_px", "area_cm2", "length_mm", "volume_ml", "iou_score", "object_score", "phase")
MM2_PER_CM2 = 100.0


@dataclass(frozen=True)
class FrameMeasures:
    """Measures of one object that its mask alone does not give.

    Attributes:
        length_mm: ``(T,)`` float64 long axis, NaN where unknown; None when spacing is unknown.
        volume_ml: ``(T,)`` float64, NaN where unknown; None when spacing is unknown.
        phase: ``T`` words, empty where unknown; None when there are none.
    """

    length_mm: NDArray[np.float64] | None = None
    volume_ml: NDArray[np.float64] | None = None
    phase: Sequence[str] | None = None


def object_areas(segmentation: Segmentation) -> NDArray[np.int64]:
    """``(T, n_objects)`` int64 pixels per frame and object, columns in the order of ``object_ids``."""
    counts = np.empty((len(segmentation.masks), len(segmentation.object_ids)), dtype=np.int64)
    for frame, labels in enumerate(segmentation.masks):  # frame by frame: a comparison of the whole clip would copy it
        counts[frame] = np.bincount(labels.ravel(), minlength=256)[list(segmentation.object_ids)]
    return counts


def frame_times(segmentation: Segmentation) -> NDArray[np.float64] | None:
    """``(T,)`` float64 seconds from the first frame, or None when timing is unknown."""
    return seconds(segmentation.timing, len(segmentation.masks))


def frame_rows(segmentation: Segmentation, measures: Mapping[int, FrameMeasures] | None = None) -> Iterator[tuple[str, ...]]:
    """Rows of :data:`FRAME_COLUMNS` as text, frame by frame and within a frame by object id.

    Unknown values (no spacing, no timing) are empty, never zero. On a frame that was tracked, the area of an absent object is 0; on a
    frame that was not (score NaN), it is empty.
    """
    times, areas, tracked = frame_times(segmentation), object_areas(segmentation), segmentation.tracked
    spacing = segmentation.geometry.spacing
    cm2 = None if spacing is None else spacing[0] * spacing[1] / MM2_PER_CM2
    for frame in range(len(segmentation.masks)):
        for column, object_id in enumerate(segmentation.object_ids):
            extra = (measures or {}).get(object_id, FrameMeasures())
            area = int(areas[frame, column]) if tracked[frame, column] else None
            yield (
                str(frame),
                "" if times is None else _text(times[frame], 6),
                segmentation.names.get(object_id, str(object_id)),
                "" if area is None else str(area),
                "" if area is None or cm2 is None else _text(area * cm2, 4),
                "" if extra.length_mm is None else _text(extra.length_mm[frame], 2),
                "" if extra.volume_ml is None else _text(extra.volume_ml[frame], 3),
                _text(segmentation.scores[frame, column], 4),
                _text(segmentation.object_scores[frame, column], 4),
                "" if extra.phase is None else extra.phase[frame],
            )


def write_frames_csv(path: Path | str, segmentation: Segmentation, measures: Mapping[int, FrameMeasures] | None = None) -> None:
    """Writes :func:`frame_rows` as UTF-8 CSV (RFC 4180 quoting, ``\\n`` line ends) with a header.

    Raises:
        OutputError: the file cannot be written.
    """
    try:
        with open(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(FRAME_COLUMNS)
            writer.writerows(frame_rows(segmentation, measures))
    except OSError as error:
        raise OutputError(f"{Path(path).name} cannot be written: {error.strerror or error}") from error


def _text(value: float, decimals: int) -> str:
    return f"{value:.{decimals}f}" if np.isfinite(value) else ""
