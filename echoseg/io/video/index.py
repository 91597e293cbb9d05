"""The frames of a video file by number and time, read from its packets through PyAV."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from numpy.typing import NDArray

from echoseg.errors import SourceError, UnsupportedSourceError
from echoseg.io.video.display import chosen_stream
from echoseg.io.video.embedded import Embedded

# In these codecs a packet may hold no frame to show (VP8's hidden reference frames) or two (packed B-frames).
_PACKETS_ARE_NOT_FRAMES = ("vp8", "mpeg4", "msmpeg4v3", "msmpeg4v2", "theora")


@dataclass(frozen=True)
class FrameIndex:
    """The frames of a video stream in the order they are shown.

    Attributes:
        pts: ``(T,)`` int64 presentation times, ascending, in units of ``time_base``.
        keyframes: ``(K,)`` int64 presentation times of the frames that decoding can start at; empty when seeking is
            not possible and every read starts at the beginning.
        starts: ``(S,)`` int64 numbers of the keyframes that part the stream, 0 first: all that is stored before one is
            shown before it, all that is stored after it is shown after it (a closed group of pictures).
        time_base: seconds.
        rate: frames per second that the file states, or None.
    """

    pts: NDArray[np.int64]
    keyframes: NDArray[np.int64]
    starts: NDArray[np.int64]
    time_base: float
    rate: float | None

    @property
    def seconds(self) -> NDArray[np.float64]:
        """``(T,)`` float64 seconds from the first frame."""
        return (self.pts - self.pts[0]) * self.time_base


def address(path: Path | str) -> str:
    """What FFmpeg is to open, in any library: an absolute path, as it takes ``12:30.mp4`` for an address by the protocol ``12``."""
    return os.path.abspath(path)


def open_container(path: Path | Embedded) -> InputContainer:
    """The file, opened by PyAV, with a video stream that this FFmpeg can decode.

    Raises:
        SourceError: not a readable video.
        UnsupportedSourceError: no video in it, or in an unknown codec.
    """
    try:
        container = av.open(path.open() if isinstance(path, Embedded) else address(path), "r")
    except (av.FFmpegError, ValueError) as error:
        reason = getattr(error, "strerror", error)
        raise SourceError(f"{path}: not a readable video ({reason}); it is damaged or not what its name says") from error
    stream = chosen_stream(container, path)
    if stream.codec_context is None:
        container.close()
        raise UnsupportedSourceError(f"{path}: the video's codec is unknown to this build of FFmpeg; convert it to H.264")
    stream.thread_type = "AUTO"
    return container


def index_frames(path: Path | Embedded) -> FrameIndex:
    """Count and date the frames from the packets; by decoding them where packets do not tell.

    Raises:
        SourceError: no frames, or damaged.
        UnsupportedSourceError: see :func:`open_container`.
    """
    with open_container(path) as container:
        stream = chosen_stream(container, path)
        rate = float(stream.average_rate) if stream.average_rate else None
        time_base = float(stream.time_base) if stream.time_base else 0.0
        pts: list[int | None] = []
        keyframes: list[int] = []
        places: list[int] = []  # of the keyframes, in the order of the file
        try:
            for packet in container.demux(stream):
                if packet.size == 0 or packet.is_discard:
                    continue
                if packet.is_keyframe and packet.pts is not None:
                    keyframes.append(packet.pts)
                    places.append(len(pts))
                pts.append(packet.pts)
        except av.FFmpegError as error:
            raise SourceError(f"{path}: the video is damaged after {len(pts)} frames ({error.strerror}); copy the file again") from error
        known = np.array([p for p in pts if p is not None], dtype=np.int64)
        codec = stream.codec_context.name
        # AVI states the order of the file only; where frames are shown in another, FFmpeg's times for packets are guesses.
        guessed = container.format.name == "avi" and stream.codec_context.has_b_frames
    if not pts:
        raise SourceError(f"{path}: the video holds no frames; it is damaged or was never finished")
    if codec in _PACKETS_ARE_NOT_FRAMES or guessed or len(set(known.tolist())) < len(pts):
        return _index_by_decoding(path, time_base, rate)
    starts = _closed_starts(known, np.array(places, dtype=np.int64))
    return FrameIndex(np.sort(known), np.sort(np.array(keyframes, dtype=np.int64)), starts, time_base, rate)


def _closed_starts(stored: NDArray[np.int64], places: NDArray[np.int64]) -> NDArray[np.int64]:
    """Of the keyframes at ``places`` of the presentation times in the order of the file, those that part the stream."""
    shown = np.searchsorted(np.sort(stored), stored[places])
    latest_before = np.concatenate([[np.iinfo(np.int64).min], np.maximum.accumulate(stored)])[places]
    parting = places[(shown == places) & (latest_before < stored[places])]
    return np.union1d([0], parting).astype(np.int64)


def _index_by_decoding(path: Path | Embedded, time_base: float, rate: float | None) -> FrameIndex:
    beginning = np.zeros(1, dtype=np.int64)
    with open_container(path) as container:
        pts: list[int | None] = []
        keyframes: list[int] = []
        try:
            for frame in container.decode(chosen_stream(container, path)):
                pts.append(frame.pts)
                if frame.key_frame and frame.pts is not None:
                    keyframes.append(frame.pts)
        except av.FFmpegError as error:
            raise SourceError(f"{path}: frame {len(pts)} of the video cannot be decoded ({error.strerror}); the file is damaged") from error
    if not pts:
        raise SourceError(f"{path}: the video holds no frame that can be decoded")
    known = np.array([p for p in pts if p is not None], dtype=np.int64)
    if len(known) == len(pts) and (np.diff(known) > 0).all():
        return FrameIndex(known, np.array(keyframes, dtype=np.int64), beginning, time_base, rate)
    return FrameIndex(np.arange(len(pts), dtype=np.int64), np.empty(0, dtype=np.int64), beginning, 1.0 / rate if rate else 0.0, rate)
