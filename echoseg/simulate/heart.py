"""One heart in three dimensions: its shape, and its pose at a moment of the beat.

Heart frame, mm: the origin is the centre of the mitral annulus, z points to the apex, x to the lateral wall (so the septum
lies towards -x), y to the anterior wall. Surfaces are radii from the origin as a function of the polar angle theta from z
(0 apex, pi/2 annulus, pi atrial roof) and the azimuth phi from x, tabulated once per pose.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from echoseg.simulate.options import EchoOptions

Array: TypeAlias = NDArray[Any]
"""An array of float32."""

N_THETA, N_PHI, N_S = 129, 48, 160
INNER, OUTER, RIGHT = 0, 1, 2
"""Channels of the radius table: endocardium, epicardium, right-ventricular free wall."""


@dataclass(frozen=True)
class Heart:
    """A heart at rest and how it beats. Lengths in mm, volumes in mL, angles in radians.

    Attributes:
        edv_ml, ef: end-diastolic volume; ejection fraction in 0..1.
        length: annulus to apex at end-diastole. ``shortening``: fraction of it lost at end-systole.
        widest, annulus, bluntness: LV profile: where it is widest (0 base .. 1 apex), annulus over widest, apex exponents (2,).
        lobes: ``(K, 3)`` amplitude, angular order, phase of the cross-section's departure from a circle.
        motion: ``(K, 5)`` regional wall motion: amplitude, centre s, centre phi, width s, width phi; negative moves less.
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


@dataclass(frozen=True)
class Pose:
    """A heart at one moment.

    Attributes:
        length: annulus to apex, mm. ``descent``: how far the annulus has moved towards the apex since end-diastole, mm.
        radii: ``(N_THETA, N_PHI, 3)`` float32 mm, channels INNER, OUTER, RIGHT.
        ejected: 0 end-diastole .. 1 end-systole. ``opening``: mitral opening 0..1.
    """

    length: float
    descent: float
    radii: Array
    ejected: float
    opening: float


def _waves(rng: np.random.Generator, orders: tuple[int, ...], size: float) -> Array:
    rows = [(size * rng.standard_normal() / k, k, rng.uniform(0, 2 * np.pi)) for k in orders]
    return np.array(rows, np.float32)


def _wave_sum(waves: Array, phi: Array) -> Array:
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
    s = (np.arange(N_S) + 0.5) / N_S
    fill = np.mean(_profile(s.astype(np.float32), widest, annulus, bluntness) ** 2) * np.pi
    length = float((edv * 1e3 * 4 * rng.uniform(*ratio) ** 2 / fill) ** (1 / 3))
    motion = []
    if kind == "aneurysm":
        motion.append((-rng.uniform(0.7, 1.3), rng.uniform(0.7, 1.0), rng.uniform(0, 2 * np.pi), 0.3, 1.5))
    for _ in range(rng.integers(0, 3)):
        motion.append(
            (rng.uniform(-0.6, 0.3), rng.uniform(0.1, 0.9), rng.uniform(0, 2 * np.pi), rng.uniform(0.15, 0.4), rng.uniform(0.5, 1.2))
        )
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
        motion=np.array(motion, np.float32).reshape(-1, 5),
        tilt=(float(np.clip(rng.normal(0.0, 0.11), -0.4, 0.4)), float(np.clip(rng.normal(0.0, 0.12), -0.3, 0.3))),
        bend=(rng.normal(0.0, 0.06) * length, rng.normal(0.0, 0.05) * length),
        wall=length * rng.uniform(*wall),
        wall_waves=_waves(rng, (1, 2), 0.15),
        apex_wall=rng.uniform(0.5, 1.0),
        atrium=(length * rng.uniform(0.3, 0.65), rng.uniform(0.85, 1.3), rng.uniform(1.5, 3.0)),
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


def _profile(s: Array, widest: float, annulus: float, bluntness: tuple[float, float]) -> Array:
    """Relative LV radius along the axis, ``s`` 0 annulus .. 1 apex; 1 where widest."""
    base = 1 - (1 - annulus) * np.clip((widest - s) / widest, 0, 1) ** 2
    apex = np.clip(1 - np.clip((s - widest) / (1 - widest), 0, 1) ** bluntness[0], 0, 1) ** (1 / bluntness[1])
    return np.where(s < widest, base, apex).astype(np.float32)


def _relative_radius(heart: Heart, s: Array, phi: Array, ejected: float) -> Array:
    """LV radius over its scale at ``s`` x ``phi``; the scale follows from the volume."""
    radius = _profile(s, heart.widest, heart.annulus, heart.bluntness) * (1 + _wave_sum(heart.lobes, phi))
    for amount, s0, phi0, ds, dphi in heart.motion:
        away = np.cos(phi - phi0) - 1
        # a region that moves less is, at end-systole, wider than its neighbours
        radius = radius * (1 - 0.35 * heart.ef * ejected * amount * np.exp(-(((s - s0) / ds) ** 2) / 2 + away / dphi**2))
    return radius.astype(np.float32)


def _scale_for_volume(heart: Heart, length: float, relative: Array, phi: Array, volume_ml: float) -> float:
    """Radial scale in mm that gives the cavity ``volume_ml``.

    The tilted annulus shears z by ``w (1 - s)`` with ``w = tilt . (x, y)``, so a volume element is
    ``(length - w) ds dx dy``: the volume is ``length a^2 A2 - a^3 A3`` for the scale ``a``. Newton's method.
    """
    slope = heart.tilt[0] * np.cos(phi) + heart.tilt[1] * np.sin(phi)
    cell = 2 * np.pi / relative.shape[1] / relative.shape[0]
    a2 = float((relative.astype(np.float64) ** 2).sum() * cell / 2) * length
    a3 = float((slope * relative.astype(np.float64) ** 3).sum() * cell / 3)
    scale = (volume_ml * 1e3 / a2) ** 0.5
    for _ in range(4):
        scale -= (a2 * scale**2 - a3 * scale**3 - volume_ml * 1e3) / (2 * a2 * scale - 3 * a3 * scale**2)
    return scale


_S = ((np.arange(N_S, dtype=np.float32) + 0.5) / N_S)[:, None]
_PHI = np.linspace(0, 2 * np.pi, N_PHI, endpoint=False, dtype=np.float32)[None, :]
_THETA = np.linspace(0, np.pi, N_THETA, dtype=np.float32)[:, None]
# finer towards the apex, where the profile falls steeply
_S_LINE = np.sin(np.linspace(0, np.pi / 2, N_S)).astype(np.float32)[:, None]


def pose_heart(heart: Heart, ejected: float, opening: float, rest: Pose | None = None) -> Pose:
    """The heart when the part ``ejected`` (0..1) of its stroke volume has left and the mitral valve is open by ``opening`` (0..1).

    The cavity has exactly the volume ``edv - ejected * (edv - esv)``; the wall keeps its end-diastolic volume, so it thickens.
    ``rest`` is the pose at end-diastole when the caller has it (it saves time, the result is the same).
    """
    length = heart.length * (1 - heart.shortening * ejected)
    volume = heart.edv_ml - ejected * (heart.edv_ml - heart.esv_ml)
    scale = _scale_for_volume(heart, length, _relative_radius(heart, _S, _PHI, ejected), _PHI, volume)
    lv = scale * _relative_radius(heart, _S_LINE, _PHI, ejected)
    descent = heart.length - length
    la = _atrial_radius(heart, lv[0], ejected)
    inner = _to_polar(lv, length * _S_LINE[:, 0], la, heart.atrium[0] + descent)
    if ejected > 0 and rest is None:
        rest = pose_heart(heart, 0.0, 0.0)
    thickness = _wall_thickness(heart, inner, inner if rest is None else rest.radii[..., INNER])
    outer = inner + thickness
    right = outer + _right_width(heart, ejected)
    return Pose(length, descent, np.ascontiguousarray(np.stack([inner, outer, right], axis=-1), np.float32), ejected, opening)


_U = np.linspace(0, 1, 48, dtype=np.float32)[:, None]


def _atrial_radius(heart: Heart, annulus: Array, ejected: float) -> Array:
    """LA radius ``(48, N_PHI)`` from the annulus to the roof; the atrium fills while the ventricle ejects."""
    widest = annulus * heart.atrium[1] * (1 + 0.15 * ejected)
    near = annulus + (widest - annulus) * np.sin(np.pi / 2 * np.clip(_U / 0.45, 0, 1))
    far = widest * np.clip(1 - np.clip((_U - 0.45) / 0.55, 0, 1) ** 2.4, 0, 1) ** 0.5
    return np.where(_U < 0.45, near, far)


def _to_polar(lv: Array, z: Array, la: Array, la_length: float) -> Array:
    """Radius table ``(N_THETA, N_PHI)`` of the endocardium: LV for theta below pi/2, LA above."""
    line_z = np.concatenate([z[::-1], -la_length * _U[1:, 0]])
    line_rho = np.concatenate([lv[::-1], la[1:]])
    theta = np.arctan2(line_rho, line_z[:, None])
    radius = np.hypot(line_rho, line_z[:, None])
    table = np.empty((N_THETA, N_PHI), np.float32)
    for j in range(N_PHI):
        table[:, j] = np.interp(_THETA[:, 0], np.maximum.accumulate(theta[:, j]), radius[:, j])
    return table


def _wall_thickness(heart: Heart, inner: Array, rest: Array) -> Array:
    """Radial wall thickness ``(N_THETA, N_PHI)``; the wall of the ventricle is incompressible."""
    apex = heart.apex_wall + (1 - heart.apex_wall) * np.clip(_THETA / 0.5, 0, 1)
    shape = heart.wall * apex * (1 + _wave_sum(heart.wall_waves, _PHI))
    weight = np.sin(_THETA) * (np.pi / 2 > _THETA)
    target = float((((rest + shape) ** 3 - rest**3) * weight).sum())
    factor = 1.0
    for _ in range(4):
        outer = inner + factor * shape
        slope = float((3 * outer**2 * shape * weight).sum())
        factor -= (float(((outer**3 - inner**3) * weight).sum()) - target) / slope
    atrial = 1 / (1 + np.exp(-(_THETA - np.deg2rad(97)) / np.deg2rad(3)))
    return (factor * shape * (1 - atrial) + heart.atrium[2] * atrial).astype(np.float32)


def _right_width(heart: Heart, ejected: float) -> Array:
    """Width of the RV cavity beyond the septum's right side, ``(N_THETA, N_PHI)``."""
    width, span, apex = heart.right
    along = np.clip((_THETA - apex) / (np.pi / 2 - apex), 0, 1) ** 0.9 * (1 - 0.2 * np.clip(_THETA - 1.2, 0, 1))
    away = np.abs((_PHI - np.pi) / span)
    across = np.clip(1 - away**2, 0, 1)
    return (width * (1 - 0.3 * ejected) * along * across).astype(np.float32)


@dataclass(frozen=True)
class Place:
    """Where points lie in the heart, each an array of the points' shape (float32, mm and radians).

    Attributes:
        x, y, z: heart frame. ``axial``: height over the annulus plane (0 on it, length at the apex).
        distance, theta, phi: polar coordinates about the annulus centre, annulus made flat and axis made straight.
        inner, outer, right: radii of the endocardium, epicardium and RV free wall in that direction.
    """

    x: Array
    y: Array
    z: Array
    axial: Array
    distance: Array
    theta: Array
    phi: Array
    inner: Array
    outer: Array
    right: Array


def locate(heart: Heart, pose: Pose, x: Array, y: Array, z: Array) -> Place:
    """Locates points given in the heart frame (any common shape, two-dimensional, float32 mm)."""
    along = np.maximum(z / pose.length, 0) ** 2
    xi, eta = x - heart.bend[0] * along, y - heart.bend[1] * along
    w = heart.tilt[0] * xi + heart.tilt[1] * eta
    axial = pose.length * (z - w) / np.maximum(pose.length - w, 1.0)
    rho = cv2.magnitude(xi, eta)
    distance, theta = cv2.cartToPolar(axial, rho)
    phi = cv2.phase(xi, eta)
    radii = _sample(pose.radii, theta, phi)
    return Place(x, y, z, axial, distance, theta, phi, radii[..., 0], radii[..., 1], radii[..., 2])


def _sample(table: Array, theta: Array, phi: Array) -> Array:
    return cv2.remap(table, phi * (N_PHI / (2 * np.pi)), theta * ((N_THETA - 1) / np.pi), cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)


def sample_table(table: Array, place: Place) -> Array:
    """A table ``(N_THETA, N_PHI, C)`` in the directions of located points, ``(..., C)``."""
    return _sample(table, place.theta, place.phi)


def labels(heart: Heart, place: Place) -> NDArray[np.uint8]:
    """Label map of located points: 0 other, 1 LV cavity, 2 myocardium, 3 LA, 4 RV."""
    above = place.axial >= 0
    inside = place.distance < place.inner
    wall = ~inside & (place.distance < place.outer) & above
    right = ~inside & ~wall & above & (place.distance < place.right) & (place.right - place.outer > 2.5)
    out = np.zeros(place.x.shape, np.uint8)
    out[right] = 4
    out[inside & ~above] = 3
    out[wall] = 2
    out[inside & above] = 1
    return out
