"""When the frames of a DICOM cine were taken, and the heart rate (PS3.3 C.7.6.5 Cine, C.8.5.6 US)."""

from __future__ import annotations

import numpy as np
from pydicom.dataset import Dataset

from echoseg.io.dicom.increments import gated_interval
from echoseg.io.dicom.values import number, numbers, value
from echoseg.types import Timing

SANE_FPS = (0.5, 2000.0)
SANE_HEART_RATE = (15.0, 350.0)
_RATE_KEYWORDS = ("CineRate", "RecommendedDisplayFrameRate")


def cine_timing(dataset: Dataset, frame_count: int) -> Timing:
    """Timing from, in this order, FrameTimeVector, FrameTime (both ms), CineRate, RecommendedDisplayFrameRate (both 1/s).

    A value that is absent, no number, or gives a rate outside 0.5 to 2000 frames a second is passed over.
    ``times`` is given only where the file states it frame by frame. HeartRate 0 means unknown.

    Args:
        dataset: the header.
        frame_count: frames that the file holds; a FrameTimeVector of another length is passed over.
    """
    times = _vector_times(dataset, frame_count)
    fps = None
    if times is not None:
        fps = (frame_count - 1) / float(times[-1])
    else:
        interval = number(dataset, "FrameTime")
        stated = (number(dataset, keyword) for keyword in _RATE_KEYWORDS)
        rates = (1000.0 / interval if interval else None, *stated)
        fps = next((rate for rate in rates if rate is not None and _within(rate, SANE_FPS)), None)
    slot, gated_rate = gated_interval(dataset)
    if fps is None and slot and _within(1000.0 / slot, SANE_FPS):
        fps = 1000.0 / slot
    heart_rate = number(dataset, "HeartRate") or gated_rate
    if heart_rate is not None and not _within(heart_rate, SANE_HEART_RATE):
        heart_rate = None
    r_waves = tuple(sorted(milliseconds / 1000.0 for milliseconds in numbers(dataset, "RWaveTimeVector")))
    return Timing(fps=fps, times=times, heart_rate=heart_rate, r_wave_times=r_waves)


def has_timing(dataset: Dataset) -> bool:
    """True when the header holds any of the four attributes: its frames then follow each other in time."""
    return any(value(dataset, keyword) is not None for keyword in ("FrameTimeVector", "FrameTime", *_RATE_KEYWORDS))


def _vector_times(dataset: Dataset, frame_count: int) -> np.ndarray | None:
    """Seconds of each frame from the first: the vector holds the time since the previous frame, its first value is 0 by definition."""
    increments = np.array(numbers(dataset, "FrameTimeVector"), dtype=np.float64)
    if len(increments) != frame_count or frame_count < 2 or (increments[1:] <= 0).any():
        return None
    increments[0] = 0.0
    times = np.cumsum(increments) / 1000.0
    return times if _within((frame_count - 1) / float(times[-1]), SANE_FPS) else None


def _within(rate: float, limits: tuple[float, float]) -> bool:
    return limits[0] <= rate <= limits[1]
