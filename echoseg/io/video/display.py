"""What a container says of how its video is shown: turned, mirrored, covered by a picture; and what it says of the time."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream
from numpy.typing import NDArray

from echoseg.errors import UnsupportedSourceError
from echoseg.types import Image

_PICTURE = 0x400 | 0x800  # AV_DISPOSITION_ATTACHED_PIC, AV_DISPOSITION_TIMED_THUMBNAILS: covers and chapter pictures are no video
_DEFAULT = 0x1
_UNIT = 65536.0
_CAPTURE_RATES = ("com.android.capture.fps", "com.apple.quicktime.capture.fps")
_GIF_LEAST = 2  # hundredths of a second; players show shorter delays, 0 above all, at a rate of their own


@dataclass(frozen=True)
class Turn:
    """How a stored picture is turned to be shown, by the display matrix (ISO 14496-12, 8.5.1).

    Attributes:
        axes: whether rows and columns change places, then whether rows, and columns, are reversed.
        exact: whether the matrix says no more than that; else it stretches or slants.
    """

    axes: tuple[bool, bool, bool] = (False, False, False)
    exact: bool = True

    def __str__(self) -> str:
        swapped, up, left = self.axes
        words = {(False, True, True): "turned by 180 degrees", (False, False, True): "mirrored left to right"}
        words |= {(False, True, False): "mirrored top to bottom", (True, False, True): "turned by 90 degrees clockwise"}
        words |= {(True, True, False): "turned by 90 degrees anticlockwise", (True, False, False): "mirrored along its diagonal"}
        return words.get((swapped, up, left), "mirrored along its other diagonal" if swapped else "as stored")

    def __call__(self, image: Image) -> Image:
        """The picture ``(H, W)`` or ``(H, W, 3)`` as it is shown."""
        swapped, up, left = self.axes
        image = image.swapaxes(0, 1) if swapped else image
        return np.flip(image, tuple(axis for axis, back in ((0, up), (1, left)) if back))


def frame_turn(frame: av.VideoFrame) -> Turn:
    """The turn that a decoded frame carries; none where it carries no display matrix, or one of zeros."""
    held: Any = frame.side_data  # typed as a mapping by name, and iterates over its items
    found = next((one for one in held if one.type.name == "DISPLAYMATRIX"), None)
    return Turn() if found is None else matrix_turn(np.frombuffer(bytes(found), "<i4") / _UNIT)


def matrix_turn(matrix: NDArray[np.float64]) -> Turn:
    """The turn of a matrix ``(9,)``: ``x' = a x + c y``, ``y' = b x + d y`` with ``a, b, u, c, d, v, ...``."""
    a, b, c, d = (float(matrix[at]) for at in (0, 1, 3, 4))
    along, across = abs(a) + abs(d), abs(b) + abs(c)
    if along == across == 0:
        return Turn()
    swapped = across > along
    sizes = (abs(b), abs(c)) if swapped else (abs(a), abs(d))
    exact = np.allclose(sizes, sizes[0], rtol=1e-3) and min(along, across) <= 1e-3 * max(along, across)
    # With swapped axes, x' runs with y by c and y' with x by b.
    return Turn((swapped, (b if swapped else d) < 0, (c if swapped else a) < 0), bool(exact))


def video_stream(container: InputContainer) -> VideoStream | None:
    """The video to read: the first that the file calls its default, else the first; pictures attached to a file are none."""
    streams = [stream for stream in container.streams.video if not int(stream.disposition) & _PICTURE]
    return next((stream for stream in streams if int(stream.disposition) & _DEFAULT), streams[0] if streams else None)


def chosen_stream(container: InputContainer, path: object) -> VideoStream:
    """:func:`video_stream`, of which there is one.

    Raises:
        UnsupportedSourceError: no video in the file, or a picture alone that is attached to it.
    """
    stream = video_stream(container)
    if stream is None:
        held = "no video stream" if not container.streams.video else "no video, only a picture attached to it (cover art)"
        container.close()
        raise UnsupportedSourceError(f"{path}: holds {held}")
    return stream


def other_videos(container: InputContainer) -> int:
    """How many videos the file holds beside the one that is read."""
    return sum(not int(stream.disposition) & _PICTURE for stream in container.streams.video) - 1


def capture_rate(container: InputContainer) -> float | None:
    """Frames per second at which a camera recorded what the file plays at another rate (slow motion), or None."""
    stated = {**container.metadata, **getattr(video_stream(container), "metadata", {})}
    for key in _CAPTURE_RATES:
        try:
            rate = float(stated[key])
        except (KeyError, ValueError):
            continue
        if np.isfinite(rate) and rate > 0:
            return rate
    return None


def gif_states_times(path: Path) -> bool:
    """Whether every frame of a GIF but the last states how long it is shown; FFmpeg takes a tenth of a second where one does not."""
    data = path.read_bytes()
    delays: list[int] = []
    position = 13 + _table(data[10])
    pending: int | None = None
    while position < len(data):
        block = data[position]
        if block == 0x21:
            if data[position + 1] == 0xF9:
                pending = struct.unpack("<H", data[position + 4 : position + 6])[0]
            position = _after_blocks(data, position + 2)
        elif block == 0x2C:
            delays.append(pending or 0)
            pending = None
            position = _after_blocks(data, position + 11 + _table(data[position + 9]))
        else:
            break
    return all(delay >= _GIF_LEAST for delay in delays[:-1])


def _table(packed: int) -> int:
    return 3 << ((packed & 7) + 1) if packed & 0x80 else 0


def _after_blocks(data: bytes, position: int) -> int:
    while position < len(data) and data[position]:
        position += data[position] + 1
    return position + 1
