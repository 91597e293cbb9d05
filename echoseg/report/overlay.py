"""overlay.mp4: the clip with its masks, and below it a strip with the curve and a moving cursor.

Frames are encoded as they come; nothing but the current one is held. Everything that is not a mask lies below the image, never on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import ceil, isfinite
from pathlib import Path
from types import TracebackType

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace
from numpy.typing import NDArray

from echoseg.errors import OutputError
from echoseg.io.video.index import address
from echoseg.report.drawing import paint, square_pixels
from echoseg.report.strip import BACKGROUND, Strip
from echoseg.report.trace import Trace
from echoseg.types import Image

DEFAULT_FPS = 30.0
_MIN_WIDTH = 480
_MAX_SIDE = 1600
_BT709 = 1  # H.273's code for BT.709 primaries and transfer


def overlay_scale(size: tuple[int, int], spacing: tuple[float, float] | None = None) -> tuple[float, float]:
    """How much larger an ``(H, W)`` image is shown, (x factor, y factor).

    Pixels become square in millimetres; images under 480 pixels are then enlarged a whole number of times, those over 1600 reduced.
    """
    x, y = square_pixels(spacing)
    longest = max(size[0] * y, size[1] * x)
    zoom = float(ceil(_MIN_WIDTH / longest)) if longest < _MIN_WIDTH else min(1.0, _MAX_SIDE / longest)
    return x * zoom, y * zoom


class OverlayWriter:
    """Writes an overlay video frame by frame: H.264, yuv420p, index first, so that browsers play it while it loads.

    Args:
        path: the file to write, in an existing folder. Use :func:`echoseg.io.atomic.atomic_path` to have it whole or not at all.
        size: ``(H, W)`` of the frames.
        fps: frames per second; None when unknown (the video then runs at 30 and shows no time).
        names: ``{object_id: name}`` for the colours and the legend.
        spacing: ``(row_mm, col_mm)`` or None; pixels that are not square are shown as the anatomy is.
        trace: the curve to show below, or None. The frame written as number ``i`` is value ``i`` of the trace.
        frame_count: number of frames where known, for the label.

    Raises:
        OutputError: the file cannot be written, a frame does not fit ``size``, or the video ends without a frame.
    """

    def __init__(
        self,
        path: Path | str,
        size: tuple[int, int],
        *,
        fps: float | None,
        names: Mapping[int, str],
        spacing: tuple[float, float] | None = None,
        trace: Trace | None = None,
        frame_count: int | None = None,
    ) -> None:
        fps = fps if fps and isfinite(fps) and fps > 0 else None
        self._size, self._names, self._index = size, dict(names), 0
        self._scale = overlay_scale(size, spacing)
        width, height = (max(1, round(side * factor)) for side, factor in zip(reversed(size), self._scale, strict=True))
        self._image_size = (height, width)
        self._thickness = max(1, round(max(height, width) / 500))
        # 4:2:0 chroma needs even sides; an odd row or column is filled up with background.
        self._strip = Strip(_even(max(width, _MIN_WIDTH)), trace=trace, names=names, fps=fps, frame_count=frame_count)
        self._canvas_size = (_even(height) + self._strip.height, _even(max(width, _MIN_WIDTH)))
        self._name = Path(path).name
        # The format is named because a temporary file's name need not end in .mp4. The file is opened with the first packet.
        self._container = av.open(address(path), "w", format="mp4", options={"movflags": "+faststart"})
        rate = max(Fraction(fps or DEFAULT_FPS).limit_denominator(1001), Fraction(1, 1001))
        # A key frame at least every 24 frames keeps scrubbing and stepping quick.
        self._stream = self._container.add_stream("libx264", rate=rate, options={"crf": "20", "preset": "veryfast", "g": "24"})
        self._stream.height, self._stream.width = self._canvas_size
        self._stream.pix_fmt = "yuv420p"
        context = self._stream.codec_context
        # Said in the file: where it is not, players guess and the colours shift.
        context.colorspace, context.color_range = Colorspace.ITU709, ColorRange.MPEG
        context.color_primaries = context.color_trc = _BT709

    def write(self, frame: Image, label_map: NDArray[np.uint8]) -> None:
        """Adds one frame ``(H, W)`` or ``(H, W, 3)`` uint8 with its ``(H, W)`` uint8 label map."""
        if frame.shape[:2] != self._size or label_map.shape != self._size:
            raise OutputError(
                f"overlay frame {self._index}: image {frame.shape[:2]} and labels {label_map.shape} must both be {self._size}"
            )
        picture = av.VideoFrame.from_ndarray(self._compose(frame, label_map), format="rgb24")
        picture = picture.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG)
        picture.pts = self._index
        picture.time_base = 1 / self._stream.codec_context.framerate
        self._encode(picture)
        self._index += 1

    def close(self) -> None:
        """Ends the video; leaving the ``with`` block does it."""
        try:
            if self._index == 0:
                raise OutputError("an overlay video needs at least one frame")
            self._encode(None)
        finally:
            self._container.close()

    def __enter__(self) -> OverlayWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is None:
            self.close()
        else:
            self._container.close()  # the file is abandoned: the error that led here matters more than its tail

    def _encode(self, picture: av.VideoFrame | None) -> None:
        try:
            self._container.mux(self._stream.encode(picture))
        except OSError as error:
            raise OutputError(f"{self._name} cannot be written (at frame {self._index}): {error.strerror or error}") from error

    def _compose(self, frame: Image, label_map: NDArray[np.uint8]) -> Image:
        height, width = self._image_size
        canvas = np.empty((*self._canvas_size, 3), dtype=np.uint8)
        if canvas.shape[:2] != (height + self._strip.height, width):  # else no background is seen
            canvas[:] = BACKGROUND
        left = (canvas.shape[1] - width) // 2
        canvas[:height, left : left + width] = paint(frame, label_map, self._names, scale=self._scale, thickness=self._thickness)
        canvas[-self._strip.height :] = self._strip.draw(self._index)
        return canvas


def _even(side: int) -> int:
    return side + side % 2
