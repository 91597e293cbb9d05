"""The EchoNet-Dynamic layout (Ouyang et al. 2020): ``FileList.csv``, ``VolumeTracings.csv`` and ``Videos/`` of apical 4-chamber clips."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from matplotlib.path import Path as Outline
from numpy.typing import NDArray

from echoseg.errors import SourceError
from echoseg.io.open import open_source
from echoseg.training.dataset import Sample, sample_of_labels
from echoseg.types import BoolMask

LABELS = {1: "LV"}
Tracing = NDArray[np.float64]
"""``(n, 4)`` X1, Y1, X2, Y2: the long axis, then the chords across the cavity."""


class EchoNet:
    """One sample a traced video: frames from one traced frame (ED or ES) to the other; only those two have truth.

    Args:
        split: ``TRAIN``, ``VAL`` or ``TEST`` of ``FileList.csv``. Listed videos that are not there, or not traced, are left out.
        frames: frames of a sample, evenly spaced in time.

    Raises:
        SourceError: a table is missing or lacks a column, or no traced video of the split is there.
    """

    def __init__(self, root: str | Path, split: str, frames: int) -> None:
        root = Path(root)
        self.frames = frames
        listed = {Path(row["FileName"]).stem for row in _rows(root / "FileList.csv", "FileName", "Split") if row["Split"].upper() == split}
        self.tracings = {name: frames for name, frames in _read_tracings(root / "VolumeTracings.csv").items() if name in listed}
        self.videos = [path for name in sorted(self.tracings) if (path := root / "Videos" / f"{name}.avi").is_file()]
        if not self.videos:
            raise SourceError(f"{root}: no traced video of split {split} in Videos/")

    def __len__(self) -> int:
        return len(self.videos)

    def sample(self, index: int, rng: np.random.Generator) -> Sample:
        """Frames of video ``index``; ``rng`` is not used."""
        path = self.videos[index]
        traced = self.tracings[path.stem]
        first, last = min(traced), max(traced)
        chosen = np.unique(np.rint(np.linspace(first, last, self.frames)).astype(int))
        with open_source(path) as source:
            read = list(source.frames(first, last + 1))
            if len(read) <= last - first:
                raise SourceError(f"{path}: frame {last} is traced, but the video has only {first + len(read)}")
            labels = np.zeros((len(chosen), *source.size), np.uint8)
        for i, frame in enumerate(chosen):
            if frame in traced:
                labels[i] = cavity(traced[frame], labels.shape[1:])
        return sample_of_labels(np.stack([read[frame - first] for frame in chosen]), labels, LABELS, [frame in traced for frame in chosen])


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
