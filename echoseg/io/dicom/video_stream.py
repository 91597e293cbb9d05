"""A video in DICOM (MPEG-2, MPEG-4 AVC/H.264, HEVC/H.265): all frames in one stream, its pieces the fragments (PS3.5 8.2, annex A.4)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

from pydicom.uid import UID

from echoseg.errors import SourceError, UnsupportedSourceError
from echoseg.io.dicom.spans import fragments
from echoseg.io.video.display import chosen_stream
from echoseg.io.video.embedded import Embedded
from echoseg.io.video.index import FrameIndex, index_frames, open_container
from echoseg.types import Flag, Image, Timing

_BARE = {"h264", "hevc", "mpegvideo", "m4v"}  # without a container a stream has no clock, and FFmpeg takes 25 frames/s
_CODECS = {"mpeg1video": ("mpeg2",), "mpeg2video": ("mpeg2",), "h264": ("h264",), "hevc": ("hevc", "h265")}
"""Codecs, and what their transfer syntaxes are called: FFmpeg finds a stream in almost anything."""
_AGREEMENT = 0.05  # relative; as of frame times, see :mod:`echoseg.io.dicom.timing`


@dataclass(frozen=True)
class CodedVideo:
    """The stream and its frames.

    Attributes:
        video: where it lies.
        index: its frames.
        fps: frames per second by the clock of the stream, or None where it has none.
    """

    video: Embedded
    index: FrameIndex = field(repr=False)
    fps: float | None

    def __len__(self) -> int:
        return len(self.index.pts)

    def frames(self, start: int, stop: int) -> Iterator[Image]:
        """Frames ``start`` to ``stop`` as ``(H, W, 3)`` RGB, or ``(H, W)`` where the stream is grey, uint8.

        Raises:
            SourceError: a frame is damaged.
        """
        from echoseg.io.video.pyav import PyavReader

        return PyavReader(self.video, self.index).read(start, stop)


def read_video(file: BinaryIO, path: Path, start: int, file_size: int, transfer_syntax: UID) -> CodedVideo:
    """The video in encapsulated pixel data whose first item is at ``start``: the fragments are pieces of one stream.

    Raises:
        SourceError: the file was cut off.
        UnsupportedSourceError: no stream that this FFmpeg decodes; the message says how to extract it.
    """
    spans, cut_off = fragments(file, path, start, file_size)
    if cut_off or not spans:
        raise SourceError(f"{path}: its video stream ({transfer_syntax.name}) is incomplete; the file was cut off, copy it again")
    video = Embedded(path, tuple(spans))
    try:
        index = index_frames(video)
        with open_container(video) as container:
            bare = container.format.name in _BARE
            codec = chosen_stream(container, path).codec_context.name
            if not any(name in transfer_syntax.name.replace(".", "").lower() for name in _CODECS.get(codec, ())):
                raise SourceError(f"{path}: its stream is {codec}")
    except SourceError as error:
        raise UnsupportedSourceError(
            f"{path}: this DICOM file holds a video stream ({transfer_syntax.name}) that cannot be decoded here; extract it, for example "
            "by `gdcmraw -i IN.dcm -o OUT.mp4`, and give that, with its pixel spacing"
        ) from error
    seconds = index.seconds
    known = not bare and len(seconds) > 1 and seconds[-1] > 0
    return CodedVideo(video, index, float((len(seconds) - 1) / seconds[-1]) if known else None)


def checked_by_stream(timing: Timing, flags: tuple[Flag, ...], video: CodedVideo) -> tuple[Timing, tuple[Flag, ...]]:
    """Timing of the header beside the clock of the stream, which must agree with it (PS3.5 8.2).

    Where they differ it is unknown; where the header states none, the stream's is taken, with a flag.
    """
    if video.fps is None or any(flag.code == "timing_contradictory" for flag in flags):
        return timing, flags
    if timing.fps is None:
        assumed = f"The file states no frame time: the {video.fps:.3g} frames/s of its video stream are taken for those of acquisition."
        return replace(timing, fps=video.fps), (*flags, Flag("frame_rate_assumed", assumed))
    if abs(timing.fps - video.fps) <= _AGREEMENT * max(timing.fps, video.fps):
        return timing, flags
    told = (
        f"The file contradicts itself on the time of its frames (the header gives {timing.fps:.3g} frames/s, its video stream "
        f"{video.fps:.3g}): it is unknown; give fps."
    )
    return replace(timing, fps=None, times=None), (*flags, Flag("timing_contradictory", told))
