"""Frames of a video file through OpenCV, which seeks by a guess from the mean frame rate: every frame is held to its time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from echoseg.errors import SourceError, UnsupportedSourceError
from echoseg.io.video.decoder import VideoReader, same_picture
from echoseg.io.video.index import FrameIndex, address
from echoseg.io.video.pyav import decoded, to_image
from echoseg.types import Image

if TYPE_CHECKING:
    from cv2.typing import MatLike

_NEAR = 16  # frames; so far ahead, decoding on is no slower than seeking, which starts at a keyframe at least as far back
_CLOCK = 0.5  # ms; how far the time of a frame may be off


class OpencvReader(VideoReader):
    """Keeps one capture open between reads.

    OpenCV counts frames by time and mean rate, and lands beside the frame asked for when the rate varies or the file
    seeks coarsely. The time that it states for a decoded frame is right: a frame is given out only at its time in the
    index, after the one before it or after a landing. A frame that OpenCV cannot convert (interlaced, of some builds) it
    answers with the picture converted last, and no word: a picture that comes twice is compared with PyAV's.

    Args:
        path: the file.
        index: its frames.
        first: the first frame, by PyAV.

    Raises:
        UnsupportedSourceError: OpenCV cannot open the file, or reads another first frame.
    """

    def __init__(self, path: Path, index: FrameIndex, first: Image) -> None:
        self._path, self._index, self._grey = path, index, first.ndim == 2
        self._times = 1000 * index.seconds
        self._clock = min(_CLOCK, float(np.diff(self._times).min()) / 4) if len(self._times) > 1 else _CLOCK
        self._idle: list[_Capture] = []
        self._closed = False
        if not same_picture(next(self.read(0, 1)), first):
            raise UnsupportedSourceError(f"{path}: OpenCV reads another picture than PyAV; read this file with the reader pyav")

    def read(self, start: int, stop: int) -> Iterator[Image]:
        if start >= stop:
            return
        try:
            capture = self._idle.pop()
        except IndexError:
            capture = _Capture(self._path, self._times, self._clock)
        try:
            capture.go_to(start)
            for number in range(start, stop):
                if number > start:
                    capture.step()
                image = capture.image()
                image = image[..., 0].copy() if self._grey else image
                if capture.repeated and not same_picture(image, self._by_pyav(number)):
                    raise SourceError(f"{self._path}: OpenCV cannot convert frame {number}; read this file with the reader pyav")
                yield image
        except SourceError:
            capture.release()
            raise
        finally:
            if self._closed or self._idle:
                capture.release()
            elif capture.usable:
                self._idle.append(capture)

    def _by_pyav(self, number: int) -> Image:
        return to_image(next(decoded(self._path, self._index, number, number + 1)))

    def close(self) -> None:
        self._closed = True
        while self._idle:
            self._idle.pop().release()


class _Capture:
    """An open capture that knows which frame of the index it holds.

    Attributes:
        at: number of the frame that was decoded last, None when its time is that of no frame.
        repeated: whether :meth:`image` gave the very picture that it gave of another frame before.
    """

    def __init__(self, path: Path, times: NDArray[np.float64], clock: float) -> None:
        self._path, self._times, self._clock = path, times, clock
        self._open()

    def _open(self) -> None:
        self._capture = cv2.VideoCapture(address(self._path), cv2.CAP_FFMPEG)
        if not self._capture.isOpened() or not self._capture.grab():
            raise UnsupportedSourceError(f"{self._path}: OpenCV cannot open this video; read it with the reader pyav")
        self._begin = self._capture.get(cv2.CAP_PROP_POS_MSEC)
        self.at: int | None = 0
        self._converted: tuple[MatLike, int | None] = self._capture.retrieve()[1], 0  # whoever opened the file has compared this frame
        self.repeated = False

    @property
    def usable(self) -> bool:
        return self._capture.isOpened()

    def release(self) -> None:
        self._capture.release()

    def go_to(self, number: int) -> None:
        """Decode frame ``number``: by going on, by seeking, at last by reading from the beginning."""
        if self.at is None or not 0 <= number - self.at <= _NEAR:
            self._land(number)
        while self.at is not None and self.at < number:
            self.step()

    def step(self) -> None:
        """Decode the next frame.

        Raises:
            SourceError: there is none, or it is not the next of the index.
        """
        expected, length = (self.at or 0) + 1, len(self._times)
        if not self._grab():
            raise SourceError(
                f"{self._path}: OpenCV finds no frame {expected} of {length}: the file is damaged (copy it again) "
                "or OpenCV cannot read it (take the reader pyav)"
            )
        if expected == length - 1 and self._untimed:
            self.at = expected  # some decoders give out the last frame of a file without its time
        if self.at != expected:
            raise SourceError(
                f"{self._path}: OpenCV gives another frame in place of {expected} of {length}: the file is damaged (copy it again) "
                "or its times are such that OpenCV cannot read it (take the reader pyav)"
            )

    def image(self) -> Image:
        """The frame decoded last, RGB."""
        found, image = self._capture.retrieve()
        if not found:
            raise SourceError(f"{self._path}: frame {self.at} cannot be converted by OpenCV; read this file with the reader pyav")
        before, number = self._converted
        self.repeated = number != self.at and _equal(image, before)
        self._converted = image, self.at
        return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), dtype=np.uint8)

    def _land(self, number: int) -> None:
        """Somewhere at or before frame ``number``."""
        for aim in (number, max(number - _NEAR, 0)) if number else ():
            self._capture.set(cv2.CAP_PROP_POS_MSEC, float(self._times[aim]))
            if self._grab() and self.at is not None and self.at <= number:
                return
        self._capture.release()
        self._open()

    def _grab(self) -> bool:
        """Decode what comes next, and find its number by its time."""
        if not self._capture.grab():
            self.at = None
            return False
        stated = self._capture.get(cv2.CAP_PROP_POS_MSEC)
        self._untimed, time = stated == 0, stated - self._begin
        after = min(int(np.searchsorted(self._times, time)), len(self._times) - 1)
        nearest = after if after == 0 or self._times[after] - time < time - self._times[after - 1] else after - 1
        self.at = nearest if abs(self._times[nearest] - time) <= self._clock else None
        return True


def _equal(one: MatLike, other: MatLike) -> bool:
    return np.array_equal(one[::16], other[::16]) and np.array_equal(one, other)  # a few rows tell most pictures apart
