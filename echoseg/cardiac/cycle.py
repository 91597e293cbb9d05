"""Beats from a curve of LV area or volume, in seconds.

Definitions (ASE/EACVI 2015): end-diastole is the frame with the largest cavity just before the systolic descent, end-systole the frame
with the smallest. A beat runs from one end-diastole to the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.signal import find_peaks

from echoseg.cardiac import thresholds
from echoseg.errors import MeasureError

Curve = NDArray[np.float64]
Frames = tuple[int, int, int]
"""End-diastole, end-systole, next end-diastole."""

# Without times the filter needs some scale. The frame order alone decides what is found; no rate is reported.
NOMINAL_FPS = 30.0
MOST_UNEVEN = 1000
"""Mean over median time between frames above which times are refused: the evenly resampled curve would be that much longer."""


@dataclass(frozen=True)
class Beat:
    """One heart beat, by frame index.

    Attributes:
        ed: end-diastolic frame.
        es: end-systolic frame.
        next_ed: the end-diastolic frame that closes the beat, or None when the clip does not hold it.
        partial: True when the clip holds no complete beat; ``es`` may then come before ``ed``.
        hr_bpm: beats per minute from ``ed`` to ``next_ed``, or None without ``next_ed`` or without times.
    """

    ed: int
    es: int
    next_ed: int | None
    partial: bool
    hr_bpm: float | None


def find_beats(
    curve: ArrayLike,
    times: ArrayLike | None = None,
    *,
    heart_rate: float | None = None,
    r_waves: Sequence[float] = (),
) -> list[Beat]:
    """Complete beats of a clip, in order; when there is none, one partial beat.

    1. Missing values are interpolated; frames far from all but one of their four neighbours (failed masks) take the median of these.
       A dip both much steeper and shorter than the clip's other ones is a run of failed masks, too: the length of systole hardly varies
       from beat to beat (Weissler AM et al., Circulation 1968;37:149-59). Its frames count as missing.
    2. The curve is resampled evenly and smoothed by a Gaussian of 25 ms.
    3. End-systoles are minima in the lower half of the curve's range within 2.2 s that stand out by 35 % of it, at least 0.4 of a heart
       period apart (of the given heart rate, else of 200 bpm).
    4. Between two end-systoles, end-diastole is the last peak before the descent among those that reach 90 % of the way up: the atrial
       kick, not the plateau of diastasis. With ``r_waves`` it is instead the largest frame next to each R wave after which the cavity
       shrinks.
    5. The outermost end-diastoles count when the curve visibly rises to the first or falls by a quarter from the last, and they are at
       least 0.6 as high as the beat's other one; or when they are as high (clips cut from R wave to R wave). A clip that ends in diastasis
       does not hold the end-diastole of its last beat.
    6. A beat with no values for 0.5 s on end is not complete: another beat may hide there.
    7. A partial beat is an end-systole inside the clip with the end-diastole before it, else with the one after it, else the largest
       and the smallest frame: those may belong to different beats, which breathing cuts differently.

    Args:
        curve: ``(T,)`` area or volume, any unit; NaN where unknown.
        times: ``(T,)`` seconds, increasing; None when unknown (beats by frame order, no rates).
        heart_rate: beats per minute when the file tells, else None.
        r_waves: seconds of ECG R waves on the same clock as ``times``.

    Returns:
        Beats with ``partial`` False, or one with ``partial`` True, or none (a flat or very short curve).

    Raises:
        MeasureError: shapes differ, times do not increase, or a heart rate that is not a positive number.
    """
    values = np.asarray(curve, dtype=np.float64)
    if values.ndim != 1:
        raise MeasureError(f"a curve has one value a frame, shape (T,); got {values.shape}")
    seconds = checked_times(times, len(values))
    checked_heart_rate(heart_rate)
    valid = np.isfinite(values)
    if valid.sum() < 3:
        return []
    clock = np.arange(len(values)) / NOMINAL_FPS if seconds is None else seconds
    smooth, noise, reliable = smooth_curve(values, clock)
    failed = _failed_dips(smooth, clock, heart_rate)
    if failed.any():
        smooth, noise, reliable = smooth_curve(np.where(failed, np.nan, values), clock)
    span = _span(smooth)
    if span < thresholds.MIN_RELATIVE_RANGE * abs(float(np.median(smooth))) or span <= thresholds.SIGNAL_TO_NOISE * noise:
        return []
    strokes = _strokes(smooth, clock, heart_rate)
    beats = [] if seconds is None else _beats_by_r_waves(smooth, seconds, r_waves)
    beats = beats or [stroke.frames for stroke in strokes if stroke.complete]
    usable = np.flatnonzero(reliable)
    seen = [beat for beat in beats if not _has_gap(usable, beat, clock)]
    whole = [beat for beat in (_on_frames(usable, beat, seconds) for beat in seen) if beat is not None]
    return whole or [_partial_beat(smooth, strokes, usable)]


def smooth_curve(values: Curve, clock: Curve) -> tuple[Curve, float, NDArray[np.bool_]]:
    """A curve without gaps, spikes and noise.

    Args:
        values: ``(T,)``, NaN where unknown; at least one finite.
        clock: ``(T,)`` seconds, increasing.

    Returns:
        the smooth curve ``(T,)``; the estimated standard deviation of the noise (as if white, before the filter); ``(T,)`` bool,
        False where the value was missing or a spike.
    """
    index = np.arange(len(values))
    valid = np.isfinite(values)
    filled = np.interp(index, index[valid], values[valid])
    around = np.pad(filled, 2, mode="edge")
    neighbours = np.stack([around[:-4], around[1:-3], around[3:-1], around[4:]])
    # The second-nearest: a failed mask may have one companion, while an end-systole has a neighbour on either side.
    departure = np.sort(np.abs(neighbours - filled), axis=0)[1]
    spikes = departure > thresholds.SPIKE_RANGE * _span(filled)
    # At few frames a beat every systole departs from its neighbours. Failed masks are rare; what recurs is the heart.
    if spikes.mean() > thresholds.MAX_SPIKES:
        spikes[:] = False
    repaired = np.where(spikes, np.median(neighbours, axis=0), filled)
    step = float(np.median(np.diff(clock)))
    sigma = max(thresholds.SMOOTHING_S / step, 0.5)
    even = np.arange(clock[0], clock[-1] + step / 2, step)
    smooth = np.interp(clock, even, gaussian_filter1d(np.interp(even, clock, repaired), sigma, mode="nearest"))
    impulse = np.zeros(8 * int(np.ceil(sigma)) + 1)
    impulse[len(impulse) // 2] = 1.0
    passed_noise = float(np.linalg.norm(impulse - gaussian_filter1d(impulse, sigma)))
    return smooth, float((repaired - smooth)[valid].std()) / passed_noise, valid & ~spikes


def _span(curve: Curve) -> float:
    """Robust range: what lies between the 3rd and the 97th percentile."""
    low, high = np.percentile(curve, (3, 97))
    return float(high - low)


def _systoles(smooth: Curve, clock: Curve, heart_rate: float | None) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """End-systolic frames ``(N,)``, and first and last frame of each dip at half its depth, ``(N, 2)``, fractions of frames."""
    step = float(np.median(np.diff(clock)))
    period = 60 / (heart_rate or thresholds.MAX_HEART_RATE)
    # A clip may begin or end at end-systole: beyond its ends the curve counts as high.
    walled = np.concatenate([[smooth.max()], smooth, [smooth.max()]])
    low, span = (np.pad(bound, 1, mode="edge") for bound in _around(smooth, clock))
    systoles, shape = find_peaks(-walled, height=-(low + thresholds.ES_LEVEL * span), prominence=thresholds.MIN_PROMINENCE * span, width=0)
    # by the clock, not by frames: these may come in pairs, or at another rate later on
    apart = _deepest(smooth[systoles - 1], clock[systoles - 1], step * (max(1, int(0.4 * period / step)) - 0.5))
    return systoles[apart] - 1, np.stack([shape["left_ips"], shape["right_ips"]], axis=1)[apart] - 1


def _around(smooth: Curve, clock: Curve) -> tuple[Curve, Curve]:
    """Lower end and length of the curve's range around each frame, both ``(T,)``: breathing lifts and lowers it from beat to beat."""
    starts = np.searchsorted(clock, clock - thresholds.NEIGHBOURHOOD_S)
    stops = np.searchsorted(clock, clock + thresholds.NEIGHBOURHOOD_S, side="right")
    bounds = {window: np.percentile(smooth[slice(*window)], (3, 97)) for window in set(zip(starts, stops, strict=True))}
    low, high = np.array([bounds[window] for window in zip(starts, stops, strict=True)]).T
    return low, high - low


def _deepest(depths: Curve, moments: Curve, apart: float) -> NDArray[np.bool_]:
    """``(N,)`` bool: of dips less than ``apart`` seconds from each other only the deepest."""
    kept = np.zeros(len(depths), dtype=bool)
    for dip in np.argsort(depths, kind="stable"):
        kept[dip] = not (np.abs(moments[kept] - moments[dip]) < apart).any()
    return kept


def _failed_dips(smooth: Curve, clock: Curve, heart_rate: float | None) -> NDArray[np.bool_]:
    """``(T,)`` bool, frames of dips both steeper and shorter than the clip's other ones; those cut off by its ends are not judged."""
    failed = np.zeros(len(smooth), dtype=bool)
    _, sides = _systoles(smooth, clock, heart_rate)
    whole = sides[(sides[:, 0] > 0.5) & (sides[:, 1] < len(smooth) - 1.5)]
    if len(whole) < 2:
        return failed
    half = np.ptp(whole, axis=1) / 2
    # a dip's flanks lie to either side of where it is half as deep
    first, last = np.maximum(whole[:, 0] - half, 0).astype(int), np.minimum(whole[:, 1] + half, len(smooth) - 1).astype(int) + 1
    falls = np.array([-np.gradient(smooth, clock)[start:stop].min() for start, stop in zip(first, last, strict=True)])
    seconds = np.interp(whole, np.arange(len(clock)), clock)
    lengths = np.ptp(seconds, axis=1)
    for dip in range(len(whole)):
        others = np.arange(len(whole)) != dip
        steep = falls[dip] > thresholds.STEEP_DIP * np.median(falls[others])
        if steep and lengths[dip] < thresholds.SHORT_DIP * np.median(lengths[others]):
            failed[first[dip] : last[dip] + 1] = True
    return failed


@dataclass(frozen=True)
class _Stroke:
    """An end-systole between two peaks, and whether each of these is an end-diastole or only where the clip begins or ends.

    Attributes:
        frames: peak, end-systole, peak.
        begun, ended: whether the first and the last are end-diastoles.
        alive: whether a heart may beat at this rate.
    """

    frames: Frames
    begun: bool
    ended: bool
    alive: bool

    @property
    def complete(self) -> bool:
        return self.begun and self.ended and self.alive


def _strokes(smooth: Curve, clock: Curve, heart_rate: float | None) -> list[_Stroke]:
    systoles, _ = _systoles(smooth, clock, heart_rate)
    if len(systoles) == 0:
        return []
    starts = [0, *systoles.tolist()]
    stops = [*systoles.tolist(), len(smooth) - 1]
    floors = [*smooth[systoles], smooth[systoles[-1]]]
    diastoles = [_end_diastole(smooth, *bounds) for bounds in zip(starts, stops, floors, strict=True)]
    strokes = []
    for before, systole, after in zip(diastoles[:-1], systoles.tolist(), diastoles[1:], strict=True):
        heights = smooth - smooth[systole]
        highest = max(heights[before], heights[after])
        begun = before != diastoles[0] or _is_end_diastole(heights, before, 0, highest)
        ended = after != diastoles[-1] or _is_end_diastole(heights, after, -1, highest)
        alive = _alive(clock[before], clock[after])
        strokes.append(_Stroke((before, systole, after), begun and before < systole, ended and systole < after, alive))
    return strokes


def _partial_beat(smooth: Curve, strokes: Sequence[_Stroke], usable: NDArray[np.intp]) -> Beat:
    """The best pair of phases where no beat is complete."""
    inside = [stroke for stroke in strokes if 0 < stroke.frames[1] < len(smooth) - 1]
    pairs = [stroke.frames[:2] for stroke in inside if stroke.begun] or [stroke.frames[:0:-1] for stroke in inside if stroke.ended]
    pairs += [] if pairs else [(int(usable[smooth[usable].argmax()]), int(usable[smooth[usable].argmin()]))]
    best = max(pairs, key=lambda pair: smooth[pair[0]] - smooth[pair[1]])
    ed, es = (int(usable[np.abs(usable - frame).argmin()]) for frame in best)
    return Beat(ed, es, None, True, None)


def _is_end_diastole(heights: Curve, frame: int, end: int, highest: float) -> bool:
    """Whether a clip's outermost peak is an end-diastole: as high as the beat's other one, or above the clip's ``end`` next to it, and not
    a ripple of a systole that the clip cuts."""
    turns = thresholds.EDGE_ED_LEVEL if end == 0 else thresholds.LAST_FALL
    seen = heights[end] < turns * heights[frame] and heights[frame] >= thresholds.LOWEST_EDGE_ED * highest
    return bool(seen or heights[frame] >= thresholds.EDGE_ED_LEVEL * highest)


def _end_diastole(smooth: Curve, start: int, stop: int, floor: float) -> int:
    """Last peak in ``smooth[start:stop + 1]`` that reaches ``ED_LEVEL`` of the way from ``floor`` (end-systole) to its maximum."""
    part = smooth[start : stop + 1]
    frame = int(np.flatnonzero(part >= floor + thresholds.ED_LEVEL * (part.max() - floor))[-1])
    while frame > 0 and part[frame - 1] > part[frame]:
        frame -= 1
    return start + frame


def _beats_by_r_waves(smooth: Curve, seconds: Curve, r_waves: Sequence[float]) -> list[Frames]:
    half_frame = float(np.median(np.diff(seconds))) / 2
    inside = np.unique([r for r in r_waves if seconds[0] - half_frame <= r <= seconds[-1] + half_frame])
    if len(inside) < 2:
        return []
    reach = max(half_frame, min(thresholds.R_WAVE_REACH_S, 0.25 * float(np.diff(inside).min())))
    near = [np.flatnonzero(np.abs(seconds - r_wave) <= reach) for r_wave in inside]
    diastoles = [int(frames[smooth[frames].argmax()]) for frames in near if len(frames)]
    fall = thresholds.MIN_R_WAVE_FALL * _span(smooth)
    falls = [smooth[frame:last].min() < smooth[frame] - fall for frame, last in pairwise(diastoles)]
    # the clip may end before the last one's systole: it has not been seen to rise further, at least
    falls += [smooth[frame:].max() < smooth[frame] + fall for frame in diastoles[-1:]]
    diastoles = [frame for frame, real in zip(diastoles, falls, strict=True) if real]
    return [
        (first, first + 1 + int(smooth[first + 1 : last].argmin()), last)
        for first, last in pairwise(diastoles)
        if last - first >= 3 and _alive(seconds[first], seconds[last])
    ]


def _alive(start: float, stop: float) -> bool:
    """Whether a heart may beat at the rate of one beat from ``start`` to ``stop`` seconds; both limits give way by a tenth."""
    return stop > start and thresholds.MIN_HEART_RATE / 1.1 <= 60 / (stop - start) <= 1.1 * thresholds.MAX_HEART_RATE


def _has_gap(usable: NDArray[np.intp], beat: Frames, clock: Curve) -> bool:
    """Whether usable frames are too far apart within the beat, or next to it, where its end-diastoles may be."""
    first, _, last = beat
    start, stop = np.searchsorted(usable, first) - 1, np.searchsorted(usable, last, side="right") + 1
    seen = clock[usable[max(start, 0) : stop]]
    return bool(np.diff(seen, prepend=seen[0]).max() - np.median(np.diff(clock)) > thresholds.MAX_GAP_S)


def _on_frames(usable: NDArray[np.intp], beat: Frames, seconds: Curve | None) -> Beat | None:
    """The beat on the nearest frames with a mask to trust, and its rate; None when they no longer make a beat."""
    ed, es, next_ed = (int(usable[np.abs(usable - frame).argmin()]) for frame in beat)
    if not ed < es < next_ed:
        return None
    return Beat(ed, es, next_ed, False, None if seconds is None else 60 / float(seconds[next_ed] - seconds[ed]))


def checked_heart_rate(heart_rate: float | None) -> float | None:
    """``heart_rate``, beats per minute, when it is a positive number or None; raises MeasureError otherwise."""
    if heart_rate is not None and not (np.isfinite(heart_rate) and heart_rate > 0):
        raise MeasureError(f"the heart rate must be a positive number of beats per minute, or None; got {heart_rate}")
    return heart_rate


def checked_times(times: ArrayLike | None, count: int) -> Curve | None:
    """``times`` as ``(count,)`` float64 seconds, or None.

    Raises:
        MeasureError: another shape, no numbers, times that do not increase, or frames so close beside gaps so long that no clip has them.
    """
    if times is None:
        return None
    try:
        seconds = np.asarray(times, dtype=np.float64)
    except (TypeError, ValueError):
        raise MeasureError("times must be numbers, seconds that increase from frame to frame") from None
    if seconds.shape != (count,):
        raise MeasureError(f"times must have one value a frame: {count} frames, times of shape {seconds.shape}")
    if not np.isfinite(seconds).all() or (np.diff(seconds) <= 0).any():
        raise MeasureError("times must be finite seconds that increase from frame to frame")
    if count > 1 and seconds[-1] - seconds[0] > MOST_UNEVEN * count * float(np.median(np.diff(seconds))):
        raise MeasureError(
            "times must be those of one clip: its frames come in bursts, with gaps of more than a thousand times their distance"
        )
    return seconds
