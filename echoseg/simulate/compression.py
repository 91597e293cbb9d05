"""What happens to a picture after the scanner drew it: resampling, blur, sharpening, JPEG, interlace, tint, video."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal, TypeAlias, cast

import av
import cv2
import numpy as np
from av.video.codeccontext import VideoCodecContext
from numpy.typing import NDArray

from echoseg.simulate.options import EchoOptions

Picture: TypeAlias = NDArray[Any]
_DECODERS = {"libx264": "h264", "mpeg4": "mpeg4"}


@dataclass(frozen=True)
class Codec:
    """An encoder and its constant quality: ``quality`` is the CRF of H.264 (0..51) or the quantiser of MPEG-4 (1..31); higher is worse."""

    name: Literal["libx264", "mpeg4"]
    quality: int


@dataclass(frozen=True)
class Chain:
    """The way from the scanner's screen to the file, fixed for a clip.

    Attributes:
        scale: pixels of the scanner's picture per pixel of the final one. ``quality``: JPEG quality or None.
        blur: sigma of a blur in final pixels, 0 none; below 0 sharpens. ``interlace``: rows of odd fields shift by this many pixels.
        tint: ``(256, 3)`` colour of each grey, or None for grey frames. ``area``: area averaging rather than linear when shrinking.
        video: codec of the final clip, or None.
    """

    scale: float
    quality: int | None
    blur: float
    interlace: int
    tint: Picture | None
    area: bool
    video: Codec | None


def random_chain(rng: np.random.Generator, rows: int, options: EchoOptions) -> Chain:
    """Draws a chain for final pictures of ``rows`` rows: a low-resolution archive, or a screen of up to three times as many rows."""
    tint = None
    native = rng.uniform(96, 136) if rng.random() < 0.25 else min(rows * rng.uniform(1.0, 3.0), 640.0)
    if rng.random() < options.colour:
        ramp = np.arange(256)[:, None] / 255
        white = np.array([1.0, 1.0, 1.0]) - rng.uniform(0, 0.25, 3) * (rng.random() < 0.6)
        curve = 1 + rng.uniform(-0.2, 0.2, 3) * (rng.random() < 0.6)
        tint = np.round(255 * white * ramp**curve).astype(np.uint8)
    return Chain(
        scale=float(native / rows),
        quality=int(rng.integers(25, 95)) if rng.random() < options.compression else None,
        blur=float(rng.choice([0.0, rng.uniform(0.3, 1.0), -rng.uniform(0.2, 0.8)], p=[0.55, 0.3, 0.15])),
        interlace=int(rng.random() < 0.03),
        tint=tint,
        area=bool(rng.random() < 0.7),
        video=random_codec(rng.spawn(1)[0], options.video),
    )


def process(chain: Chain, picture: Picture, rows: int, cols: int) -> Picture:
    """The final ``(rows, cols)`` or ``(rows, cols, 3)`` picture from the scanner's ``(H, W)`` or ``(H, W, 3)``."""
    if chain.interlace:
        picture = picture.copy()
        picture[1::2] = np.roll(picture[1::2], chain.interlace, axis=1)
    if chain.quality is not None:
        _, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, chain.quality])
        picture = np.asarray(cv2.imdecode(data, cv2.IMREAD_UNCHANGED))
    if picture.shape[:2] != (rows, cols):
        shrinks = picture.shape[0] > rows
        picture = cv2.resize(picture, (cols, rows), interpolation=cv2.INTER_AREA if shrinks and chain.area else cv2.INTER_LINEAR)
    if chain.blur > 0:
        picture = cv2.GaussianBlur(picture, (0, 0), chain.blur)
    elif chain.blur < 0:
        picture = cv2.addWeighted(picture, 1 - chain.blur, cv2.GaussianBlur(picture, (0, 0), 1.0), chain.blur, 0)
    return picture


def random_codec(rng: np.random.Generator, probability: float) -> Codec | None:
    """None, or with ``probability`` one of the two codecs from barely visible to poor."""
    if rng.random() >= probability:
        return None
    return Codec("libx264", int(rng.integers(18, 38))) if rng.random() < 0.5 else Codec("mpeg4", int(rng.integers(2, 20)))


def round_trip(codec: Codec, frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The frames ``(T, H, W)`` or ``(T, H, W, 3)`` as a player shows them after encoding; the same for the same frames.

    Blocks, smeared speckle, detail that lags behind the motion.
    """
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
