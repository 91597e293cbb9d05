"""One heart in three dimensions: its shape at rest and how it beats.

Heart frame, mm: the origin is the centre of the mitral annulus, z points to the apex, x to the lateral wall (so the septum
lies towards -x), y to the anterior wall. Directions from the origin are the polar angle theta from z (0 apex, pi/2 annulus,
pi atrial roof) and the azimuth phi from x.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from echoseg.simulate.options import EchoOptions

Array: TypeAlias = NDArray[Any]
"""An array of float32."""


@dataclass(frozen=True)
class Heart:
    """A heart at rest and how it beats. Lengths in mm, volumes in mL, angles in radians.

    Attributes:
        edv_ml, ef: end-diastolic volume; ejection fraction in 0..1.
        length: annulus to apex at end-diastole. ``shortening``: fraction of it lost at end-systole.
        widest, annulus, bluntness: LV profile: where it is widest (0 base .. 1 apex), annulus over widest, apex exponents (2,).
        lobes: ``(K, 3)`` amplitude, angular order, phase of the cross-section's departure from a circle.
        dents: ``(K, 5)`` inward dents of the cavity: depth over radius, centre s, centre phi, width s, width phi; negative bulges.
        motion: ``(K, 5)`` regional wall motion likewise: amplitude, centre, widths; negative moves less.
        tilt: slope of the annulus plane along x and y. ``bend``: sideways shift of the apex along x and y.
        wall, wall_waves: mean wall thickness at end-diastole; ``(K, 3)`` regional thickness as ``lobes``.
        apex_wall: apical over mean wall thickness.
        atrium: LA length, width over annulus width, wall thickness. ``right``: RV width, half-span in phi, theta of its apex.
        right_atrium: RA half-axes x, y, z.
        aorta: azimuth of its root, its radius, angle by which it leaves the axis; x, y, radius of the descending aorta behind the LA.
        papillary: ``(2, 5)`` theta, phi, length, radius, gap to the wall of the papillary muscles.
        leaflets: anterior and posterior length over annulus width, tent height, open angle.
    """

    edv_ml: float
    ef: float
    length: float
    shortening: float
    widest: float
    annulus: float
    bluntness: tuple[float, float]
    lobes: Array
    dents: Array
    motion: Array
    tilt: tuple[float, float]
    bend: tuple[float, float]
    wall: float
    wall_waves: Array
    apex_wall: float
    atrium: tuple[float, float, float]
    right: tuple[float, float, float]
    right_atrium: tuple[float, float, float]
    aorta: tuple[float, float, float, float, float, float]
    papillary: Array
    leaflets: tuple[float, float, float, float]

    @property
    def esv_ml(self) -> float:
        return self.edv_ml * (1.0 - self.ef)


def _waves(rng: np.random.Generator, orders: tuple[int, ...], size: float) -> Array:
    rows = [(size * rng.standard_normal() / k, k, rng.uniform(0, 2 * np.pi)) for k in orders]
    return np.array(rows, np.float32)


def wave_sum(waves: Array, phi: Array) -> Array:
    return sum((a * np.cos(k * phi + p) for a, k, p in waves), np.zeros_like(phi))


def random_heart(rng: np.random.Generator, options: EchoOptions) -> Heart:
    """A heart drawn from healthy, dilated, hypertrophic, small and aneurysmal ones."""
    kind = rng.choice(["usual", "dilated", "hypertrophic", "small", "aneurysm"], p=[0.58, 0.17, 0.12, 0.05, 0.08])
    ef_mean, edv_mean, ratio, wall = {
        "usual": (0.57, 110.0, (1.4, 2.1), (0.11, 0.22)),
        "dilated": (0.30, 200.0, (1.2, 1.75), (0.09, 0.18)),
        "hypertrophic": (0.62, 90.0, (1.5, 2.3), (0.17, 0.30)),
        "small": (0.62, 60.0, (1.5, 2.3), (0.12, 0.24)),
        "aneurysm": (0.33, 160.0, (1.35, 1.9), (0.09, 0.17)),
    }[str(kind)]
    ef = float(np.clip(100 * (ef_mean + 0.1 * rng.standard_normal()), *options.ef)) / 100
    edv = float(np.clip(edv_mean * np.exp(0.28 * rng.standard_normal()), *options.edv_ml))
    widest, annulus = rng.uniform(0.12, 0.42), rng.uniform(0.66, 1.0)
    bluntness = (rng.uniform(1.8, 3.2), rng.uniform(1.6, 2.6))
    s = np.linspace(0, 1, 200)
    fill = np.mean(lv_profile(s.astype(np.float32), widest, annulus, bluntness) ** 2) * np.pi
    length = float((edv * 1e3 * 4 * rng.uniform(*ratio) ** 2 / fill) ** (1 / 3))
    motion = []
    if kind == "aneurysm":
        motion.append((-rng.uniform(0.7, 1.3), rng.uniform(0.7, 1.0), rng.uniform(0, 2 * np.pi), 0.3, 1.5))
    for _ in range(rng.integers(0, 3)):
        motion.append(
            (rng.uniform(-0.6, 0.3), rng.uniform(0.1, 0.9), rng.uniform(0, 2 * np.pi), rng.uniform(0.15, 0.4), rng.uniform(0.5, 1.2))
        )
    # the septal and inferior side is straight or hollow, the lateral side round, the apex points to the septum
    dents = [
        (rng.uniform(-0.05, 0.3), rng.uniform(0.2, 0.6), np.deg2rad(rng.normal(215, 30)), rng.uniform(0.12, 0.3), rng.uniform(0.6, 1.2)),
        (rng.normal(0, 0.06), rng.uniform(0.1, 0.9), rng.uniform(0, 2 * np.pi), rng.uniform(0.1, 0.25), rng.uniform(0.5, 1.2)),
    ]
    annulus_width = 2 * annulus * length / 3.4
    papillary = [
        (rng.uniform(0.35, 0.75), centre + rng.normal(0, 0.2), rng.uniform(14, 30), rng.uniform(2.5, 6), rng.uniform(0, 4))
        for centre in (np.deg2rad(60), np.deg2rad(-60))
    ]
    return Heart(
        edv_ml=edv,
        ef=ef,
        length=length,
        shortening=float(np.clip(0.03 + 0.24 * ef + 0.025 * rng.standard_normal(), 0.02, 0.26)),
        widest=widest,
        annulus=annulus,
        bluntness=bluntness,
        lobes=_waves(rng, (1, 2, 3), 0.07),
        dents=np.array(dents, np.float32),
        motion=np.array(motion, np.float32).reshape(-1, 5),
        tilt=(float(np.clip(rng.normal(0.0, 0.11), -0.4, 0.4)), float(np.clip(rng.normal(0.0, 0.12), -0.3, 0.3))),
        bend=(rng.normal(-0.08, 0.09) * length, rng.normal(-0.06, 0.08) * length),
        wall=length * rng.uniform(*wall),
        wall_waves=_waves(rng, (1, 2), 0.15),
        apex_wall=rng.uniform(0.5, 1.0),
        atrium=(length * _atrial_length(rng.uniform()), rng.uniform(0.85, 1.3), rng.uniform(1.5, 3.0)),
        right=(rng.uniform(18, 42), np.deg2rad(rng.uniform(50, 75)), np.deg2rad(rng.uniform(8, 35))),
        right_atrium=(rng.uniform(12, 24), rng.uniform(14, 24), rng.uniform(15, 28)),
        aorta=(
            np.deg2rad(rng.uniform(110, 150)),
            rng.uniform(8, 13),
            np.deg2rad(rng.uniform(15, 45)),
            rng.normal(12, 10),
            rng.normal(-5, 10),
            rng.uniform(8, 13),
        ),
        papillary=np.array(papillary, np.float32),
        leaflets=(
            annulus_width * rng.uniform(0.55, 0.72),
            annulus_width * rng.uniform(0.32, 0.48),
            rng.uniform(1, 8),
            np.deg2rad(rng.uniform(50, 85)),
        ),
    )


def _atrial_length(chance: float) -> float:
    """LA length over LV length; one atrium in seven hardly shows, as where it is collapsed, cut off, or out of the plane."""
    small = 1 / 7
    return 0.05 + 0.25 * chance / small if chance < small else 0.3 + 0.35 * (chance - small) / (1 - small)


def lv_profile(s: Array, widest: float, annulus: float, bluntness: tuple[float, float]) -> Array:
    """Relative LV radius along the axis, ``s`` 0 annulus .. 1 apex; 1 where widest."""
    base = 1 - (1 - annulus) * np.clip((widest - s) / widest, 0, 1) ** 2
    apex = np.clip(1 - np.clip((s - widest) / (1 - widest), 0, 1) ** bluntness[0], 0, 1) ** (1 / bluntness[1])
    return np.where(s < widest, base, apex).astype(np.float32)
