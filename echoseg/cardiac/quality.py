"""What a reader must know about the masks and the rhythm behind a measurement. Thresholds: :mod:`echoseg.cardiac.thresholds`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from echoseg.cardiac import thresholds
from echoseg.cardiac.curve import LVCurve
from echoseg.cardiac.cycle import Beat
from echoseg.types import Flag


def mask_flags(curve: LVCurve, scores: NDArray[np.float64] | None = None) -> list[Flag]:
    """Flags on the masks of a clip: not tracked, absent, fragmented or hollow, jumping, at the image's edge, little trusted by the model.

    Args:
        curve: per-frame geometry.
        scores: ``(T,)`` predicted IoU 0..1, NaN on frames that were not tracked; None: all were.
    """
    flags = []
    tracked = np.ones(len(curve), dtype=bool) if scores is None else np.isfinite(scores)
    count = int(tracked.sum())
    if count < len(curve):
        flags.append(Flag("frames_not_tracked", f"{len(curve) - count} of {len(curve)} frames were not tracked", "info"))
    present = np.isfinite(curve.area_px)
    absent = int((tracked & ~present).sum())
    if absent:
        flags.append(Flag("object_absent_frames", f"the left ventricle is absent from {absent} of {count} frames"))
    if not present.any():
        return flags
    broken = int(((curve.kept < thresholds.MIN_KEPT) | (curve.filled > thresholds.MAX_FILLED)).sum())
    if broken > thresholds.FRAGMENTED_FRAMES * count:
        flags.append(Flag("fragmented_mask", f"the mask is in pieces or hollow on {broken} of {count} frames"))
    area = curve.area_px[present]
    local = median_filter(area, size=5, mode="nearest")
    jumps = int((np.abs(area - local) > thresholds.AREA_JUMP * local).sum())
    if jumps:
        percent = round(100 * thresholds.AREA_JUMP)
        flags.append(Flag("area_jump", f"on {jumps} of {count} frames the area departs by more than {percent} % from the frames around it"))
    at_edge = int(curve.at_edge.sum())
    if at_edge > thresholds.EDGE_FRAMES * count:
        flags.append(Flag("mask_touches_edge", f"the mask reaches the image's edge on {at_edge} of {count} frames: it may be cut off"))
    if scores is not None and tracked.any():
        typical = float(np.nanmedian(scores))
        if typical < thresholds.LOW_IOU:
            flags.append(Flag("low_iou", f"the model's own predicted IoU is {typical:.2f} (median), below {thresholds.LOW_IOU}"))
    return flags


def timing_flags(beats: Sequence[Beat], times: NDArray[np.float64] | None, frames: int) -> list[Flag]:
    """Flags on frame rate, number of beats and rhythm.

    Args:
        beats: as :func:`echoseg.cardiac.find_beats` returned them.
        times: ``(T,)`` seconds, or None when unknown.
        frames: T.
    """
    if frames == 1:
        return [Flag("single_frame", "one frame: areas and volumes only, no ejection fraction", "info")]
    flags = []
    if times is None:
        flags.append(Flag("timing_missing", "the frame rate is unknown: beats were found by frame order, rates are left out"))
    elif (rate := 1 / float(np.median(np.diff(times)))) < thresholds.MIN_FRAME_RATE:
        wanted_rate = f"{thresholds.MIN_FRAME_RATE:.0f}"
        flags.append(Flag("low_frame_rate", f"{rate:.0f} frames/s: below {wanted_rate}, end-systole and end-diastole are missed"))
    if not beats:
        return [*flags, Flag("no_beat", "no heart beat was found in the clip: no ejection fraction", "reject")]
    if beats[0].partial:
        return [*flags, Flag("partial_beat", "the clip holds no complete beat: its largest and smallest frames were used")]
    intervals = np.array([60 / beat.hr_bpm for beat in beats if beat.hr_bpm])
    irregular = len(intervals) >= 2 and np.ptp(intervals) / np.median(intervals) > thresholds.IRREGULAR_RR_SPREAD
    if irregular:
        flags.append(Flag("irregular_rhythm", f"R-R intervals vary from {intervals.min():.2f} to {intervals.max():.2f} s"))
    wanted = thresholds.GUIDELINE_BEATS_IRREGULAR if irregular else thresholds.GUIDELINE_BEATS
    if len(beats) < wanted:
        flags.append(Flag("few_beats", f"{len(beats)} complete beats; ASE/EACVI 2015 averages at least {wanted}", "info"))
    return flags
