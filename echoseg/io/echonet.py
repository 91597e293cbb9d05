"""The EchoNet-Dynamic layout (Ouyang et al. 2020): ``FileList.csv``, ``VolumeTracings.csv`` and ``Videos/`` of apical 4-chamber clips."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from matplotlib.path import Path as Outline
from numpy.typing import NDArray

from echoseg.errors import SourceError
from echoseg.types import BoolMask

Tracing = NDArray[np.float64]
"""``(n, 4)`` X1, Y1, X2, Y2: the long axis, then the chords across the cavity."""


def traced_videos(root: Path, split: str) -> dict[Path, dict[int, Tracing]]:
    """The videos of a split that are there and traced, in order of their names, each with its tracings by frame.

    Args:
        root: the folder as released.
        split: ``TRAIN``, ``VAL`` or ``TEST`` of ``FileList.csv``.

    Raises:
        SourceError: a table is missing or lacks a column, or no traced video of the split is there.
    """
    listed = {Path(row["FileName"]).stem for row in _rows(root / "FileList.csv", "FileName", "Split") if row["Split"].upper() == split}
    tracings = _read_tracings(root / "VolumeTracings.csv")
    videos = [path for name in sorted(listed & set(tracings)) if (path := root / "Videos" / f"{name}.avi").is_file()]
    if not videos:
        raise SourceError(f"{root}: no traced video of split {split} in Videos/")
    return {path: tracings[path.stem] for path in videos}


def cavity(tracing: Tracing, size: tuple[int, ...]) -> BoolMask:
    """``(H, W)`` mask of the pixels whose centre lies in the outline through the chords' ends, down one side and up the other.

    Whole coordinates are pixel centres, as in the authors' code (``echonet/datasets/echo.py``), which rounds the outline to pixels; here it
    stays as traced.
    """
    chords = tracing[1:]
    outline = np.concatenate([chords[:, :2], chords[::-1, 2:]])
    ys, xs = np.indices(size)
    inside = Outline(outline).contains_points(np.column_stack([xs.ravel(), ys.ravel()]))
    return np.asarray(inside.reshape(size), bool)


def _read_tracings(path: Path) -> dict[str, dict[int, Tracing]]:
    """Tracings by video (name without extension) and frame."""
    lines: dict[str, dict[int, list[list[float]]]] = {}
    columns = ("X1", "Y1", "X2", "Y2")
    for row in _rows(path, "FileName", *columns, "Frame"):
        frames = lines.setdefault(Path(row["FileName"]).stem, {})
        frames.setdefault(int(row["Frame"]), []).append([float(row[column]) for column in columns])
    return {name: {frame: np.array(rows) for frame, rows in frames.items()} for name, frames in lines.items()}


def _rows(path: Path, *columns: str) -> Iterator[dict[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            if missing := [column for column in columns if column not in (reader.fieldnames or ())]:
                raise SourceError(f"{path}: lacks the column {missing[0]}")
            yield from reader
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror}); give the folder of EchoNet-Dynamic as released") from error
