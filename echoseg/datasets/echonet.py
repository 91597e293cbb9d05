"""The layout of EchoNet-Dynamic (Ouyang et al. 2020) and EchoNet-Pediatric (Reddy et al. 2023): two tables and a folder of videos.

``FileList.csv`` names the videos, with EF and split; ``Videos/`` holds them; ``VolumeTracings.csv`` holds outlines of the LV cavity, by
video and frame (counted from 0), in one of two forms: ``X1, Y1, X2, Y2`` are lines, the long axis first and then the chords across the
cavity; ``X, Y`` are the corners of a polygon.
"""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PureWindowsPath

import numpy as np
from numpy.typing import NDArray

from echoseg.datasets.case import Case
from echoseg.errors import SourceError
from echoseg.io.open import open_source
from echoseg.io.source import Source
from echoseg.io.views import ASSUMED, view_in_name
from echoseg.types import BoolMask, Image

Outline = NDArray[np.float64]
"""``(n, 2)`` x, y of a closed polygon. Whole numbers are the centres of pixels."""

_LIST, _TRACINGS, _VIDEOS = "FileList.csv", "VolumeTracings.csv", "Videos"
_SUFFIXES = (".avi", ".mp4", ".mov", ".mkv", ".webm", ".gif")
_CHORDS, _CORNERS = ("X1", "Y1", "X2", "Y2"), ("X", "Y")
_NOT_TRACED = ("no systolic", "no diastolic")  # what the pediatric table has in place of a frame
_FEWEST = 3  # rows: the long axis and two chords, or the corners of a triangle


@dataclass(frozen=True)
class ListedVideo:
    """A row of ``FileList.csv``.

    Attributes:
        name: of the video, without extension. ``path``: of the file, which may be missing.
        row: line of the table, the header being line 1.
        split: as the table says, or None.
        ef: percent, or None where the table has none.
        outlines: ``{frame: outline}`` of the traced frames.
        fault: what is wrong with the video's rows in either table, or None.
    """

    name: str
    path: Path
    row: int
    split: str | None
    ef: float | None
    outlines: Mapping[int, Outline]
    fault: str | None = None


@dataclass(frozen=True)
class TracedFolder:
    """The videos that are listed, in the order of the table, and the names of those that are traced only."""

    videos: tuple[ListedVideo, ...]
    unlisted: tuple[str, ...]


def is_listed_folder(root: Path) -> bool:
    """Whether ``root`` has the layout, with or without tracings."""
    return (root / _LIST).is_file() and (root / _VIDEOS).is_dir()


def is_traced_folder(root: Path) -> bool:
    """Whether ``root`` has the layout, tracings included."""
    return is_listed_folder(root) and (root / _TRACINGS).is_file()


def folder_view(root: Path) -> str:
    """The view that all its videos show: what the name of the folder says, as in the pediatric set, else A4C."""
    named = view_in_name(os.path.basename(os.path.abspath(root)))  # of ".", too
    return named[0] if named else ASSUMED


def read_traced_folder(root: Path) -> TracedFolder:
    """Both tables; a malformed row is the fault of its video alone.

    Raises:
        SourceError: a table cannot be read or lacks a column, or a row names no video.
    """
    outlines, faults = _read_tracings(root / _TRACINGS)
    videos = _read_list(root, outlines, faults)
    listed = {video.name for video in videos}
    return TracedFolder(videos, tuple(name for name in {**outlines, **faults} if name not in listed))


def listed_videos(root: Path) -> tuple[ListedVideo, ...]:
    """The videos of ``FileList.csv``, in its order and without their tracings, which need not be there.

    Raises:
        SourceError: the table cannot be read or lacks the column FileName, or a row names no video.
    """
    return _read_list(root, {}, {})


def _read_list(root: Path, outlines: Mapping[str, Mapping[int, Outline]], faults: Mapping[str, str]) -> tuple[ListedVideo, ...]:
    videos: dict[str, ListedVideo] = {}
    for row, cells in _rows(root / _LIST, "FileName"):
        file = _file_name(root / _LIST, row, cells)
        name = Path(file).stem
        fault, ef = faults.get(name), None
        try:
            ef = _percent(cells.get("EF"))
        except ValueError as error:
            fault = f"{root / _LIST}, row {row}: EF is {error}"
        if name in videos:
            fault = f"{root / _LIST}, row {row}: {name} stands there twice, first in row {videos[name].row}"
            row, ef = videos[name].row, None
        split = (cells.get("Split") or "").strip().upper() or None
        videos[name] = ListedVideo(name, root / _VIDEOS / file, row, split, ef, outlines.get(name, {}), fault)
    return tuple(videos.values())


def traced_videos(root: Path, split: str) -> dict[Path, Mapping[int, Outline]]:
    """The videos of a split that are there and traced, in order of their names, each with its outlines by frame.

    Args:
        root: the folder as released.
        split: ``TRAIN``, ``VAL`` or ``TEST`` of ``FileList.csv``.

    Raises:
        SourceError: a table is missing or lacks a column, a row of such a video is malformed, or no traced video of the split is there.
    """
    for _ in _rows(root / _LIST, "FileName", "Split"):
        break
    listed = sorted(read_traced_folder(root).videos, key=lambda video: video.name)
    videos = [video for video in listed if video.split == split and (video.outlines or video.fault) and video.path.is_file()]
    if not videos:
        raise SourceError(f"{root}: no traced video of split {split} in {_VIDEOS}/")
    for video in videos:
        if video.fault is not None:
            raise SourceError(video.fault)
    return {video.path: video.outlines for video in videos}


def echonet_clips(root: Path, split: str = "TEST") -> Iterator[Case]:
    """One case a traced video that is there, all frames read; truth on the traced frames only.

    Args:
        root: the folder as released: ``FileList.csv``, ``VolumeTracings.csv``, ``Videos/``.
        split: ``TRAIN``, ``VAL`` or ``TEST``.

    Raises:
        SourceError: a table is missing or lacks a column, no traced video of the split is there, or a video ends before a traced
            frame, or is traced outside of its picture.
    """
    for path, outlines in traced_videos(root, split).items():
        with open_source(path) as source:
            masks = traced_masks(outlines, source, str(path))
            frames, fps = np.stack(list(source.frames())), source.timing.fps
        yield replace(_case(path, frames, masks, range(len(frames))), fps=fps)


def clip_between_traced(path: Path, outlines: Mapping[int, Outline], count: int) -> Case:
    """At most ``count`` frames, evenly in time, from the first traced frame (ED or ES) to the last; only the traced ones have truth.

    Raises:
        SourceError: the video cannot be read, or ends before a traced frame.
    """
    first, last = min(outlines), max(outlines)
    chosen = np.unique(np.rint(np.linspace(first, last, count)).astype(int)).tolist()
    with open_source(path) as source:
        read = list(source.frames(first, last + 1))
        if len(read) <= last - first:
            raise SourceError(f"{path}: frame {last} is traced, but the video has only {first + len(read)}")
        masks = {frame: cavity(outlines[frame], source.size) for frame in chosen if frame in outlines}
    return _case(path, np.stack([read[frame - first] for frame in chosen]), masks, chosen)


def _case(path: Path, frames: Image, masks: Mapping[int, BoolMask], chosen: Sequence[int]) -> Case:
    """The case of frames that are number ``chosen`` of their video."""
    labels = np.zeros(frames.shape[:3], np.uint8)
    for at, frame in enumerate(chosen):
        labels[at] = masks.get(frame, 0)
    known = np.array([frame in masks for frame in chosen])
    return Case(path.stem, path.stem, frames, labels, {1: "LV"}, known, view=folder_view(path.parents[1]))


def traced_masks(outlines: Mapping[int, Outline], source: Source, where: str) -> dict[int, BoolMask]:
    """``{frame: (H, W)}``: the cavity within each outline, in pixels of the source; ``where`` names it in an error.

    Raises:
        SourceError: a frame is traced that the source lacks, or outside of its picture.
    """
    last = max(outlines, default=-1)
    if last >= len(source):
        raise SourceError(f"{where}: frame {last} is traced, but the video has only {len(source)}, counted from 0")
    masks = {frame: cavity(outline, source.size) for frame, outline in outlines.items()}
    for frame, mask in masks.items():
        if not mask.any():
            height, width = source.size
            raise SourceError(f"{where}: the tracing of frame {frame} marks no pixel of the {width} x {height}; was the video resized?")
    return masks


def cavity(outline: Outline, size: tuple[int, ...], first: int = 0) -> BoolMask:
    """``(H, W)`` mask of the pixels whose centre lies in the outline; ``first`` is the number of the first row and column.

    Whole coordinates are pixel centres, as in the authors' code (``echonet/datasets/echo.py``), which rounds the outline to pixels; here it
    stays as traced.
    """
    from matplotlib.path import Path as Path2D

    ys, xs = np.indices(size) + first
    inside = Path2D(outline).contains_points(np.column_stack([xs.ravel(), ys.ravel()]))
    return np.asarray(inside.reshape(size), bool)


def _read_tracings(path: Path) -> tuple[dict[str, dict[int, Outline]], dict[str, str]]:
    """Outlines by video and frame, and what is wrong with a video's rows, the first of them."""
    traced: dict[str, dict[int, list[list[float]]]] = {}
    first_row: dict[tuple[str, int], int] = {}
    faults: dict[str, str] = {}
    columns: tuple[str, ...] = ()
    for row, cells in _rows(path, "FileName", "Frame"):
        columns = columns or _form(path, cells)
        name = Path(_file_name(path, row, cells)).stem
        try:
            frame = _frame(cells["Frame"])
            numbers = [] if frame is None else [_number(column, cells[column]) for column in columns]
        except ValueError as error:
            faults.setdefault(name, f"{path}, row {row}: {error}")
            continue
        if frame is not None:
            traced.setdefault(name, {}).setdefault(frame, []).append(numbers)
            first_row.setdefault((name, frame), row)
    outlines: dict[str, dict[int, Outline]] = {}
    for name, frames in traced.items():
        for frame, rows in frames.items():
            if len(rows) < _FEWEST:
                wanted = "the long axis and two chords or more" if columns == _CHORDS else "three corners or more"
                where = f"{path}, row {first_row[name, frame]}"
                faults.setdefault(name, f"{where}: frame {frame} of {name} has {len(rows)} of its rows; an outline needs {wanted}")
            else:
                outlines.setdefault(name, {})[frame] = _outline(np.array(rows))
    return outlines, faults


def _outline(rows: NDArray[np.float64]) -> Outline:
    """Corners as they are; of chords the ends, down one side and up the other. The long axis, the first row, is no part of it."""
    return rows if rows.shape[1] == 2 else np.concatenate([rows[1:, :2], rows[:0:-1, 2:]])


def _form(path: Path, cells: Mapping[str, str | None]) -> tuple[str, ...]:
    for columns in (_CHORDS, _CORNERS):
        if all(column in cells for column in columns):
            return columns
    missing = next(column for column in _CHORDS if column not in cells)
    raise SourceError(f"{path}: lacks the column {missing}; tracings are X1, Y1, X2, Y2 (chords) or X, Y (corners)")


def _frame(text: str | None) -> int | None:
    """The number of a frame; None for a phase that was not traced."""
    if (text or "").strip().lower() in _NOT_TRACED:
        return None
    number = _number("Frame", text)
    if number < 0 or not number.is_integer():
        raise ValueError(f"Frame is {text!r}, which is no frame: they are counted from 0")
    return int(number)


def _number(column: str, text: str | None) -> float:
    try:
        number = float(text or "")
    except ValueError:
        raise ValueError(f"{column} is {text!r}, which is no number" if text else f"has no {column}") from None
    if not math.isfinite(number):
        raise ValueError(f"{column} is {text!r}, which is no finite number")
    return number


def _percent(text: str | None) -> float | None:
    if not (text or "").strip():
        return None
    try:
        value = float(text or "")
    except ValueError:
        raise ValueError(f"{text!r}, which is no number") from None
    if not 0 < value < 100:
        raise ValueError(f"{text!r}, which is not between 0 and 100 percent")
    return value


def _file_name(path: Path, row: int, cells: Mapping[str, str | None]) -> str:
    """The name of the video file, which the tables give with or without ``.avi``; folders in it do not count."""
    name = PureWindowsPath((cells["FileName"] or "").strip()).name
    if not name:
        raise SourceError(f"{path}, row {row}: has no FileName")
    return name if Path(name).suffix.lower() in _SUFFIXES else f"{name}.avi"


def _rows(path: Path, *columns: str) -> Iterator[tuple[int, dict[str, str | None]]]:
    """``(line, cells)`` of every row, the header being line 1."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            if missing := [column for column in columns if column not in (reader.fieldnames or ())]:
                raise SourceError(f"{path}: lacks the column {missing[0]}")
            for cells in reader:
                yield reader.line_num, cells
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise SourceError(f"{path}: cannot be read ({reason}); give the folder of EchoNet-Dynamic as released") from error
