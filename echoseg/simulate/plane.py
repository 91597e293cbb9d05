"""Where the image plane cuts the heart: apical views, the short axis, tilt, foreshortening, drift."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echoseg.simulate.heart import Array, Heart
from echoseg.simulate.options import EchoOptions, SimulationError

Vector = NDArray[np.float64]

# azimuth range, degrees, of the wall that the usual display shows on the right
_AZIMUTH = {"A4C": (-12.0, 12.0), "A2C": (55.0, 90.0), "A3C": (108.0, 138.0), "PSAX": (-15.0, 15.0)}


@dataclass(frozen=True)
class Plane:
    """An image plane. Image coordinates ``(u, v)`` in mm: u to the right, v away from the probe, (0, 0) the middle of the probe face.

    Attributes:
        anchor: ``(3,)`` point of the heart frame (annulus at end-diastole) that lies at ``(u0, v0)``.
        right, down: ``(3,)`` unit vectors of the heart frame along u and v.
        u0, v0: image coordinates of the anchor.
    """

    anchor: Vector
    right: Vector
    down: Vector
    u0: float
    v0: float

    def to_heart(self, u: Array, v: Array, descent: float) -> tuple[Array, Array, Array]:
        """Heart-frame x, y, z (float32 mm) of image points when the annulus has moved ``descent`` mm towards the apex."""
        du, dv = u - np.float32(self.u0), v - np.float32(self.v0)
        x, y, z = (np.float32(self.anchor[i]) + np.float32(self.right[i]) * du + np.float32(self.down[i]) * dv for i in range(3))
        return x, y, z - np.float32(descent)

    @property
    def normal(self) -> Vector:
        return np.cross(self.right, self.down)


def random_plane(rng: np.random.Generator, heart: Heart, view: str, options: EchoOptions) -> Plane:
    """A plane for ``view``, aimed as people aim: a little beside the axis, tilted, sometimes badly foreshortened.

    Raises:
        SimulationError: an unknown view.
    """
    if view not in _AZIMUTH:
        raise SimulationError(f"unknown view {view!r}; there are {', '.join(_AZIMUTH)}")
    azimuth = np.deg2rad(rng.uniform(*_AZIMUTH[view]))
    across = np.array([np.cos(azimuth), np.sin(azimuth), 0.0])
    normal = np.array([-np.sin(azimuth), np.cos(azimuth), 0.0])
    axis = np.array([0.0, 0.0, -1.0])
    tilt = np.deg2rad(np.clip(rng.normal(4.0, 9.0), *options.tilt_deg))  # the apex lies towards the septum
    if view == "PSAX":
        level = heart.length * rng.uniform(0.3, 0.7)
        return Plane(np.array([0.0, 0.0, level]), *_rotate(across, -normal, tilt), rng.normal(0, 6), rng.uniform(45, 75))
    low, high = options.foreshortening_deg
    angle = np.deg2rad(np.clip(low + abs(rng.normal(0.0, 5.0)), low, high)) * rng.choice([-1, 1])
    axis = np.cos(angle) * axis + np.sin(angle) * normal
    # now and then towards the front, where the aortic root comes into view
    front = heart.length * heart.annulus / 3.4 * rng.uniform(0.3, 0.65)
    anchor = normal * (front if view == "A4C" and rng.random() < 0.12 else rng.normal(0.0, 2.0))
    right, down = _rotate(across, axis, tilt)
    near = heart.wall * heart.apex_wall + rng.choice([rng.uniform(-8, 4), rng.uniform(2, 22)], p=[0.15, 0.85])
    v0 = near + heart.length * np.cos(angle) * np.cos(tilt)
    u0 = rng.normal(0.0, 7.0) + 0.65 * heart.length * np.sin(tilt)
    if rng.random() < options.mirrored:
        right, u0 = -right, -u0
    return Plane(anchor, right, down, u0, v0)


def _rotate(across: Vector, axis: Vector, tilt: float) -> tuple[Vector, Vector]:
    """Image axes (right, down) when the long axis leans by ``tilt`` to the right going down."""
    return np.cos(tilt) * across + np.sin(tilt) * axis, -np.sin(tilt) * across + np.cos(tilt) * axis


@dataclass(frozen=True)
class Drift:
    """Slow motion of the probe and of the heart with breathing and twist, as a function of time and ejection.

    Attributes:
        shift: ``(3,)`` amplitude in mm along u, v and through the plane. ``period``, ``phase``: s and radians.
        through: mm that the heart slides through the plane from end-diastole to end-systole.
        twist: radians that it turns about its axis meanwhile. ``rock``: radians of in-plane rocking.
        sway: radians that the probe tilts out of the plane with breathing; the far end of the picture changes most.
    """

    shift: Vector
    period: float
    phase: Vector
    through: float
    twist: float
    rock: float
    sway: float


def random_drift(rng: np.random.Generator, options: EchoOptions) -> Drift:
    """A drift as it is usual; a large sway is rare."""
    shift = rng.normal(0, 1, 3)
    low, high = options.sway_deg
    sway = np.deg2rad(np.clip(low + 2 * abs(shift[2]) ** 3, low, high)) * np.sign(shift[2])
    return Drift(
        shift * np.array([1.5, 1.5, 1.0]),
        rng.uniform(2.5, 6.0),
        rng.uniform(0, 2 * np.pi, 3),
        rng.normal(0, 1.5),
        np.deg2rad(rng.normal(0, 5)),
        np.deg2rad(rng.normal(0, 2)),
        float(sway),
    )


def moved(plane: Plane, drift: Drift, time: float, ejected: float) -> Plane:
    """The plane at ``time`` s, when ``ejected`` (0..1) of the stroke volume has left."""
    du, dv, dn = drift.shift * np.sin(2 * np.pi * time / drift.period + drift.phase)
    c, s = np.cos(drift.twist * ejected), np.sin(drift.twist * ejected)
    about_z = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    right, down = about_z @ plane.right, about_z @ plane.down
    anchor = about_z @ plane.anchor + plane.normal * (dn + drift.through * ejected)
    # the probe's tip stays where it is
    sway = drift.sway * np.sin(2 * np.pi * time / drift.period + drift.phase[2])
    tilted = np.cos(sway) * down + np.sin(sway) * np.cross(right, down)
    anchor, down = anchor + plane.v0 * (tilted - down), tilted
    angle = drift.rock * ejected
    right, down = np.cos(angle) * right + np.sin(angle) * down, -np.sin(angle) * right + np.cos(angle) * down
    return Plane(anchor, right, down, plane.u0 + du, plane.v0 + dv)
