"""Video files (mp4, mov, avi, mkv, webm, gif, ...), decoded as they are read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from echoseg.errors import SourceError
from echoseg.io.seekable import SeekableSource
from echoseg.io.source import Kind
from echoseg.io.video.index import FrameIndex, index_frames, open_container
from echoseg.io.video.open import Reader, check_reader, open_reader
from echoseg.io.video.pyav import decoded, to_image
from echoseg.io.video.truncation import missing_bytes
from echoseg.types import Flag, Image, Timing


class VideoSource(SeekableSource):
    """The frames of a video file's first video stream: RGB ``(H, W, 3)``, or ``(H, W)`` where the file stores grey.

    Opening reads through the packets once (without decoding them, where a packet is a frame) to know the number of
    frames, the time of each, and where decoding can start; with PyAV, whatever reads the frames later. Display rotation
    is applied; the pixel aspect ratio is not (see the flag ``pixels_not_square``).

    Args:
        path: the file.
        name: name for outputs.
        reader: the library that decodes.

    Raises:
        SourceError: empty, cut off, or damaged; or the reader is not installed. A damaged frame in the middle is found
            when it is read, by ``decord`` when the file is opened.
        UnsupportedSourceError: no video in it, a codec that this build of FFmpeg lacks, or a file of which the reader
            cannot give the frames.
    """

    kind: Kind = "clip"

    def __init__(self, path: Path, name: str, reader: Reader = "pyav") -> None:
        super().__init__()
        check_reader(reader)
        self.name = name
        lacking = missing_bytes(path)
        if lacking > 0:
            raise SourceError(f"{path}: the video was cut off ({lacking} bytes or more are missing at its end); copy the file again")
        index = index_frames(path)
        first = to_image(next(decoded(path, index, 0, 1)))
        self._reader = open_reader(reader, path, index, first)
        self.length = len(index.pts)
        self.size = (first.shape[0], first.shape[1])
        self.timing = _timing(index)
        if self.length == 1:
            self.kind = "image"
        stream = _stream_facts(path)
        self.details = {"format": stream["container"], "codec": stream["codec"], "intensity": "8-bit values, unchanged", "reader": reader}
        if _is_variable(self.timing):
            self.details = {**self.details, "variable_frame_rate": True}
        aspect = stream["aspect"]
        if aspect not in ("None", "0", "1"):
            message = f"The video states pixels of aspect {aspect} (width to height): shapes are distorted unless spacing is given."
            self.flags = (Flag("pixels_not_square", message),)

    def ultrasound(self) -> bool | None:
        return True  # no other modality comes as a video file

    def close(self) -> None:
        super().close()
        self._reader.close()

    def _read(self, start: int, stop: int) -> Iterator[Image]:
        return self._reader.read(start, stop)


def _stream_facts(path: Path) -> dict[str, str]:
    with open_container(path) as container:
        stream = container.streams.video[0]
        return {
            "container": container.format.name,
            "codec": stream.codec_context.name,
            "aspect": str(stream.sample_aspect_ratio),
        }


def _timing(index: FrameIndex) -> Timing:
    if len(index.pts) < 2 or index.time_base <= 0:
        return Timing(fps=index.rate)
    times = index.seconds
    return Timing(fps=float((len(times) - 1) / times[-1]), times=times)


def _is_variable(timing: Timing) -> bool:
    """True when intervals differ by more than a tenth from their median (rounding to the container's clock differs by less)."""
    if timing.times is None or len(timing.times) < 3:
        return False
    intervals = np.diff(timing.times)
    middle = float(np.median(intervals))
    return bool(np.abs(intervals - middle).max() > max(0.1 * middle, 0.0011))
