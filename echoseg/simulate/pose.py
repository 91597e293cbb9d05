"""The heart at one moment of the beat: surfaces tabulated by direction, and where points lie among them.

Surfaces are radii from the centre of the mitral annulus as a function of theta and phi (see :mod:`echoseg.simulate.heart`).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from echoseg.simulate.heart import Array, Heart, lv_profile, wave_sum

N_THETA, N_PHI = 129, 48
INNER, OUTER, RIGHT = 0, 1, 2
"""Channels of the radius table: endocardium, epicardium, right-ventricular free wall."""

_N_S = 160
_S = ((np.arange(_N_S, dtype=np.float32) + 0.5) / _N_S)[:, None]
_PHI = np.linspace(0, 2 * np.pi, N_PHI, endpoint=False, dtype=np.float32)[None, :]
_THETA = np.linspace(0, np.pi, N_THETA, dtype=np.float32)[:, None]
# finer towards the apex, where the profile falls steeply
_S_LINE = np.sin(np.linspace(0, np.pi / 2, _N_S)).astype(np.float32)[:, None]
# along the atrium, annulus to roof
_U = np.linspace(0, 1, 48, dtype=np.float32)[:, None]


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


def _relative_radius(heart: Heart, s: Array, phi: Array, ejected: float) -> Array:
    """LV radius over its scale at ``s`` x ``phi``; the scale follows from the volume."""
    radius = lv_profile(s, heart.widest, heart.annulus, heart.bluntness) * (1 + wave_sum(heart.lobes, phi))
    for depth, *where in heart.dents:
        radius = radius * (1 - depth * _patch(s, phi, *where))
    for amount, *where in heart.motion:
        # a region that moves less is, at end-systole, wider than its neighbours
        radius = radius * (1 - 0.35 * heart.ef * ejected * amount * _patch(s, phi, *where))
    return radius.astype(np.float32)


def _patch(s: Array, phi: Array, s0: float, phi0: float, ds: float, dphi: float) -> Array:
    """A smooth patch of the wall, 1 in its centre."""
    return np.exp(-(((s - s0) / ds) ** 2) / 2 + (np.cos(phi - phi0) - 1) / dphi**2)


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


def pose_heart(heart: Heart, ejected: float, opening: float, rest: Pose | None = None) -> Pose:
    """The heart when the part ``ejected`` (0..1) of its stroke volume has left and the mitral valve is open by ``opening`` (0..1).

    The cavity has exactly the volume ``edv - ejected * (edv - esv)``; the wall keeps its end-diastolic volume, so it thickens.
    ``rest`` is the pose at end-diastole when the caller has it (it saves time, the result is the same).
    """
    ejected, opening = float(ejected), float(opening)  # a float64 scalar would turn the float32 grids into float64
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
    shape = heart.wall * apex * (1 + wave_sum(heart.wall_waves, _PHI))
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
