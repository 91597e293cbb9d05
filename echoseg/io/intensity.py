"""Pixel values of any type to uint8, by rules that are the same for every frame of a sequence.

=====================================  ====================================================================
values                                 rule
=====================================  ====================================================================
uint8                                  unchanged
bool                                   0 and 255
float, all within 0..1                 times 255
whole numbers within 0..255, any type  unchanged (8-bit values kept in a wider type)
integers otherwise                     smallest to largest value of the sampled frames, linearly
float otherwise                        0.5 to 99.5 percentile of the sampled frames, linearly; outside is clipped
=====================================  ====================================================================

A file that states its own window (DICOM) overrides the table. Colour is brought to three channels, RGB.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echoseg.errors import SourceError
from echoseg.types import Image

PERCENTILES = (0.5, 99.5)


@dataclass(frozen=True)
class GreyWindow:
    """A linear map of values to uint8: ``low`` and below is 0, ``high`` and above is 255.

    Attributes:
        low, high: in the unit of the values; finite, ``low < high`` unless the values are constant (then all is 0).
        rule: how the two were chosen, in words, for ``Source.details``.
    """

    low: float
    high: float
    rule: str


UNCHANGED = GreyWindow(0.0, 255.0, "8-bit values, unchanged")
CT_SOFT_TISSUE = GreyWindow(-160.0, 240.0, "CT soft tissue: centre 40, width 400 Hounsfield units")


def window_for(samples: Iterable[NDArray[np.generic]], name: str) -> GreyWindow:
    """The window of a sequence, by the table above.

    Args:
        samples: some frames of the sequence, all of one type; for the rule to hold for the whole, spread over it.
        name: names the source in an error.

    Raises:
        SourceError: the values are not numbers, or none of the sampled ones is finite.
    """
    frames = [np.asarray(frame) for frame in samples]
    kind = frames[0].dtype.kind
    if kind not in "buif":
        raise SourceError(f"{name}: pixels of type {frames[0].dtype} are not numbers; give uint8, uint16 or float frames")
    if frames[0].dtype == np.uint8:
        return UNCHANGED
    if kind == "b":
        return GreyWindow(0.0, 1.0, "booleans to 0 and 255")
    values = np.concatenate([_finite(frame) for frame in frames])
    if values.size == 0:
        raise SourceError(f"{name}: no finite pixel value in the sampled frames; check the values for NaN")
    low, high = float(values.min()), float(values.max())
    if kind == "f" and low >= 0 and high <= 1:
        return GreyWindow(0.0, 1.0, "float 0..1 times 255")
    if low >= 0 and high <= 255 and (kind != "f" or bool(np.all(values == np.round(values)))):
        return GreyWindow(0.0, 255.0, f"whole numbers 0..255 kept as {frames[0].dtype}, unchanged")
    if kind in "ui":
        return GreyWindow(low, high, f"smallest to largest sampled value ({low:g} to {high:g}) to 0..255")
    return percentile_window(frames, name)


def percentile_window(samples: Iterable[NDArray[np.generic]], name: str) -> GreyWindow:
    """0.5 to 99.5 percentile of the finite sampled values, whatever their type; arguments as of :func:`window_for`.

    Raises:
        SourceError: none of them is finite.
    """
    values = np.concatenate([_finite(np.asarray(frame)) for frame in samples])
    if values.size == 0:
        raise SourceError(f"{name}: no finite pixel value in the sampled frames; check the values for NaN")
    low, high = (float(v) for v in np.percentile(values, PERCENTILES))
    return GreyWindow(low, high, f"0.5 to 99.5 percentile of sampled values ({low:g} to {high:g}) to 0..255")


def bit_depth_window(bits: int) -> GreyWindow:
    """The whole range of ``bits``-bit unsigned values."""
    return GreyWindow(0.0, float(2**bits - 1), f"{bits}-bit range to 0..255")


def to_uint8(image: NDArray[np.generic], window: GreyWindow, where: str) -> Image:
    """``image`` mapped by ``window`` and rounded; the shape stays.

    Args:
        image: any numeric array.
        window: from :func:`window_for` or the file.
        where: names the frame in an error, e.g. ``"clip.npy: frame 7"``.

    Raises:
        SourceError: a float image holds NaN or infinity.
    """
    if image.dtype == np.uint8 and window is UNCHANGED:
        return image  # type: ignore[return-value]
    if image.dtype.kind == "f" and not np.isfinite(image).all():
        bad = int(np.size(image) - np.isfinite(image).sum())
        raise SourceError(f"{where} holds {bad} values that are NaN or infinite; replace them, e.g. with numpy.nan_to_num")
    if window.high <= window.low:
        return np.zeros(image.shape, dtype=np.uint8)
    scale = 255.0 / (window.high - window.low)
    wide: NDArray[np.floating] = image.astype(np.float32 if image.dtype.itemsize <= 2 else np.float64)
    scaled = (wide - window.low) * scale
    return np.rint(np.clip(scaled, 0, 255)).astype(np.uint8)


def _finite(frame: NDArray[np.generic]) -> NDArray[np.generic]:
    flat = frame.ravel()
    return flat[np.isfinite(flat)] if flat.dtype.kind == "f" else flat
