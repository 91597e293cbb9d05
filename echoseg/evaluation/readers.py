"""How fast each reader of video files opens, seeks and reads, side by side on the same files.

Wall time is what a user waits, and what else the machine does sways it; CPU time counts all threads of the process, and holds.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import cast

import av
import numpy as np
from av.video.stream import VideoStream

from echoseg.datasets.demo import demo_clip
from echoseg.errors import MeasureError, SourceError
from echoseg.io import Source, open_source
from echoseg.io.video.open import READERS, Reader, check_reader

BATCH = 16
"""Neighbouring frames of a batch."""

TASKS = ("open", "sequential", "batch", "seek")
"""In the order of :class:`ReaderSpeed`."""

_LOOKS = 16  # frames and batches looked up in a round
_KEYFRAME_EVERY = 30


@dataclass(frozen=True)
class Spent:
    """Milliseconds, or times PyAV's by one reader's of a round (above 1, the reader is faster): medians over the rounds."""

    wall: float
    cpu: float


@dataclass(frozen=True)
class ReaderSpeed:
    """What one reader took on one file.

    Attributes:
        reader: its name.
        ms: by task: to open the file, and of a frame read from first to last, read in batches of ``BATCH`` neighbours at
            random places, and read alone at a random place.
        ratio: by task, PyAV's time by this one's.
    """

    reader: Reader
    ms: Mapping[str, Spent]
    ratio: Mapping[str, Spent]


@dataclass(frozen=True)
class ReadersReport:
    """What :func:`bench_readers` measured on one file.

    Attributes:
        video, codec: its name and codec.
        frames, height, width: of the video.
        rounds: turns of every reader.
        speeds: in the order of ``READERS``; of those that could be measured.
        left_out: why each other one could not.
    """

    video: str
    codec: str
    frames: int
    height: int
    width: int
    rounds: int
    speeds: tuple[ReaderSpeed, ...]
    left_out: Mapping[str, str]


def bench_readers(video: Path, rounds: int = 5) -> ReadersReport:
    """Times every reader that is installed and can read ``video``, in turn within each round.

    Args:
        video: a video file of two frames or more.
        rounds: at least 1; one more comes first and does not count. Places are drawn anew in each, the same for all readers.

    Raises:
        MeasureError: no round, or a single frame.
        SourceError: PyAV cannot read the file.
    """
    if rounds < 1:
        raise MeasureError(f"readers are timed over 1 round or more; got {rounds}")
    with open_source(video, reader="pyav") as source:
        if len(source) < 2:
            raise MeasureError(f"{video}: speed is measured on two frames or more")
        frames, (height, width), codec = len(source), source.size, str(source.details["codec"])
    present, left_out = _present(video)
    spent: dict[str, dict[Reader, list[Spent]]] = {task: defaultdict(list) for task in TASKS}
    rng = np.random.default_rng(0)
    for turn in range(rounds + 1):
        places = rng.integers(0, frames, _LOOKS).tolist()
        for reader in np.roll(np.array(present), turn).tolist():  # nobody is always first
            try:
                taken = _one_turn(video, reader, places)
            except SourceError as error:  # some find out late that they cannot read a file
                if reader == "pyav":
                    raise
                present.remove(reader)
                left_out[reader] = str(error)
                continue
            if turn:
                for task, one in zip(TASKS, taken, strict=True):
                    spent[task][reader].append(one)
    speeds = tuple(
        ReaderSpeed(
            reader,
            {task: _medians(spent[task][reader]) for task in TASKS},
            {task: _medians(list(map(_ratio, spent[task]["pyav"], spent[task][reader]))) for task in TASKS},
        )
        for reader in present
    )
    return ReadersReport(video.name, codec, frames, height, width, rounds, speeds, left_out)


@contextmanager
def example_videos() -> Iterator[tuple[Path, ...]]:
    """The demo clip as an H.264 file (a keyframe every 30 frames, B-frames) and as a motion JPEG file, until the block ends.

    Raises:
        SourceError: the demo clip is not installed.
    """
    with TemporaryDirectory(prefix="echoseg-") as folder, open_source(demo_clip()) as clip:
        h264, mjpeg = Path(folder) / "h264.mp4", Path(folder) / "mjpeg.avi"
        _write(h264, clip, "libx264", "yuv420p", {"g": str(_KEYFRAME_EVERY), "bf": "2"})
        _write(mjpeg, clip, "mjpeg", "yuvj420p", {"q": "3"})
        yield h264, mjpeg


def _write(path: Path, clip: Source, codec: str, pixels: str, options: dict[str, str]) -> None:
    with av.open(str(path), "w") as container:
        stream = cast(VideoStream, container.add_stream(codec, rate=30, options=options))
        stream.height, stream.width = clip.size
        stream.pix_fmt = pixels
        for image in clip.frames():
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))


def _present(video: Path) -> tuple[list[Reader], dict[str, str]]:
    present: list[Reader] = []
    left_out: dict[str, str] = {}
    for reader in READERS:
        try:
            check_reader(reader)
            open_source(video, reader=reader).close()
        except SourceError as error:
            left_out[reader] = str(error)
        else:
            present.append(reader)
    return present, left_out


def _one_turn(video: Path, reader: Reader, places: Sequence[int]) -> tuple[Spent, ...]:
    """Milliseconds of each of the ``TASKS``; of reading, a frame."""
    opened: list[Source] = []

    def open_it() -> int:
        opened.append(open_source(video, reader=reader))
        return 1

    opening = _timed(open_it)
    with opened[0] as source:
        batches = [(place, min(place + BATCH, len(source))) for place in places]
        return (
            opening,
            _timed(lambda: _count(source.frames())),
            _timed(lambda: sum(_count(source.frames(start, stop)) for start, stop in batches)),
            _timed(lambda: _count(source.frame(place) for place in places)),
        )


def _timed(read: Callable[[], int]) -> Spent:
    wall, cpu = time.perf_counter(), time.process_time()
    count = read()
    return Spent(1000 * (time.perf_counter() - wall) / count, 1000 * (time.process_time() - cpu) / count)


def _count(frames: Iterator[np.ndarray]) -> int:
    return sum(1 for _ in frames)


def _medians(each: Sequence[Spent]) -> Spent:
    return Spent(median(one.wall for one in each), median(one.cpu for one in each))


def _ratio(pyav: Spent, other: Spent) -> Spent:
    return Spent(pyav.wall / other.wall, pyav.cpu / other.cpu)
