"""What a reader must know about the masks and the rhythm behind a measurement. Thresholds: :mod:`echoseg.cardiac.thresholds`."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import median_filter

from echoseg.cardiac import thresholds
from echoseg.cardiac.contour import Spacing, endocardial_contour
from echoseg.cardiac.curve import LVCurve
from echoseg.cardiac.cycle import Beat
from echoseg.cardiac.landmarks import upside_down
from echoseg.types import BoolMask, Flag, Severity

NO_CYCLE = "no cardiac cycle could be identified"


def lost_masks(curve: LVCurve) -> NDArray[np.bool_]:
    """``(T,)`` bool, frames whose mask has lost its base or apex: the long axis is far shorter than elsewhere in the clip, and the cavity
    is not narrower to match. A vigorous systole, or one seen foreshortened, shortens as much, but narrows with it."""
    length = curve.relative_length
    known = np.isfinite(length)
    if not known.any():
        return np.zeros(len(curve), dtype=bool)
    width = curve.area_px / length
    short = length < thresholds.MIN_LENGTH * np.percentile(length[known], 90)
    return known & short & (width > thresholds.MIN_WIDTH * np.percentile(width[known], 90))


def cut_by_sector(masks: BoolMask, sector: BoolMask) -> NDArray[np.bool_]:
    """``(T,)`` bool, frames on which the mask ends where the scan sector does: part of the ventricle was not imaged.

    Args:
        masks: ``(T, H, W)``. sector: ``(H, W)``, see ``Source.sector``.
    """
    kernel = np.ones((3, 3), np.uint8)
    rim = ~cv2.erode(sector.astype(np.uint8), kernel, iterations=2).astype(bool)  # outside, and two pixels within
    cut = np.zeros(len(masks), dtype=bool)
    for frame, mask in enumerate(masks):
        plain = mask.astype(np.uint8)
        border = mask & ~cv2.erode(plain, kernel).astype(bool)
        count = int(border.sum())
        cut[frame] = count > 0 and int((border & rim).sum()) > thresholds.SECTOR_CONTACT * count
    return cut


def mask_flags(
    curve: LVCurve,
    scores: NDArray[np.float64] | None = None,
    object_scores: NDArray[np.float64] | None = None,
    cut: NDArray[np.bool_] | None = None,
) -> list[Flag]:
    """Flags on the masks of a clip: not tracked, absent, fragmented or hollow, jumping, cut off, little trusted by the model.

    Args:
        curve: per-frame geometry.
        scores: ``(T,)`` predicted IoU 0..1, NaN on frames that were not tracked; None: all were.
        object_scores: ``(T,)`` object score logits, or None.
        cut: of :func:`cut_by_sector`; None when no sector was found.
    """
    flags = []
    tracked = np.ones(len(curve), dtype=bool) if scores is None else np.isfinite(scores)
    count = int(tracked.sum())
    if count < len(curve):
        flags.append(Flag("frames_not_tracked", f"{len(curve) - count} of {len(curve)} frames were not tracked", Severity.INFO))
    present = np.isfinite(curve.area_px)
    absent = int((tracked & ~present).sum())
    if absent:
        flags.append(Flag("object_absent_frames", f"the left ventricle is absent from {absent} of {count} frames: look at them"))
    if not present.any():
        return flags
    count = count or len(curve)  # masks that nobody scored
    broken = int(((curve.kept < thresholds.MIN_KEPT) | (curve.filled > thresholds.MAX_FILLED)).sum())
    if broken > thresholds.FRAGMENTED_FRAMES * count:
        flags.append(Flag("fragmented_mask", f"the mask is in pieces or hollow on {broken} of {count} frames: correct it"))
    area = curve.area_px[present]
    local = median_filter(area, size=5, mode="nearest")
    jumps = int((np.abs(area - local) > thresholds.AREA_JUMP * local).sum())
    if jumps:
        percent = round(100 * thresholds.AREA_JUMP)
        told = f"on {jumps} of {count} frames the area departs by more than {percent} % from the frames around it"
        flags.append(Flag("area_jump", f"{told}: look at them"))
    lost = int(lost_masks(curve).sum())
    if lost:
        flags.append(
            Flag("mask_lost", f"on {lost} of {count} frames the mask has lost its base or apex; no beat was looked for there: correct it")
        )
    outside = 0 if cut is None else int(cut.sum())
    if outside > thresholds.EDGE_FRAMES * count:
        told = f"the left ventricle reaches out of the scan sector on {outside} of {count} frames"
        flags.append(Flag("lv_cut_by_sector", f"{told}: repeat the clip with a wider sector"))
    at_edge = int(curve.at_edge.sum())
    if at_edge > thresholds.EDGE_FRAMES * count:
        told = f"the mask reaches the image's edge on {at_edge} of {count} frames: it may be cut off"
        flags.append(Flag("mask_touches_edge", f"{told}, repeat the clip with the whole ventricle in it"))
    if scores is not None and np.isfinite(scores).any():
        typical = float(np.nanmedian(scores))
        if typical < thresholds.LOW_IOU:
            told = f"the model's own confidence (predicted IoU) is {typical:.2f} (median), below {thresholds.LOW_IOU}"
            flags.append(Flag("low_iou", f"{told}: look at the masks"))
    if object_scores is not None and np.isfinite(object_scores).any():
        sure = float(np.nanmedian(object_scores))
        if sure < thresholds.LOW_OBJECT_SCORE:
            percent = 100 / (1 + np.exp(-sure))
            flags.append(
                Flag("low_object_score", f"the model is {percent:.0f} % sure (median) that there is a left ventricle: look at the masks")
            )
    return flags


def spacing_flags(spacing: Spacing | None) -> list[Flag]:
    """Flags on the pixel spacing ``(row_mm, col_mm)``: unknown, or not square."""
    if spacing is None:
        return [Flag("spacing_missing", "the pixel spacing is unknown: no volumes in mL, ratios only; give spacing")]
    if max(spacing) > thresholds.MAX_ANISOTROPY * min(spacing):
        sides = f"{spacing[0]:.3g} x {spacing[1]:.3g} mm"
        return [
            Flag("spacing_anisotropic", f"pixels are not square ({sides}, row x column); lengths and volumes allow for it", Severity.INFO)
        ]
    return []


def turned_flags(masks: BoolMask, frames: Sequence[int], spacing: ArrayLike | None) -> list[Flag]:
    """A flag when ``masks`` ``(T, H, W)`` show the apex at the bottom on ``frames``, end-diastolic ones that can be measured."""
    turned = [upside_down(endocardial_contour(masks[frame], spacing)) for frame in frames]
    if turned and float(np.median(turned)) > thresholds.UPSIDE_DOWN:
        wrong = "the apex seems to be at the bottom of the image: long axis and volumes are wrong, flip the clip first"
        return [Flag("upside_down", wrong)]
    return []


def mirrored_flags(left: BoolMask, right: BoolMask) -> list[Flag]:
    """A note when an apical four-chamber view is shown in mirror image: the left ventricle lies left of the right one.

    Volumes are the same; the walls are not where a reader of the usual display (left ventricle on the right) looks for them. Where no
    right ventricle was segmented, nothing tells.

    Args:
        left, right: ``(T, H, W)`` of the two ventricles.
    """
    places = [float(np.average(np.arange(masks.shape[2]), weights=masks.sum(axis=(0, 1)))) for masks in (left, right) if masks.any()]
    if len(places) < 2 or places[0] >= places[1]:
        return []
    told = "the picture is mirrored: the left ventricle lies left of the right one, with the septum on its right"
    return [Flag("mirrored", f"{told}. Look for the walls there", Severity.INFO)]


def size_flags(curve: LVCurve, frames: Sequence[int]) -> list[Flag]:
    """A flag when the ventricle on ``frames``, end-diastolic ones, is of no heart's size: the spacing cannot be right."""
    if curve.length_mm is None or curve.volume_ml is None or not frames:
        return []
    length, volume = (float(np.median(values[list(frames)])) for values in (curve.length_mm, curve.volume_ml))
    if not thresholds.MIN_LONG_AXIS <= length <= thresholds.MAX_LONG_AXIS:
        odd = f"the long axis would be {length:.3g} mm"
    elif not thresholds.MIN_EDV <= volume <= thresholds.MAX_EDV:
        odd = f"the ventricle would hold {volume:.3g} mL"
    else:
        return []
    return [
        Flag(
            "spacing_implausible", f"{odd}: the pixel spacing can hardly be right, so no lengths, areas and volumes are given; give spacing"
        )
    ]


def clock_flags(beats: Sequence[Beat], times: NDArray[np.float64] | None, heart_rate: float | None) -> list[Flag]:
    """A flag when the beats contradict the times of their frames, or the heart rate that the file states: neither rate can be given then.

    Args:
        beats: as :func:`echoseg.cardiac.find_beats` returned them.
        times: ``(T,)`` seconds, or None when unknown.
        heart_rate: beats per minute that the file states, or None.
    """
    if times is None:
        return []
    systoles = [float(times[beat.es] - times[beat.ed]) for beat in beats if beat.ed < beat.es]
    if systoles and (typical := float(np.median(systoles))) > thresholds.MAX_SYSTOLE_S:
        told = f"systole would last {typical:.2f} s, which no heart's does: frames are timed wrongly or a beat was missed, no rate is given"
        return [Flag("systole_too_long", f"{told}; give fps")]
    rates = [beat.hr_bpm for beat in beats if beat.hr_bpm]
    near = 1 - thresholds.STATED_RATE_DIFFERENCE
    if heart_rate is None or not rates or near * min(rates) <= heart_rate <= max(rates) / near:
        return []
    measured = f"{60 / float(np.mean([60 / rate for rate in rates])):.0f} /min"
    stated = f"the beats come at {measured}, the file states a heart rate of {heart_rate:.0f} /min"
    return [Flag("heart_rate_contradictory", f"{stated}: frames are timed wrongly or beats were missed, no rate is given; give fps")]


def fast_flags(beats: Sequence[Beat], heart_rate: float | None) -> list[Flag]:
    """A flag when the beats come faster than in an adult at rest, and no ``heart_rate`` of the file confirms it: the clock may be fast."""
    rates = [beat.hr_bpm for beat in beats if beat.hr_bpm]
    if heart_rate is not None or not rates:
        return []
    rate = 60 / float(np.mean([60 / each for each in rates]))
    if rate <= thresholds.RESTING_RATE:
        return []
    told = f"the beats come at {rate:.0f} /min, rare in an adult at rest, and nothing else tells the heart rate"
    return [Flag("heart_rate_high", f"{told}: look whether the frame rate is that of the recording, else give fps")]


def reversed_flags(efs: Sequence[float]) -> list[Flag]:
    """A flag when a beat's EF in percent is not positive."""
    if all(ef > 0 for ef in efs):
        return []
    return [Flag("ef_not_positive", "end-systole is no smaller than end-diastole in a beat: look whether the two phases were mixed up")]


def frame_rate_flags(times: NDArray[np.float64] | None, frames: int) -> list[Flag]:
    """Flags on the number of ``frames`` and their ``times`` ``(T,)`` in seconds, or None when unknown; known before there is any mask."""
    if frames == 1:
        return [Flag("single_frame", "one frame: areas and volumes only, no ejection fraction", Severity.INFO)]
    if times is None:
        return [Flag("timing_missing", "the frame rate is unknown: beats were found by frame order, rates are left out; give fps")]
    rate = 1 / float(np.median(np.diff(times)))
    if not _below(rate, thresholds.MIN_FRAME_RATE):
        return []
    wanted = f"{thresholds.MIN_FRAME_RATE:.0f}"
    return [Flag("low_frame_rate", f"{rate:.0f} frames/s: below {wanted}, end-systole and end-diastole are missed, record at more")]


def timing_flags(beats: Sequence[Beat], times: NDArray[np.float64] | None, seen: BoolMask, ecg: bool = False) -> list[Flag]:
    """Flags on frame rate, number of beats and rhythm.

    Args:
        beats: as :func:`echoseg.cardiac.find_beats` returned them.
        times: ``(T,)`` seconds, or None when unknown.
        seen: ``(T,)`` where there is a mask to trust.
        ecg: whether R waves told the beats.
    """
    frames = len(seen)
    flags = frame_rate_flags(times, frames)
    if frames == 1:
        return flags
    flags += _phase_flags(beats, times, frames)
    if not beats:
        return [*flags, Flag("no_beat", f"{NO_CYCLE}: no ejection fraction, look at the curve", Severity.REJECT)]
    if beats[0].partial:
        told = "the clip holds no complete beat: one end-diastole and one end-systole were used"
        return [*flags, Flag("partial_beat", f"{told}, record a longer clip")]
    intervals = np.array([60 / beat.hr_bpm for beat in beats if beat.hr_bpm] + _pauses(beats, times, seen))
    irregular = len(intervals) >= 2 and np.ptp(intervals) / np.median(intervals) > thresholds.IRREGULAR_RR_SPREAD
    wanted = thresholds.GUIDELINE_BEATS_IRREGULAR if irregular else thresholds.GUIDELINE_BEATS
    if irregular:
        told = f"beat-to-beat intervals vary from {intervals.min():.2f} to {intervals.max():.2f} s"
        flags.append(Flag("irregular_rhythm", f"{told} ({'by ECG' if ecg else 'no ECG'}): average at least {wanted} beats"))
    if len(beats) < wanted:
        plural = "" if len(beats) == 1 else "s"
        told = f"{len(beats)} complete beat{plural}; ASE/EACVI 2015 averages at least {wanted}, record a longer clip"
        flags.append(Flag("few_beats", told, Severity.INFO))
    return flags


def _below(rate: float, limit: float) -> bool:
    """Whether a rate from frame times is below a limit: frames at i / 20 s come at 19.999... a second."""
    return rate < limit * (1 - 1e-6)


def _pauses(beats: Sequence[Beat], times: NDArray[np.float64] | None, seen: BoolMask) -> list[float]:
    """Seconds between complete beats that do not follow each other although all that lies between was seen: no heart beats so slowly."""
    if times is None:
        return []
    found = []
    for beat, following in pairwise(beats):
        if beat.next_ed is not None and beat.next_ed < following.ed:
            moments = times[beat.next_ed : following.ed + 1][seen[beat.next_ed : following.ed + 1]]
            if np.diff(moments).max(initial=0.0) <= thresholds.MAX_GAP_S:
                found.append(float(times[following.ed] - times[beat.next_ed]))
    return found


def _phase_flags(beats: Sequence[Beat], times: NDArray[np.float64] | None, frames: int) -> list[Flag]:
    """Too few frames a beat, and phases at the clip's ends, where nobody sees whether the heart moved on."""
    flags = []
    rates = [beat.hr_bpm for beat in beats if beat.hr_bpm]
    if rates and times is not None:
        count = 60 / float(np.median(np.diff(times))) / float(np.median(rates))
        if _below(count, thresholds.MIN_FRAMES_A_BEAT):
            wanted = f"{thresholds.MIN_FRAMES_A_BEAT:.0f}"
            flags.append(
                Flag(
                    "few_frames_a_beat",
                    f"{count:.0f} frames a beat: below {wanted}, end-systole and end-diastole are missed, record at more",
                )
            )
    ends = {0, frames - 1}
    if any(beat.es in ends or (beat.partial and beat.ed in ends) for beat in beats):
        told = "end-diastole or end-systole is the clip's first or last frame: the true one may be outside"
        flags.append(Flag("phase_at_end", f"{told}, record a longer clip"))
    return flags
