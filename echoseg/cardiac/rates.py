"""Peak ejection and filling rates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from echoseg.cardiac.cycle import Beat, checked_times, smooth_curve
from echoseg.errors import MeasureError


@dataclass(frozen=True)
class PeakRates:
    """Steepest descent and rise of the volume within a beat.

    Attributes:
        ejection, filling: end-diastolic volumes per second, both positive; ``filling`` None when the beat has no diastole in the clip.
        ejection_ml_s, filling_ml_s: mL per second when the curve is in mL, i.e. the curve's unit per second.
    """

    ejection: float
    filling: float | None
    ejection_ml_s: float
    filling_ml_s: float | None


def peak_rates(volume: ArrayLike, times: ArrayLike, beat: Beat) -> PeakRates:
    """Rates of the volume curve (missing frames filled, 25 ms Gaussian, as the area curve for beats), by central differences.

    Args:
        volume: ``(T,)`` in mL, NaN where unknown.
        times: ``(T,)`` seconds, increasing.
        beat: one of :func:`echoseg.cardiac.find_beats`, with end-systole after end-diastole.

    Raises:
        MeasureError: shapes differ, times do not increase, no volume is known, the beat is not in the clip, or end-systole does not follow
            end-diastole by two frames or more.
    """
    values = np.asarray(volume, dtype=np.float64)
    seconds = checked_times(times, len(values)) if values.ndim == 1 else None
    if seconds is None:
        raise MeasureError(f"a rate needs a volume a frame, shape (T,), and its times; got {values.shape}")
    if beat.ed < 0 or max(beat.es, beat.next_ed or 0) >= len(values):
        raise MeasureError(f"the beat {beat.ed}, {beat.es}, {beat.next_ed} is not in a curve of {len(values)} frames")
    if not np.isfinite(values).any():
        raise MeasureError("a rate needs a volume; nothing of it is known")
    if beat.es - beat.ed < 2:
        raise MeasureError("a rate needs a systole of two frames or more, end-diastole first")
    smooth, _, _ = smooth_curve(values, seconds)
    slope = np.gradient(smooth, seconds)
    end_diastolic = float(smooth[beat.ed])
    ejection = float(-slope[beat.ed : beat.es + 1].min())
    filling = None if beat.next_ed is None else float(slope[beat.es : beat.next_ed + 1].max())
    return PeakRates(ejection / end_diastolic, None if filling is None else filling / end_diastolic, ejection, filling)
