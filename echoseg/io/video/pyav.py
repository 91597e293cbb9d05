"""Frames of a video file through PyAV: every frame carries its time, and is found by it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream

from echoseg.errors import SourceError
from echoseg.io.video.decoder import VideoReader
from echoseg.io.video.display import chosen_stream, frame_turn
from echoseg.io.video.embedded import Embedded
from echoseg.io.video.index import FrameIndex, open_container
from echoseg.types import Image


class PyavReader(VideoReader):
    """Opens the file for every read, so that reads do not disturb each other.

    Args:
        path: the file.
        index: its frames.
    """

    def __init__(self, path: Path | Embedded, index: FrameIndex) -> None:
        self._path, self._index = path, index

    def read(self, start: int, stop: int) -> Iterator[Image]:
        return (to_image(frame) for frame in decoded(self._path, self._index, start, stop))


def decoded(path: Path | Embedded, index: FrameIndex, start: int, stop: int) -> Iterator[av.VideoFrame]:
    """Frames ``start`` to ``stop`` as PyAV gives them, not yet converted to RGB.

    Raises:
        SourceError: a frame in between is damaged or left out.
    """
    if start >= stop:
        return
    expected, length = start, len(index.pts)
    with open_container(path) as container:
        try:
            for frame in _frames_from(container, chosen_stream(container, path), index, start):
                if len(index.keyframes) and frame.pts != index.pts[expected]:
                    break  # the decoder left a damaged frame out: the rest would be shifted in time
                yield frame
                expected += 1
                if expected == stop:
                    return
        except av.FFmpegError as error:
            raise SourceError(f"{path}: frame {expected} of {length} is damaged ({error.strerror})") from error
    raise SourceError(f"{path}: frame {expected} of {length} is damaged or missing; copy the file again")


def to_image(frame: av.VideoFrame) -> Image:
    """``(H, W, 3)`` RGB, or ``(H, W)`` where the file stores grey, as it is shown (turned or mirrored where the file says so)."""
    grey = frame.format.name.startswith("gray")
    image = frame.to_ndarray(format="gray" if grey else "rgb24")
    return np.ascontiguousarray(frame_turn(frame)(image.astype(np.uint8, copy=False)))


def _frames_from(container: InputContainer, stream: VideoStream, index: FrameIndex, start: int) -> Iterator[av.VideoFrame]:
    """Decoded frames from number ``start`` on, in the order they are shown.

    Decoding starts at the last keyframe before it. Where the container lands too late (some seek by decoding time)
    an earlier keyframe is tried, at last the beginning.
    """
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
