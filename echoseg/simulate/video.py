"""A lossy video codec's effect on a clip: blocks, smeared speckle, detail that lags behind the motion."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, cast

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext
from numpy.typing import NDArray

_DECODERS = {"libx264": "h264", "mpeg4": "mpeg4"}


@dataclass(frozen=True)
class Codec:
    """An encoder and its constant quality: ``quality`` is the CRF of H.264 (0..51) or the quantiser of MPEG-4 (1..31); higher is worse."""

    name: Literal["libx264", "mpeg4"]
    quality: int


def random_codec(rng: np.random.Generator, probability: float) -> Codec | None:
    """None, or with ``probability`` one of the two codecs from barely visible to poor."""
    if rng.random() >= probability:
        return None
    return Codec("libx264", int(rng.integers(18, 38))) if rng.random() < 0.5 else Codec("mpeg4", int(rng.integers(2, 20)))


def round_trip(codec: Codec, frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The frames ``(T, H, W)`` or ``(T, H, W, 3)`` as a player shows them after encoding; the same for the same frames."""
    rows, cols = frames.shape[1:3]
    # 4:2:0 has a chroma pixel for two by two
    padded = np.pad(frames, [(0, 0), (0, rows % 2), (0, cols % 2), *[(0, 0)] * (frames.ndim - 3)], mode="edge")
    layout = "gray" if frames.ndim == 3 else "rgb24"
    encoder = av.CodecContext.create(codec.name, "w")
    decoder = cast(VideoCodecContext, av.CodecContext.create(_DECODERS[codec.name], "r"))
    encoder.height, encoder.width = padded.shape[1:3]
    encoder.pix_fmt, encoder.time_base = "yuv420p", Fraction(1, 25)
    # one thread each: the split of a frame over threads changes the result
    encoder.thread_count = decoder.thread_count = 1
    if codec.name == "libx264":
        encoder.options = {"crf": str(codec.quality), "preset": "ultrafast", "tune": "zerolatency"}
    else:
        encoder.options = {"qmin": str(codec.quality), "qmax": str(codec.quality)}
    packets = []
    for index, frame in enumerate(padded):
        picture = av.VideoFrame.from_ndarray(frame, layout).reformat(format="yuv420p")
        picture.pts = index
        packets += encoder.encode(picture)
    packets += encoder.encode(None)
    shown = [picture for packet in [*packets, None] for picture in decoder.decode(packet)]
    return np.stack([picture.to_ndarray(format=layout) for picture in shown])[:, :rows, :cols].astype(np.uint8, copy=False)
