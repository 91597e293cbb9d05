"""Valve leaflets in the image plane: bright lines hinged at the annulus."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from echoseg.simulate.heart import Heart
from echoseg.simulate.plane import Plane
from echoseg.simulate.pose import INNER, N_PHI, N_THETA, OUTER, RIGHT, Pose

Points = NDArray[np.float64]


def hinges(heart: Heart, pose: Pose, plane: Plane) -> Points | None:
    """The two mitral hinge points in the image, ``(2, 2)`` u, v in mm, septal or inferior first.

    None where the plane misses the annulus or cuts less than 8 mm of it.
    """
    line = _annulus_line(heart, pose, plane)
    if line is None:
        return None
    uv, inside = line
    if not inside.any():
        return None
    index = np.flatnonzero(inside)
    ends = uv[[index[0], index[-1]]]
    return ends if np.linalg.norm(ends[1] - ends[0]) > 8 else None


def _annulus_line(heart: Heart, pose: Pose, plane: Plane) -> tuple[Points, NDArray[np.bool_]] | None:
    """Points every 0.5 mm along the annulus plane's trace in the image, septal side first, and which of them lie inside the annulus."""
    slope = np.array([-heart.tilt[0], -heart.tilt[1], 1.0])
    a, b = float(slope @ plane.right), float(slope @ plane.down)
    if np.hypot(a, b) < 0.3:
        return None
    origin = plane.anchor - np.array([0, 0, pose.descent])
    c = float(slope @ origin)
    foot = -c * np.array([a, b]) / (a * a + b * b)
    along = np.array([b, -a]) / np.hypot(a, b)
    if np.dot(along[0] * plane.right + along[1] * plane.down, [1, 0.5, 0]) < 0:
        along = -along
    steps = np.arange(-60, 60, 0.5)[:, None]
    local = foot + steps * along
    point = origin + local[:, :1] * plane.right + local[:, 1:] * plane.down
    phi = np.arctan2(point[:, 1], point[:, 0]) % (2 * np.pi)
    radius = np.interp(
        phi, np.arange(N_PHI + 1) * 2 * np.pi / N_PHI, np.append(pose.radii[N_THETA // 2, :, INNER], pose.radii[N_THETA // 2, 0, INNER])
    )
    return local + np.array([plane.u0, plane.v0]), np.hypot(point[:, 0], point[:, 1]) <= radius


def chords(pose: Pose, plane: Plane, tips: list[Points]) -> list[Points]:
    """Straight chords ``(6, 2)`` from the leaflets' tips, ``(2,)`` u, v each, to the nearer side wall."""
    left, right = _wall_points(pose, plane, 0.75)
    if (tips[0] - tips[1]) @ (right - left) > 0:
        left, right = right, left
    t = np.linspace(0, 1, 6)[:, None]
    return [tip + t * (wall - tip) * 0.9 for tip, wall in zip(tips, (left, right), strict=True)]


def tendon(pose: Pose, plane: Plane, theta_left: float, theta_right: float) -> list[Points]:
    """A false tendon ``(8, 2)`` across the cavity between the walls at two polar angles."""
    left, _ = _wall_points(pose, plane, theta_left)
    _, right = _wall_points(pose, plane, theta_right)
    return [left + np.linspace(0, 1, 8)[:, None] * (right - left)]


def _wall_points(pose: Pose, plane: Plane, theta: float) -> tuple[Points, Points]:
    """Image points of the endocardium at polar angle ``theta`` on both sides, tilt and bend of the heart left out."""
    points = []
    for sign in (-1, 1):
        side = sign * plane.right[:2] / max(float(np.linalg.norm(plane.right[:2])), 1e-6)
        column = round(np.arctan2(side[1], side[0]) * N_PHI / (2 * np.pi)) % N_PHI
        radius = float(pose.radii[round(theta * (N_THETA - 1) / np.pi), column, INNER])
        local = np.array([*(np.sin(theta) * side), np.cos(theta)]) * radius + [0, 0, pose.descent] - plane.anchor
        points.append(np.array([plane.u0 + local @ plane.right, plane.v0 + local @ plane.down]))
    return points[0], points[1]


def leaflets(heart: Heart, pose: Pose, plane: Plane, ends: Points) -> list[Points]:
    """Mitral leaflets as polylines ``(12, 2)`` u, v in mm, from closed (a low tent) to open (hanging into the ventricle)."""
    width = float(np.linalg.norm(ends[1] - ends[0]))
    along = (ends[1] - ends[0]) / width
    up = np.array([along[1], -along[0]])
    if up[1] > 0:
        up = -up
    share = heart.leaflets[0] / (heart.leaflets[0] + heart.leaflets[1])
    out = []
    for hinge, toward, reach in ((ends[0], along, share), (ends[1], -along, 1 - share)):
        closed_angle = np.arctan2(heart.leaflets[2], reach * width)
        angle = closed_angle + (heart.leaflets[3] - closed_angle) * pose.opening
        length = np.hypot(heart.leaflets[2], reach * width)
        t = np.linspace(0, 1, 12)[:, None]
        belly = 0.11 * np.sin(np.pi * t) * length * (0.3 + 0.7 * pose.opening)
        straight = np.cos(angle) * toward + np.sin(angle) * up
        across = -np.sin(angle) * toward + np.cos(angle) * up
        out.append(hinge + t * length * straight - belly * across * (1 if pose.opening > 0.5 else -0.5))
    return out


def aortic(heart: Heart, pose: Pose, plane: Plane) -> list[Points]:
    """Aortic cusps ``(6, 2)`` u, v in mm, closed but while the ventricle ejects; none where the plane misses the root."""
    phi, radius, lean = heart.aorta[:3]
    side = np.array([np.cos(phi), np.sin(phi), 0.0])
    ring = float(pose.radii[N_THETA // 2, round(phi * N_PHI / (2 * np.pi)) % N_PHI, INNER]) + 0.3 * radius
    onward, across = np.array([0, 0, -np.cos(lean)]) + np.sin(lean) * side, np.cos(lean) * side + np.array([0, 0, np.sin(lean)])
    centre = ring * side + np.array([0, 0, 4.0 + pose.descent]) + 10 * onward
    if abs((centre - plane.anchor) @ plane.normal) > 0.7 * radius:
        return []
    ejecting = min(pose.ejected / 0.1, (0.98 - pose.ejected) / 0.05) if pose.opening < 0.02 else 0.0
    angle = 0.2 + 1.2 * float(np.clip(ejecting, 0, 1))
    t = np.linspace(0, radius, 6)[:, None]
    cusps = [centre + s * radius * across + t * (np.sin(angle) * onward - s * np.cos(angle) * across) for s in (-1, 1)]
    axes = np.stack([plane.right, plane.down], axis=1)
    return [(cusp - plane.anchor) @ axes + [plane.u0, plane.v0] for cusp in cusps]


def tricuspid(pose: Pose, ends: Points) -> list[Points]:
    """One simple tricuspid line in the four-chamber view, beside the septal mitral hinge and a little nearer the apex."""
    along = (ends[0] - ends[1]) / np.linalg.norm(ends[1] - ends[0])
    up = np.array([along[1], -along[0]])
    if up[1] > 0:
        up = -up
    middle = N_PHI // 2
    row = N_THETA // 2
    inner, outer, right = (float(pose.radii[row, middle, k]) for k in (INNER, OUTER, RIGHT))
    start = ends[0] + along * (outer - inner) + up * 5
    width = right - outer
    if width < 8:
        return []
    t = np.linspace(0, 1, 12)[:, None]
    lift = pose.opening * 0.9
    tip = along * np.cos(lift) + up * np.sin(lift)
    far = along * np.cos(lift) * -1 + up * np.sin(lift)
    return [start + t * 0.55 * width * tip, start + along * width + t * 0.45 * width * far]
