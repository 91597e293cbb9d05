"""Time course of heart beats: how much of the stroke volume has left the ventricle, and how far the mitral valve is open."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Cycle:
    """Consecutive beats.

    Attributes:
        r_times: ``(N + 1,)`` seconds of the R waves (end-diastoles); beat ``i`` lasts from ``r_times[i]`` to ``r_times[i + 1]``.
        es_times: ``(N,)`` seconds of end-systole.
        knots: ``(K,)`` seconds at which ``ejected_at`` and ``opening_at`` are given; monotone interpolation between.
        ejected_at: ``(K,)`` ejected part of the stroke volume, 0 at end-diastole, 1 at end-systole.
        opening_at: ``(K,)`` mitral opening, 0 closed, 1 wide open.
    """

    r_times: Floats
    es_times: Floats
    knots: Floats
    ejected_at: Floats
    opening_at: Floats


def random_cycle(rng: np.random.Generator, heart_rate: float, duration: float) -> Cycle:
    """Beats covering ``[-1, duration + 1]`` seconds and more, regular or (one in eight) as in atrial fibrillation.

    Systole lasts ``0.546 - 0.0021 * rate`` seconds (electromechanical systole, Weissler et al., Circulation 1968) within 25 %;
    filling is early, a pause, and the atrial kick, which fibrillation lacks. A fast heart has no pause.
    """
    fibrillation = rng.random() < 0.125
    irregular = rng.uniform(0.08, 0.2) if fibrillation else rng.uniform(0.0, 0.03)
    systole_factor = rng.uniform(0.8, 1.2)
    kick = 0.0 if fibrillation else rng.uniform(0.1, 0.35)
    ivc, ivr = rng.uniform(0.02, 0.06), rng.uniform(0.04, 0.1)
    filling = rng.uniform(0.12, 0.2)
    mid_ejection = rng.uniform(0.5, 0.68)
    pause_opening = rng.uniform(0.1, 0.5)

    r_times, es_times = [-2.0 - rng.uniform(0, 60 / heart_rate)], []
    knots: list[float] = []
    ejected: list[float] = []
    opening: list[float] = []
    while r_times[-1] < duration + 1.0:
        period = 60 / heart_rate * (1 + irregular * float(np.clip(rng.standard_normal(), -2, 2)))
        systole = float(np.clip((0.546 - 0.0021 * heart_rate) * systole_factor, 0.25 * period, 0.55 * period))
        diastole = period - systole
        relax, rapid = min(ivr, 0.15 * diastole), min(filling, 0.35 * diastole)
        kick_length = min(0.14, 0.3 * diastole)
        start, es = r_times[-1], r_times[-1] + systole
        end = start + period
        knots += [start, start + ivc, start + ivc + 0.45 * (systole - ivc), es, es + relax, es + relax + rapid, end - kick_length]
        ejected += [0.0, 0.01, mid_ejection, 1.0, 0.985, kick + 0.06, kick]
        opening += [0.25, 0.0, 0.0, 0.0, 0.0, pause_opening, pause_opening]
        # the valve is widest in mid-filling and again during the kick
        knots += [es + relax + 0.45 * rapid, end - 0.5 * kick_length]
        ejected += [0.55 + 0.45 * kick, 0.45 * kick]
        opening += [1.0, 0.85 if kick else pause_opening]
        r_times.append(end)
        es_times.append(es)
    knots.append(r_times[-1])
    ejected.append(0.0)
    opening.append(0.25)
    order = np.argsort(knots)
    return Cycle(np.array(r_times), np.array(es_times), np.array(knots)[order], np.array(ejected)[order], np.array(opening)[order])


def ejected(cycle: Cycle, times: Floats) -> Floats:
    """Ejected part of the stroke volume at ``times`` ``(T,)`` s, in 0..1."""
    return np.clip(PchipInterpolator(cycle.knots, cycle.ejected_at)(times), 0.0, 1.0)


def mitral_opening(cycle: Cycle, times: Floats) -> Floats:
    """Mitral opening at ``times`` ``(T,)`` s, 0 closed .. 1 wide open."""
    return np.clip(PchipInterpolator(cycle.knots, cycle.opening_at)(times), 0.0, 1.0)
