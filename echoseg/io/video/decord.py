"""Frames of a video file through decord, which gives them out without their times and is made to prove that it found them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import decord
import numpy as np

from echoseg.errors import SourceError, UnsupportedSourceError
from echoseg.io.video.decoder import VideoReader, same_picture
from echoseg.io.video.index import FrameIndex, address
from echoseg.io.video.pyav import decoded, to_image
from echoseg.types import Image

_BLOCK_BYTES = 64 * 2**20
_NO_SUBSTITUTES = 1e-9  # part of the frames that may be replaced by their neighbours; 0 would mean all
_MARK = 16  # samples along each side of a picture, kept to know it again
_FAILURES = (decord.DECORDError, decord.DECORDLimitReachedError, AssertionError, RuntimeError, StopIteration)


class DecordReader(VideoReader):
    """Reads in blocks, each from a keyframe on, and keeps one decord reader open between blocks.

    decord counts keyframes in the order of the file and frames in the order they are shown, so that it lands beside the
    frame asked for where groups of pictures are open; when a damaged frame is left out, all that follow move up. So

    - opening decodes the file once with PyAV, which finds damage, and keeps a few samples of every keyframe that
      parts the stream (:attr:`FrameIndex.starts`);
    - reading seeks to those keyframes only, compares the picture with the samples, and goes on frame by frame;
    - decord's worker decodes ahead without limit while frames are not taken: a block is taken at once, and the worker
      stopped after it, so that memory stays within a block (64 MB, or one frame) whatever the length.

    Args:
        path: the file.
        index: its frames.
        first: the first frame, by PyAV.

    Raises:
        SourceError: a frame is damaged.
        UnsupportedSourceError: decord cannot open the file, or counts or reads other frames than PyAV.
    """

    def __init__(self, path: Path, index: FrameIndex, first: Image) -> None:
        self._path, self._index, self._grey = path, index, first.ndim == 2
        self._frames_a_block = max(1, _BLOCK_BYTES // (3 * first.shape[0] * first.shape[1]))
        self._idle: list[decord.VideoReader] = []
        self._closed = False
        self._starts = index.starts
        reader = self._open()
        if len(reader) != len(index.pts):
            raise UnsupportedSourceError(
                f"{path}: decord counts {len(reader)} frames where {len(index.pts)} are shown; read this file with the reader pyav"
            )
        if not _same_times(reader, index):
            self._starts = index.starts[:1]
        self._idle.append(reader)
        self._marks = _decode_once(path, index, self._starts)
        if not same_picture(next(self.read(0, 1)), first):
            raise UnsupportedSourceError(f"{path}: decord reads another picture than PyAV; read this file with the reader pyav")

    def read(self, start: int, stop: int) -> Iterator[Image]:
        while start < stop:
            block = self._block(start, self._block_end(start, stop))
            start += len(block)
            block.reverse()
            while block:  # what was given out is not held any longer
                yield block.pop()

    def close(self) -> None:
        self._closed = True
        self._idle.clear()

    def _block_end(self, start: int, stop: int) -> int:
        """Where the block that begins at ``start`` ends: if it can, at a keyframe, so that nothing is decoded twice."""
        end = min(stop, start + self._frames_a_block)
        last = int(self._starts[np.searchsorted(self._starts, end, side="right") - 1])
        return last if end < stop and last > start else end

    def _block(self, start: int, stop: int) -> list[Image]:
        landing = int(self._starts[np.searchsorted(self._starts, start, side="right") - 1])
        number = landing
        try:
            reader = self._take()
            reader.seek_accurate(landing)
            block = []
            for number in range(landing, stop):
                frame = reader.next()
                if number > landing and number < start:
                    continue
                image = self._image(frame)
                if number == landing and not same_picture(_mark(image), self._marks[landing]):
                    raise UnsupportedSourceError(f"{self._path}: decord does not find frame {landing}; read this file with the reader pyav")
                if number >= start:
                    block.append(image)
            reader.seek(0)  # ends the worker, and what it has decoded ahead is dropped
        except _FAILURES as error:
            raise SourceError(
                f"{self._path}: decord cannot decode frame {number} of {len(self._index.pts)} ({_reason(error)}); try the reader pyav"
            ) from error
        if not (self._closed or self._idle):
            self._idle.append(reader)
        return block

    def _image(self, frame: decord.ndarray.NDArray) -> Image:
        image = frame.asnumpy()
        height, width, channels = image.shape
        if channels > 3:  # of pictures less than 64 wide decord takes the padding of a row for more colours
            image = image.reshape(height, -1)[:, : 3 * width].reshape(height, width, 3)
        return np.ascontiguousarray(image[..., 0] if self._grey else image)

    def _take(self) -> decord.VideoReader:
        try:
            return self._idle.pop()
        except IndexError:
            return self._open()

    def _open(self) -> decord.VideoReader:
        decord.logging.set_level(decord.logging.QUIET)
        try:
            return decord.VideoReader(address(self._path), num_threads=0, fault_tol=_NO_SUBSTITUTES)
        except _FAILURES as error:
            raise UnsupportedSourceError(
                f"{self._path}: decord cannot open this video ({_reason(error)}); read it with the reader pyav"
            ) from error


def _decode_once(path: Path, index: FrameIndex, starts: np.ndarray) -> dict[int, Image]:
    """Samples of the frames ``starts``, found by decoding all frames; SourceError when one is damaged."""
    wanted = set(starts.tolist())
    frames = enumerate(decoded(path, index, 0, len(index.pts)))
    return {number: _mark(to_image(frame)) for number, frame in frames if number in wanted}


def _mark(image: Image) -> Image:
    return image[:: max(1, image.shape[0] // _MARK), :: max(1, image.shape[1] // _MARK)].copy()


def _same_times(reader: decord.VideoReader, index: FrameIndex) -> bool:
    times = np.asarray(reader.get_frame_timestamp(range(len(reader))), dtype=np.float64)[:, 0]
    off = np.abs(times - times[0] - index.seconds)
    return bool((off <= 1e-4 + 1e-6 * index.seconds).all())  # decord states them in single precision


def _reason(error: Exception) -> str:
    """The end of the first line of decord's message, without its clock and the path of its source; its stack follows."""
    lines = str(error).strip().splitlines()
    return lines[0].split(": ")[-1].strip() if lines and lines[0].strip() else type(error).__name__
