"""Video files (mp4, mov, avi, mkv, webm, gif, ...), decoded as they are read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from echoseg.errors import SourceError
from echoseg.io.ceiling import check_frame
from echoseg.io.seekable import SeekableSource
from echoseg.io.source import Kind
from echoseg.io.video.display import (
    capture_rate,
    chosen_stream,
    frame_turn,
    gif_states_times,
    other_videos,
)
from echoseg.io.video.index import FrameIndex, index_frames, open_container
from echoseg.io.video.open import Reader, check_reader, open_reader
from echoseg.io.video.pyav import decoded, to_image
from echoseg.io.video.truncation import missing_bytes
from echoseg.types import Flag, Image, Timing

_SLOW = 0.05  # relative difference of rates that rounding does not explain
_ODD_MATRIX = "The file says that its picture is to be stretched or slanted when shown, which is not done: shapes may be distorted."
_INTERLACED = (
    "The file calls its frames interlaced: odd and even lines may be two moments, and what moves is torn between them. "
    "Where edges are combed, take the fields apart first (for example `ffmpeg -i IN -vf bwdif OUT.mp4`)."
)


class VideoSource(SeekableSource):
    """The frames of a video file: RGB ``(H, W, 3)``, or ``(H, W)`` where the file stores grey. Covers attached to it are no video.

    Opening reads through the packets once (without decoding them, where a packet is a frame) to know the number of
    frames, the time of each, and where decoding can start; with PyAV, whatever reads the frames later. The display
    matrix, turned or mirrored, is applied; the pixel aspect ratio is not (see the flag ``pixels_not_square``).

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
        stream, index = _stream_facts(path), index_frames(path)
        frame = next(decoded(path, index, 0, 1))
        first, turn = to_image(frame), frame_turn(frame)
        self._reader = open_reader(reader, path, index, first)
        self.length = len(index.pts)
        self.size = (first.shape[0], first.shape[1])
        self.timing, told = _timing(index), []
        if stream["container"] == "gif" and self.length > 1 and not gif_states_times(path):
            self.timing = Timing()
            told.append(Flag("timing_missing", "The GIF does not state how long its frames are shown: give fps to get times in seconds."))
        played, captured = self.timing.fps, stream["captured"]
        if played and captured and abs(captured - played) > _SLOW * played:
            self.timing = Timing()
            message = (
                f"The file plays {played:.3g} frames/s that were recorded at {captured:.3g}/s (slow motion): times are unknown, give fps."
            )
            told.append(Flag("capture_rate_differs", message))
        if self.length == 1:
            self.kind = "image"
        self.details = {"format": stream["container"], "codec": stream["codec"], "intensity": "8-bit values, unchanged", "reader": reader}
        if _is_variable(self.timing):
            self.details = {**self.details, "variable_frame_rate": True}
        aspect = stream["aspect"]
        if aspect not in ("None", "0", "1"):
            message = f"The video states pixels of aspect {aspect} (width to height): shapes are distorted unless spacing is given."
            told.append(Flag("pixels_not_square", message))
        if turn.axes != (False, False, False):
            self.details = {**self.details, "shown": str(turn)}
        if frame.interlaced_frame:
            told.append(Flag("interlaced", _INTERLACED))
        if not turn.exact:
            told.append(Flag("display_matrix_odd", _ODD_MATRIX))
        if stream["others"]:
            message = f"The file holds {stream['others'] + 1} videos: one is read, {stream['others']} left out."
            told.append(Flag("videos_left_out", message))
        self.flags = tuple(told)

    def ultrasound(self) -> bool | None:
        return True  # no other modality comes as a video file

    def close(self) -> None:
        super().close()
        self._reader.close()

    def _read(self, start: int, stop: int) -> Iterator[Image]:
        return self._reader.read(start, stop)


def _stream_facts(path: Path) -> dict[str, Any]:
    with open_container(path) as container:
        stream = chosen_stream(container, path)
        check_frame(stream.codec_context.width * stream.codec_context.height * 3, path)
        return {
            "container": container.format.name,
            "codec": stream.codec_context.name,
            "aspect": str(stream.sample_aspect_ratio),
            "captured": capture_rate(container),
            "others": other_videos(container),
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
