"""EchoNet-Dynamic (Ouyang et al. 2020) as a reference: apical 4-chamber clips with the LV traced on one ED and one ES frame."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from matplotlib.path import Path as Outline
from numpy.typing import NDArray

from echoseg.errors import SourceError
from echoseg.evaluation.reference import Reference
from echoseg.io.open import open_source
from echoseg.types import BoolMask

Tracing = NDArray[np.float64]
"""``(n, 4)`` X1, Y1, X2, Y2: the long axis, then the chords across the cavity."""


def echonet_clips(root: Path, split: str = "TEST") -> Iterator[Reference]:
    """One reference a traced video that is there, all frames read; truth on the traced frames only.

    Args:
        root: the folder as released: ``FileList.csv``, ``VolumeTracings.csv``, ``Videos/``.
        split: ``TRAIN``, ``VAL`` or ``TEST``.

    Raises:
        SourceError: a table is missing or lacks a column, no traced video of the split is there, or a video ends before a traced frame.
    """
    listed = {Path(row["FileName"]).stem for row in _rows(root / "FileList.csv", "FileName", "Split") if row["Split"].upper() == split}
    tracings = _tracings(root / "VolumeTracings.csv")
    videos = [path for name in sorted(listed & set(tracings)) if (path := root / "Videos" / f"{name}.avi").is_file()]
    if not videos:
        raise SourceError(f"{root}: no traced video of split {split} in Videos/")
    for path in videos:
        traced = tracings[path.stem]
        with open_source(path) as source:
            frames, fps = np.stack(list(source.frames())), source.timing.fps
        if max(traced) >= len(frames):
            raise SourceError(f"{path}: frame {max(traced)} is traced, but the video has only {len(frames)}")
        masks, known = np.zeros(frames.shape[:3], bool), np.zeros(len(frames), bool)
        for frame, tracing in traced.items():
            masks[frame], known[frame] = cavity(tracing, masks.shape[1:]), True
        yield Reference(path.stem, path.stem, frames, {"LV": masks}, known, fps=fps)


def cavity(tracing: Tracing, size: tuple[int, ...]) -> BoolMask:
    """``(H, W)`` mask of the pixels whose centre lies in the outline through the chords' ends, down one side and up the other.

    Whole coordinates are pixel centres, as in the authors' code (``echonet/datasets/echo.py``).
    """
    chords = tracing[1:]
    outline = np.concatenate([chords[:, :2], chords[::-1, 2:]])
    ys, xs = np.indices(size)
    inside = Outline(outline).contains_points(np.column_stack([xs.ravel(), ys.ravel()]))
    return np.asarray(inside.reshape(size), bool)


def _tracings(path: Path) -> dict[str, dict[int, Tracing]]:
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
