"""When the frames of a DICOM cine were taken, and the heart rate (PS3.3 C.7.6.5 Cine, C.7.6.6 Multi-frame, C.8.5.6 US)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from echoseg.io.dicom.increments import gated_interval
from echoseg.io.dicom.values import number, numbers, value
from echoseg.types import Flag, Timing

SANE_FPS = (0.5, 2000.0)
SANE_HEART_RATE = (15.0, 350.0)
_RATE_KEYWORDS = ("CineRate", "RecommendedDisplayFrameRate")
_POINTED = {Tag("FrameTimeVector"): "FrameTimeVector", Tag("FrameTime"): "FrameTime"}
_AGREEMENT = 0.05  # relative; writers round frame times to whole milliseconds
_SPAN_AGREEMENT = 0.1  # relative, of whole clips: the duration of the last frame may or may not count
_RATE_AGREEMENT = 0.25  # relative, of R-R intervals against HeartRate, which is that of a moment

_RUNNING = 4  # intervals of a vector from which on it can be told that it only grows
_EVENLY = 0.5  # relative spread of what it grows by

Curve = NDArray[np.float64]


def cine_timing(dataset: Dataset, frame_count: int) -> tuple[Timing, tuple[Flag, ...]]:
    """Timing of a cine, and what is to be said of the statements that it rests on.

    1. FrameTimeVector and FrameTime (ms). FrameIncrementPointer names the one that counts (C.7.6.6.1.1); without it the two must agree.
    2. Where neither is usable, EffectiveDuration (seconds of all frames), unless a rate contradicts it.
    3. Else CineRate or RecommendedDisplayFrameRate (1/s), at which frames are to be shown: flagged, as nothing says that they were taken
       so.

    Values that are absent, no number, or give a rate outside 0.5 to 2000 frames a second do not count; nor does a vector that has not
    one value a frame. ``times`` is given only where the file states it frame by frame. HeartRate 0 means unknown.

    The other statements are witnesses. Where the times of acquisition contradict each other and nothing decides, or the frame time is
    contradicted by EffectiveDuration or by R waves outside of the clip, timing is unknown (``timing_contradictory``).

    Args:
        dataset: the header.
        frame_count: frames that the file holds.
    """
    slot, gated_rate = gated_interval(dataset)
    heart_rate = number(dataset, "HeartRate") or gated_rate
    if heart_rate is not None and not _within(heart_rate, SANE_HEART_RATE):
        heart_rate = None
    r_waves = tuple(sorted(milliseconds / 1000.0 for milliseconds in numbers(dataset, "RWaveTimeVector")))
    fps, times, flags = _clock(dataset, frame_count)
    if fps is None and not flags and slot and _within(1000.0 / slot, SANE_FPS):
        fps = 1000.0 / slot
    span = None if fps is None else frame_count / fps
    outside = _outside(r_waves, span)
    if outside is not None:
        return Timing(heart_rate=heart_rate), (*flags, _contradictory(outside))
    heart_rate, unsure = _checked_rate(heart_rate, r_waves)
    return Timing(fps=fps, times=times, heart_rate=heart_rate, r_wave_times=r_waves), (*flags, *unsure)


def has_timing(dataset: Dataset) -> bool:
    """True when the header holds any of the four attributes: its frames then follow each other in time."""
    return any(value(dataset, keyword) is not None for keyword in ("FrameTimeVector", "FrameTime", *_RATE_KEYWORDS))


def _clock(dataset: Dataset, count: int) -> tuple[float | None, Curve | None, tuple[Flag, ...]]:
    """Frames per second, times where they are stated one by one, and flags."""
    times, interval = _vector_times(dataset, count), number(dataset, "FrameTime")
    stated = {
        "FrameTimeVector": None if times is None else (count - 1) / float(times[-1]),
        "FrameTime": 1000.0 / interval if interval and _within(1000.0 / interval, SANE_FPS) else None,
    }
    usable = {keyword: rate for keyword, rate in stated.items() if rate is not None}
    flags = _unusable(dataset, count, usable)
    if not usable:
        fps, told = _last_resort(dataset, count)
        return fps, None, (*flags, *told)
    used = next((keyword for keyword in _pointed(dataset) if keyword in usable), None)
    if len(usable) == 2 and not _agree(min(usable.values()), max(usable.values()), _AGREEMENT):
        both = " and ".join(f"{keyword} ({1000 / rate:.4g} ms a frame)" for keyword, rate in usable.items())
        if used is None:
            return None, None, (*flags, _contradictory(f"{both} differ, and FrameIncrementPointer names neither"))
        flags = (*flags, _differ(f"{both} differ; FrameIncrementPointer names {used}, which is used"))
    used = used or next(iter(usable))
    fps = usable[used]
    against = _against(dataset, count, fps)
    if against is not None:
        return None, None, (*flags, _contradictory(f"{used} gives {1000 / fps:.4g} ms a frame, {against}"))
    cine = _rate(dataset, "CineRate")
    if cine is not None and not _agree(cine, fps, _SPAN_AGREEMENT):
        flags = (*flags, _differ(f"{used} gives {fps:.3g} frames/s, CineRate {cine:.3g}; {used} is used"))
    return fps, times if used == "FrameTimeVector" else None, flags


def _last_resort(dataset: Dataset, count: int) -> tuple[float | None, tuple[Flag, ...]]:
    """The rate where no frame time is usable."""
    duration = number(dataset, "EffectiveDuration") or 0.0
    rates = {keyword: rate for keyword in _RATE_KEYWORDS if (rate := _rate(dataset, keyword)) is not None}
    for keyword, rate in list(rates.items())[:1]:
        against = _against(dataset, count, rate)
        if against is not None:
            return None, (_contradictory(f"{keyword} gives {1000 / rate:.4g} ms a frame, {against}"),)
    if duration > 0 and count > 1 and _within(count / duration, SANE_FPS):
        used, fps = "EffectiveDuration", count / duration
    elif rates:
        used, fps = next(iter(rates.items()))
    else:
        return None, ()
    told = f"The file states no frame time: {fps:.3g} frames/s are taken from {used}; times and heart rate are wrong if it is another's."
    if used != "EffectiveDuration":
        told = f"The file states no frame time: its {used} of {fps:.3g} frames/s, at which to show it, is taken for that of acquisition."
    return fps, (Flag("frame_rate_assumed", told),)


def _against(dataset: Dataset, count: int, fps: float) -> str | None:
    """What the file says of the length of its acquisition against frames at this rate, or None."""
    duration, each = number(dataset, "EffectiveDuration"), number(dataset, "ActualFrameDuration")
    if duration and duration > 0 and count > 1:
        # the last frame may count or not, and some writers leave the fraction of a second out
        slack = _SPAN_AGREEMENT * max(duration, count / fps) + 1 / fps + (1.0 if duration.is_integer() else 0.0)
        if abs(duration - count / fps) > slack:
            return f"but EffectiveDuration {duration:.4g} s for {count} frames"
    if each and each > (1 + _SPAN_AGREEMENT) * 1000 / fps:
        return f"but a frame takes {each:.4g} ms (ActualFrameDuration)"
    return None


def _unusable(dataset: Dataset, count: int, usable: Iterable[str]) -> tuple[Flag, ...]:
    """A flag on what is stated, is not zero, and cannot be true."""
    faults = []
    vector, interval = numbers(dataset, "FrameTimeVector"), number(dataset, "FrameTime")
    if "FrameTimeVector" not in usable and any(vector):
        kind = f"{len(vector)} values for {count} frames" if len(vector) != count else "values that no clip has"
        kind = "times since the first frame, where those since the frame before belong" if _is_running(vector) else kind
        faults.append(f"FrameTimeVector has {kind}")
    if "FrameTime" not in usable and interval:
        faults.append(f"FrameTime is {interval:.4g} ms")
    if not faults or count < 2:
        return ()
    return (Flag("frame_times_unusable", f"A stated frame time cannot be true and is not used: {'; '.join(faults)}."),)


def _outside(r_waves: tuple[float, ...], span: float | None) -> str | None:
    """How R waves contradict a clip of ``span`` seconds, or None: the first beat after its end may still be listed."""
    if span is None or not r_waves:
        return None
    beyond = [wave for wave in r_waves if wave > span * (1 + _SPAN_AGREEMENT)]
    if len(beyond) < 2:
        return None
    return f"{len(beyond)} R waves are stated after the clip's end (up to {r_waves[-1]:.3g} s, the frames last {span:.3g} s)"


def _checked_rate(heart_rate: float | None, r_waves: tuple[float, ...]) -> tuple[float | None, tuple[Flag, ...]]:
    """The stated heart rate, unless the stated R waves are of another."""
    if heart_rate is None or len(r_waves) < 3:
        return heart_rate, ()
    interval = float(np.median(np.diff(r_waves)))
    if interval > 0 and _agree(60 / interval, heart_rate, _RATE_AGREEMENT):
        return heart_rate, ()
    told = f"The file's HeartRate is {heart_rate:.0f} /min, but its R waves come every {interval:.3g} s: neither is used as the heart rate."
    return None, (Flag("heart_rate_contradictory", told),)


def _pointed(dataset: Dataset) -> list[str]:
    """What FrameIncrementPointer names, of the two frame times."""
    found = value(dataset, "FrameIncrementPointer")
    several = isinstance(found, Iterable) and not isinstance(found, str)
    tags = list(found) if several else [found]
    return [_POINTED[tag] for tag in tags if tag in _POINTED]


def _rate(dataset: Dataset, keyword: str) -> float | None:
    rate = number(dataset, keyword)
    return rate if rate is not None and _within(rate, SANE_FPS) else None


def _vector_times(dataset: Dataset, frame_count: int) -> Curve | None:
    """Seconds of each frame from the first: the vector holds the time since the previous frame, its first value is 0 by definition."""
    increments = np.array(numbers(dataset, "FrameTimeVector"), dtype=np.float64)
    if len(increments) != frame_count or frame_count < 2 or (increments[1:] <= 0).any() or _is_running(increments):
        return None
    increments[0] = 0.0
    times = np.cumsum(increments) / 1000.0
    return times if _within((frame_count - 1) / float(times[-1]), SANE_FPS) else None


def _is_running(vector: Sequence[float] | Curve) -> bool:
    """Whether a frame time vector holds the time since the first frame: no recording slows down evenly from its start on."""
    steps = np.diff(np.asarray(vector, dtype=np.float64))
    return len(steps) >= _RUNNING and bool(steps.min() > 0 and np.ptp(steps) <= _EVENLY * np.median(steps))


def _within(rate: float, limits: tuple[float, float]) -> bool:
    return limits[0] <= rate <= limits[1]


def _agree(first: float, second: float, tolerance: float) -> bool:
    return abs(first - second) <= tolerance * max(first, second)


def _contradictory(reason: str) -> Flag:
    return Flag("timing_contradictory", f"The file contradicts itself on the time of its frames ({reason}): it is unknown; give fps.")


def _differ(reason: str) -> Flag:
    return Flag("frame_times_differ", f"The file states two frame times: {reason}.")
