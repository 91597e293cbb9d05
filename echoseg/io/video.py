"""Video files (mp4, mov, avi, mkv, webm, gif, ...) through PyAV, decoded as they are read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from numpy.typing import NDArray

from echoseg.errors import SourceError, UnsupportedSourceError
from echoseg.io.seekable import SeekableSource
from echoseg.io.source import Kind
from echoseg.io.truncation import missing_bytes
from echoseg.types import Flag, Image, Timing

# In these codecs a packet may hold no frame to show (VP8's hidden reference frames) or two (packed B-frames).
_PACKETS_ARE_NOT_FRAMES = ("vp8", "mpeg4", "msmpeg4v3", "msmpeg4v2", "theora")


class VideoSource(SeekableSource):
    """The frames of a video file's first video stream: RGB ``(H, W, 3)``, or ``(H, W)`` where the file stores grey.

    Opening reads through the packets once (without decoding them, where a packet is a frame) to know the number of
    frames, the time of each, and where decoding can start. Display rotation is applied; the pixel aspect ratio is
    not (see the flag ``pixels_not_square``).

    Args:
        path: the file.
        name: name for outputs.

    Raises:
        SourceError: empty, cut off, or damaged. A damaged frame in the middle is found when it is read.
        UnsupportedSourceError: no video in it, or a codec that this build of FFmpeg lacks.
    """

    kind: Kind = "clip"

    def __init__(self, path: Path, name: str) -> None:
        super().__init__()
        self._path = path
        self.name = name
        lacking = missing_bytes(path)
        if lacking > 0:
            raise SourceError(f"{path}: the video was cut off ({lacking} bytes or more are missing at its end); copy the file again")
        self._index = _index_frames(path)
        self.length = len(self._index.pts)
        first, stream = self._first_frame()
        self.size = (first.shape[0], first.shape[1])
        self.timing = _timing(self._index)
        if self.length == 1:
            self.kind = "image"
        self.details = {"format": stream["container"], "codec": stream["codec"], "intensity": "8-bit values, unchanged"}
        if _is_variable(self.timing):
            self.details = {**self.details, "variable_frame_rate": True}
        aspect = stream["aspect"]
        if aspect not in ("None", "0", "1"):
            message = f"The video states pixels of aspect {aspect} (width to height): shapes are distorted unless spacing is given."
            self.flags = (Flag("pixels_not_square", message),)

    def ultrasound(self) -> bool | None:
        return True  # no other modality comes as a video file

    def _read(self, start: int, stop: int) -> Iterator[Image]:
        if start >= stop:
            return
        expected = start
        with _open(self._path) as container:
            try:
                for frame in _frames_from(container, self._index, start):
                    if len(self._index.keyframes) and frame.pts != self._index.pts[expected]:
                        break  # the decoder left a damaged frame out: the rest would be shifted in time
                    yield _to_image(frame)
                    expected += 1
                    if expected == stop:
                        return
            except av.FFmpegError as error:
                raise SourceError(f"{self._path}: frame {expected} of {self.length} is damaged ({error.strerror})") from error
        raise SourceError(f"{self._path}: frame {expected} of {self.length} is damaged or missing; copy the file again")

    def _first_frame(self) -> tuple[Image, dict[str, str]]:
        image = next(self._read(0, 1))
        with _open(self._path) as container:
            stream = container.streams.video[0]
            return image, {
                "container": container.format.name,
                "codec": stream.codec_context.name,
                "aspect": str(stream.sample_aspect_ratio),
            }


@dataclass(frozen=True)
class FrameIndex:
    """The frames of a video stream in the order they are shown.

    Attributes:
        pts: ``(T,)`` int64 presentation times, ascending, in units of ``time_base``.
        keyframes: ``(K,)`` int64 presentation times of the frames that decoding can start at; empty when seeking is
            not possible and every read starts at the beginning.
        time_base: seconds.
        rate: frames per second that the file states, or None.
    """

    pts: NDArray[np.int64]
    keyframes: NDArray[np.int64]
    time_base: float
    rate: float | None


def _open(path: Path) -> InputContainer:
    try:
        container = av.open(str(path))
    except (av.FFmpegError, ValueError) as error:
        reason = getattr(error, "strerror", error)
        raise SourceError(f"{path}: not a readable video ({reason}); it is damaged or not what its name says") from error
    if not container.streams.video:
        container.close()
        raise UnsupportedSourceError(f"{path}: holds no video stream")
    if container.streams.video[0].codec_context is None:
        container.close()
        raise UnsupportedSourceError(f"{path}: the video's codec is unknown to this build of FFmpeg; convert it to H.264")
    container.streams.video[0].thread_type = "AUTO"
    return container


def _index_frames(path: Path) -> FrameIndex:
    """Count and date the frames from the packets; by decoding them where packets do not tell."""
    with _open(path) as container:
        stream = container.streams.video[0]
        rate = float(stream.average_rate) if stream.average_rate else None
        time_base = float(stream.time_base) if stream.time_base else 0.0
        pts: list[int | None] = []
        keyframes: list[int] = []
        try:
            for packet in container.demux(stream):
                if packet.size == 0 or packet.is_discard:
                    continue
                pts.append(packet.pts)
                if packet.is_keyframe and packet.pts is not None:
                    keyframes.append(packet.pts)
        except av.FFmpegError as error:
            raise SourceError(f"{path}: the video is damaged after {len(pts)} frames ({error.strerror}); copy the file again") from error
        known = [p for p in pts if p is not None]
        codec = stream.codec_context.name
    if not pts:
        raise SourceError(f"{path}: the video holds no frames; it is damaged or was never finished")
    if codec in _PACKETS_ARE_NOT_FRAMES or len(set(known)) < len(pts):
        return _index_by_decoding(path, time_base, rate)
    return FrameIndex(np.sort(np.array(known, dtype=np.int64)), np.sort(np.array(keyframes, dtype=np.int64)), time_base, rate)


def _index_by_decoding(path: Path, time_base: float, rate: float | None) -> FrameIndex:
    with _open(path) as container:
        pts: list[int | None] = []
        keyframes: list[int] = []
        try:
            for frame in container.decode(video=0):
                pts.append(frame.pts)
                if frame.key_frame and frame.pts is not None:
                    keyframes.append(frame.pts)
        except av.FFmpegError as error:
            raise SourceError(f"{path}: frame {len(pts)} of the video cannot be decoded ({error.strerror}); the file is damaged") from error
    if not pts:
        raise SourceError(f"{path}: the video holds no frame that can be decoded")
    known = np.array([p for p in pts if p is not None], dtype=np.int64)
    if len(known) == len(pts) and (np.diff(known) > 0).all():
        return FrameIndex(known, np.array(keyframes, dtype=np.int64), time_base, rate)
    return FrameIndex(np.arange(len(pts), dtype=np.int64), np.empty(0, dtype=np.int64), 1.0 / rate if rate else 0.0, rate)


def _frames_from(container: InputContainer, index: FrameIndex, start: int) -> Iterator[av.VideoFrame]:
    """Decoded frames from number ``start`` on, in the order they are shown.

    Decoding starts at the last keyframe before it. Where the container lands too late (some seek by decoding time)
    an earlier keyframe is tried, at last the beginning.
    """
    stream = container.streams.video[0]
    if len(index.keyframes) == 0:
        for number, frame in enumerate(container.decode(stream)):
            if number >= start:
                yield frame
        return
    target = index.pts[start]
    earlier = index.keyframes[index.keyframes <= target]
    attempts = [int(p) for p in earlier[:0:-1][:2]] + [None] if len(earlier) > 1 else [None]
    for landing in attempts:
        if landing is not None:
            container.seek(landing, stream=stream, backward=True)
        elif attempts[0] is not None:
            container.seek(int(min(index.pts[0], 0)), stream=stream, backward=True)
        frames = container.decode(stream)
        first = next(frames, None)
        if first is not None and first.pts is not None and (first.pts <= target or landing is None):
            if first.pts >= target:
                yield first
            for frame in frames:
                if frame.pts is not None and frame.pts >= target:
                    yield frame
            return


def _to_image(frame: av.VideoFrame) -> Image:
    grey = frame.format.name.startswith("gray")
    image = frame.to_ndarray(format="gray" if grey else "rgb24")
    quarter_turns = round(frame.rotation / 90) % 4  # FFmpeg counts anticlockwise, as numpy does
    return np.ascontiguousarray(np.rot90(image, quarter_turns)).astype(np.uint8, copy=False)


def _timing(index: FrameIndex) -> Timing:
    if len(index.pts) < 2 or index.time_base <= 0:
        return Timing(fps=index.rate)
    times = (index.pts - index.pts[0]) * index.time_base
    return Timing(fps=float((len(times) - 1) / times[-1]), times=times)


def _is_variable(timing: Timing) -> bool:
    """True when intervals differ by more than a tenth from their median (rounding to the container's clock differs by less)."""
    if timing.times is None or len(timing.times) < 3:
        return False
    intervals = np.diff(timing.times)
    middle = float(np.median(intervals))
    return bool(np.abs(intervals - middle).max() > max(0.1 * middle, 0.0011))
