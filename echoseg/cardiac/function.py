"""LV function of one clip: curve, beats, ejection fraction and its relatives."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from echoseg.cardiac.contour import checked_mask, checked_spacing
from echoseg.cardiac.curve import LVCurve, SinglePlane, measure_frames
from echoseg.cardiac.cycle import Beat, checked_heart_rate, checked_times, find_beats
from echoseg.cardiac.ef import ejection_fraction
from echoseg.cardiac.quality import (
    clock_flags,
    cut_by_sector,
    fast_flags,
    lost_masks,
    mask_flags,
    reversed_flags,
    size_flags,
    spacing_flags,
    timing_flags,
    turned_flags,
)
from echoseg.cardiac.rates import peak_rates
from echoseg.cardiac.shape import contour_strain
from echoseg.cardiac.view import measure_view
from echoseg.cardiac.volume import APICAL_VIEWS
from echoseg.errors import MeasureError
from echoseg.types import BoolMask, Flag, Severity


@dataclass(frozen=True)
class LVBeat:
    """One beat, measured.

    Attributes:
        ed, es, next_ed, partial, hr_bpm: as in :class:`echoseg.cardiac.Beat`.
        ef: ejection fraction in percent.
        fac: fractional area change in percent.
        edv_ml, esv_ml, sv_ml: None when spacing is unknown.
        contour_strain: percent, negative; of the endocardial contour, never to be held against speckle tracking.
        peak_ejection, peak_filling: end-diastolic volumes per second; None without times, or where the beat has no diastole in the clip.
    """

    ed: int
    es: int
    next_ed: int | None
    partial: bool
    hr_bpm: float | None
    ef: float
    fac: float
    edv_ml: float | None
    esv_ml: float | None
    sv_ml: float | None
    contour_strain: float | None = None
    peak_ejection: float | None = None
    peak_filling: float | None = None


@dataclass(frozen=True)
class LVAnalysis:
    """LV function of a clip; values are means over ``beats`` and None when they cannot be known.

    Attributes:
        curve: per-frame geometry.
        beats: complete beats, or one partial beat, or none.
        ef, fac: percent.
        contour_strain, peak_ejection, peak_filling: as of a beat.
        ef_spread: standard deviation of EF over two or more beats, in percentage points.
        edv_ml, esv_ml, sv_ml: mL; None when spacing is unknown.
        hr_bpm: from the beats' mean duration, else the given heart rate; None, as all rates, where the two or the length of systole
            contradict each other.
        co_l_min: stroke volume times heart rate, litres a minute.
        phase: ``(T,)`` of ``"ED"``, ``"ES"`` or ``""``.
        flags: what a reader must know.
        method: volume method, single-plane.
        view: ``"A4C"`` or ``"A2C"``.
    """

    curve: LVCurve
    beats: tuple[LVBeat, ...]
    ef: float | None
    fac: float | None
    ef_spread: float | None
    edv_ml: float | None
    esv_ml: float | None
    sv_ml: float | None
    hr_bpm: float | None
    co_l_min: float | None
    phase: NDArray[np.str_]
    flags: tuple[Flag, ...]
    method: SinglePlane
    view: str
    contour_strain: float | None = None
    peak_ejection: float | None = None
    peak_filling: float | None = None

    def without_numbers(self) -> LVAnalysis:
        """The curve alone, in pixels: of a picture in which nothing is defined that could be said of beats, in mL or in mm."""
        no_number: dict[str, Any] = dict.fromkeys(("ef", "fac", "ef_spread", "edv_ml", "esv_ml", "sv_ml", "hr_bpm", "co_l_min"))
        no_number |= dict.fromkeys(("contour_strain", "peak_ejection", "peak_filling"))
        curve = replace(self.curve, area_cm2=None, length_mm=None, volume_ml=None)
        return replace(self, curve=curve, beats=(), phase=np.full_like(self.phase, ""), flags=(), **no_number)


def analyse_lv(
    masks: ArrayLike,
    times: ArrayLike | None,
    spacing: ArrayLike | None,
    view: str = "A4C",
    *,
    heart_rate: float | None = None,
    r_waves: Sequence[float] = (),
    scores: ArrayLike | None = None,
    object_scores: ArrayLike | None = None,
    sector: ArrayLike | None = None,
    method: SinglePlane = "disks",
    steady: bool = False,
    beats: Sequence[Beat] | None = None,
) -> LVAnalysis:
    """Beats, volumes, EF, stroke volume, cardiac output and flags of one apical clip (ASE/EACVI 2015, single plane).

    Beats are found on the area curve (steadier than the volume), volumes are read at their ED and ES frames. Means are over complete
    beats.

    Args:
        masks: ``(T, H, W)`` of the LV cavity, bool or above zero inside.
        times: ``(T,)`` seconds of the frames, or None when unknown.
        spacing: ``(row_mm, col_mm)``, or None when unknown: EF, FAC and relative volumes then, never mL.
        view: ``"A4C"`` or ``"A2C"``.
        heart_rate: beats per minute when the file tells.
        r_waves: seconds of ECG R waves on the same clock as ``times``.
        scores: ``(T,)`` predicted IoU of the masks, NaN on frames that were not tracked, or None when all were.
        object_scores: ``(T,)`` object score logits likewise, or None.
        sector: ``(H, W)`` where the scanner draws, or None when unknown.
        method: ``"disks"`` or ``"area-length"``.
        steady: hold the landmarks steady over five frames; see :func:`echoseg.cardiac.measure_frames`.
        beats: ED and ES frames that a reader has named, in place of those on the curve; None: they are found.

    Raises:
        MeasureError: no frames, malformed masks, spacing, times, heart rate or scores, an unknown view or method, or a given
            beat on a frame that is not there or has no ventricle.

    >>> y, x = np.mgrid[:120, :100] + 0.5
    >>> times = np.arange(50) / 25
    >>> widths = 25 + 5 * np.cos(2 * np.pi * times)  # 60 beats per minute
    >>> masks = np.stack([(((x - 50) / w) ** 2 + ((y - 100) / 80) ** 2 < 1) & (y < 100) for w in widths])
    >>> found = analyse_lv(masks, times, spacing=(1.0, 1.0))
    >>> round(found.ef), round(100 * (1 - (20 / 30) ** 2)), len(found.beats)
    (55, 56, 2)
    """
    if view not in APICAL_VIEWS:
        raise MeasureError(f"LV volumes are measured in {' and '.join(APICAL_VIEWS)}; got view {view!r}")
    curve = measure_frames(masks, spacing, method, steady=steady)
    count = len(curve)
    if count == 0:
        raise MeasureError("no frames to measure")
    cut = None if sector is None else _cut(masks, sector)
    flags = mask_flags(curve, _checked_scores(scores, count), _checked_scores(object_scores, count), cut)
    seconds = checked_times(times, count)
    heart_rate = checked_heart_rate(heart_rate)
    measurable = np.where(np.isfinite(curve.relative), curve.area_px, np.nan)
    if beats is None:
        trusted_area = np.where(lost_masks(curve), np.nan, measurable)
        found = find_beats(trusted_area, seconds, heart_rate=heart_rate, r_waves=r_waves)
        flags += timing_flags(found, seconds, np.isfinite(trusted_area), ecg=len(r_waves) > 1)
    else:
        found = _checked_beats(beats, measurable)
        flags.append(Flag("phases_given", "end-diastole and end-systole were named, not found", Severity.INFO))
    trusted_volume = np.where(lost_masks(curve), np.nan, curve.relative)
    clip = checked_mask(masks, "(T, H, W)")
    doubtful = clock_flags(found, seconds, heart_rate)
    flags += doubtful or fast_flags(found, heart_rate)
    if doubtful:
        found = [replace(beat, hr_bpm=None) for beat in found]
        seconds = heart_rate = None
    measured = tuple(_measured(beat, curve, trusted_volume, clip, seconds, spacing) for beat in found)
    diastoles = sorted({beat.ed for beat in found})
    flags += turned_flags(clip, diastoles, spacing) + size_flags(curve, diastoles) + reversed_flags([beat.ef for beat in measured])
    flags += spacing_flags(checked_spacing(spacing))
    edv, esv, sv = (_mean(getattr(beat, name) for beat in measured) for name in ("edv_ml", "esv_ml", "sv_ml"))
    duration = _mean(60 / beat.hr_bpm for beat in measured if beat.hr_bpm)
    rate = 60 / duration if duration else heart_rate
    phase = np.full(count, "", dtype="<U2")
    for beat in found:
        phase[[beat.ed, beat.next_ed if beat.next_ed is not None else beat.ed]] = "ED"
        phase[beat.es] = "ES"
    return LVAnalysis(
        curve=curve,
        beats=measured,
        ef=_mean(beat.ef for beat in measured),
        fac=_mean(beat.fac for beat in measured),
        ef_spread=float(np.std([beat.ef for beat in measured], ddof=1)) if len(measured) > 1 else None,
        edv_ml=edv,
        esv_ml=esv,
        sv_ml=sv,
        hr_bpm=rate,
        co_l_min=sv * rate / 1000 if sv is not None and rate is not None else None,
        phase=phase,
        flags=tuple(flags),
        method=method,
        view=view,
        contour_strain=_mean(beat.contour_strain for beat in measured),
        peak_ejection=_mean(beat.peak_ejection for beat in measured),
        peak_filling=_mean(beat.peak_filling for beat in measured),
    )


def without_size(analysis: LVAnalysis) -> LVAnalysis:
    """``analysis`` of masks whose pixel spacing is not to be believed: ratios and rates stay, all lengths and volumes go."""
    sizeless = replace(analysis.curve, area_cm2=None, length_mm=None, volume_ml=None)
    beats = tuple(replace(beat, edv_ml=None, esv_ml=None, sv_ml=None) for beat in analysis.beats)
    return replace(analysis, curve=sizeless, beats=beats, edv_ml=None, esv_ml=None, sv_ml=None, co_l_min=None)


def _checked_scores(scores: ArrayLike | None, count: int) -> NDArray[np.float64] | None:
    if scores is None:
        return None
    values = np.asarray(scores, dtype=np.float64)
    if values.shape != (count,):
        raise MeasureError(f"scores must have one value a frame: {count} frames, scores of shape {values.shape}")
    return values


def _cut(masks: ArrayLike, sector: ArrayLike) -> NDArray[np.bool_]:
    clip, region = checked_mask(masks, "(T, H, W)"), checked_mask(sector)
    if region.shape != clip.shape[1:]:
        raise MeasureError(f"the sector must have the size of the masks; got {region.shape} and {clip.shape[1:]}")
    return cut_by_sector(clip, region)


def _checked_beats(beats: Sequence[Beat], measurable: NDArray[np.float64]) -> list[Beat]:
    for beat in beats:
        for frame in (beat.ed, beat.es, beat.ed if beat.next_ed is None else beat.next_ed):
            if not 0 <= frame < len(measurable) or not np.isfinite(measurable[frame]):
                raise MeasureError(f"frame {frame} was named as a phase, but no left ventricle can be measured on it")
    return list(beats)


def _measured(
    beat: Beat,
    curve: LVCurve,
    trusted_volume: NDArray[np.float64],
    masks: BoolMask,
    seconds: NDArray[np.float64] | None,
    spacing: ArrayLike | None,
) -> LVBeat:
    edv = esv = sv = None
    if curve.volume_ml is not None:
        edv, esv = float(curve.volume_ml[beat.ed]), float(curve.volume_ml[beat.es])
        sv = edv - esv
    rates = None if seconds is None or beat.es - beat.ed < 2 else peak_rates(trusted_volume, seconds, beat)
    return LVBeat(
        ed=beat.ed,
        es=beat.es,
        next_ed=beat.next_ed,
        partial=beat.partial,
        hr_bpm=beat.hr_bpm,
        ef=float(ejection_fraction(curve.relative[beat.ed], curve.relative[beat.es])),
        fac=100 * float(1 - curve.area_px[beat.es] / curve.area_px[beat.ed]),
        edv_ml=edv,
        esv_ml=esv,
        sv_ml=sv,
        contour_strain=contour_strain(*(measure_view(masks[frame], spacing) for frame in (beat.ed, beat.es))),
        peak_ejection=None if rates is None else rates.ejection,
        peak_filling=None if rates is None else rates.filling,
    )


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
