"""LV volume curves with systole, rapid filling, diastasis and atrial kick whose ED and ES times are known."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SYSTOLE, FILLING, KICK = 0.35, 0.25, 0.14


def volume_curve(
    r_times: NDArray[np.float64], times: NDArray[np.float64], *, edv: float = 120.0, ef: float = 0.6, kick: float = 0.2
) -> NDArray[np.float64]:
    """Volume at ``times``; end-diastoles are exactly at ``r_times``, end-systoles 35 % of an interval later.

    Rapid filling ends at 60 % of the interval, the plateau lasts to 86 %, and the atrial kick brings the last ``kick`` of the stroke
    volume.
    """
    beat = np.clip(np.searchsorted(r_times, times, side="right") - 1, 0, len(r_times) - 2)
    phase = (times - r_times[beat]) / (r_times[beat + 1] - r_times[beat])

    def ramp(start: float, duration: float) -> NDArray[np.float64]:
        return 0.5 - 0.5 * np.cos(np.pi * np.clip((phase - start) / duration, 0, 1))

    stroke = -ramp(0, SYSTOLE) + (1 - kick) * ramp(SYSTOLE, FILLING) + kick * ramp(1 - KICK, KICK)
    return edv * (1 + ef * stroke)


def regular(heart_rate: float, beats: float, fps: float, offset: float = 0.0, **shape: float) -> tuple[NDArray, NDArray, NDArray]:
    """``(times, curve, r_times)`` of ``beats`` regular beats; the clip begins ``offset`` of a beat after an R wave."""
    period = 60 / heart_rate
    times = np.arange(int(beats * period * fps) + 1) / fps
    r_times = (np.arange(-1, int(beats) + 3) - offset) * period
    return times, volume_curve(r_times, times, **shape), r_times
