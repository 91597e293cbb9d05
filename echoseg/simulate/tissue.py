"""How strongly each place scatters ultrasound: echogenicity in dB relative to the average myocardium."""

from __future__ import annotations

import cv2
import numpy as np

from echoseg.simulate.heart import Array, Heart
from echoseg.simulate.look import Look
from echoseg.simulate.pose import INNER, N_PHI, N_THETA, Place, Pose, sample_table


def squareness(place: Place, radius: Array, angle_step: float) -> Array:
    """Absolute cosine between the beam and the wall's normal, 0 (along the wall) .. 1 (square on), on a polar grid.

    ``radius`` ``(samples, 1)`` is the grid's distance from the beams' common origin, mm; ``angle_step`` radians between beams.
    """
    gauge = place.distance / place.inner
    down = cv2.Sobel(gauge, cv2.CV_32F, 0, 1, ksize=1) / np.float32(2 * (radius[1, 0] - radius[0, 0]))
    sideways = cv2.Sobel(gauge, cv2.CV_32F, 1, 0, ksize=1) / (np.float32(2 * angle_step) * np.maximum(radius, 2.0))
    return np.abs(down) / (cv2.magnitude(down, sideways) + 1e-9)


def echogenicity(
    heart: Heart, pose: Pose, look: Look, place: Place, u: Array, v: Array, square: Array, structure: Array
) -> tuple[Array, Array]:
    """Echogenicity in dB of located points, and the share 0..1 of moving blood in each.

    ``u``, ``v`` are material image coordinates in mm, ``square`` comes from :func:`squareness`, ``structure`` is a unit-variance field
    fixed to the tissue. Later parts of the heart cover earlier ones: surroundings, right heart, vessels, left heart, papillary muscles.
    """
    regional, sheath, rough, present = np.moveaxis(sample_table(look.wall_map, place), -1, 0)
    db = np.maximum(_surroundings(look, place, u, v, sheath, square), _backdrop(heart, look, place))
    db, blood = _right_heart(heart, look, place, db, regional, present, structure)
    vessel, root = _aortas(heart, pose, place)
    db = np.where(vessel < 2, look.atrial + 3, db)
    blood = np.maximum(blood * (vessel > 2), _ramp(vessel, look.edge_mm))

    depth, beyond, axial = place.distance - place.inner, place.distance - place.outer, place.axial
    wall = (depth >= -look.edge_mm) & (beyond < 0)
    atrial = look.atrial + 12 * (present - 1) + 8 * square * present - 4
    db = np.where(wall, np.where(axial >= 0, _myocardium(look, place, regional, square), atrial), db)
    db += look.annulus * np.exp(-((axial / 4.0) ** 2) - ((depth - 2.5) / 3.5) ** 2)
    # the root leaves through the wall; the left heart's own blood reaches between its trabeculae
    blood = np.where(depth < 0, 0, np.where(wall, _ramp(root, look.edge_mm) * (axial < 5), blood))
    trabeculae = look.roughness_mm * rough * (axial > 0.15 * pose.length)
    blood = np.maximum(blood, _ramp(depth + trabeculae, look.edge_mm) * (beyond < 0))
    db += look.structure * structure

    muscle = _papillary(heart, pose, place) * ((axial >= 0) & (depth < 0))
    db = np.where(muscle > 0, look.papillary + look.structure * structure, db)
    blood = blood * (1 - muscle)
    return (db + (look.blood - db) * blood).astype(np.float32), blood


def _surroundings(look: Look, place: Place, u: Array, v: Array, sheath: Array, square: Array) -> Array:
    """Tissue outside the heart, dim or bright by place, brightest in the pericardium and fading behind it."""
    db = look.around + cv2.remap(look.around_map, u / 10 + 16, v / 10 + 2, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    behind = np.maximum(place.distance - place.outer - look.pericardium_mm, 0)
    return np.maximum(db, look.pericardium * sheath * (0.3 + 0.7 * square) - (8.7 / look.behind_mm) * behind)


def _backdrop(heart: Heart, look: Look, place: Place) -> Array | np.float32:
    """The broad bright band across the far field, below the atria."""
    level, gap, half, middle, reach = look.backdrop
    if level < -90:
        return np.float32(level)
    lateral = (place.x - np.float32(middle)) / np.float32(reach)
    depth = (-place.z - np.float32(heart.atrium[0] + gap) - np.float32(8) * (1 - lateral * lateral)) / np.float32(half)
    return np.float32(level) - np.float32(6) * depth * depth - np.float32(10) * np.maximum(np.abs(lateral) - 1, 0)


def _right_heart(
    heart: Heart, look: Look, place: Place, db: Array, regional: Array, present: Array, structure: Array
) -> tuple[Array, Array]:
    """``db`` with the walls of the right ventricle and atrium, and their share of blood."""
    ventricle = (place.right - place.outer > 2.5) & (place.axial > -2)
    depth = place.distance - place.right
    db = np.where(ventricle & (depth < 4), look.right + 0.5 * regional, db)
    blood = _ramp(depth + look.roughness_mm * (0.6 + structure), look.edge_mm) * ventricle
    rx, ry, rz = heart.right_atrium
    centre_x = -(heart.length * heart.annulus / 3.4 + 6 + rx)
    gauge = ((place.x - centre_x) / rx) ** 2 + (place.y / ry) ** 2 + ((place.z + 0.8 * rz) / rz) ** 2
    below = place.axial < 0
    db = np.where((gauge < 1.3) & below, look.atrial + 4 * (present - 1), db)
    return db, np.maximum(blood, _ramp((np.sqrt(gauge) - 1) * rx, look.edge_mm) * below)


def _myocardium(look: Look, place: Place, regional: Array, square: Array) -> Array:
    """The LV wall: regional, dim along the beam and inside, with bundles of fibres and a thin bright endocardium."""
    depth = place.distance - place.inner
    through = np.clip(depth / np.maximum(place.outer - place.inner, 1.0), 0, 1)
    db = regional - look.along * (1 - square) - look.inside * (1 - through)
    along = place.theta * np.float32(14) + np.float32(32) * (place.x < 0)
    db += cv2.remap(look.strands, along, through * np.float32(5), cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    return db + look.endocardium * square * np.exp(-((depth / 1.2) ** 2))


def _papillary(heart: Heart, pose: Pose, place: Place) -> Array:
    """Share 0..1 of papillary muscle."""
    share = np.zeros_like(place.x)
    for theta, phi, length, radius, gap in heart.papillary:
        row, col = round(theta * (N_THETA - 1) / np.pi), round(phi * N_PHI / (2 * np.pi)) % N_PHI
        start = float(pose.radii[row, col, INNER]) - radius - gap
        near = _capsule_distance(place, start, theta, phi, length * (1 - 0.2 * pose.ejected))
        share = np.maximum(share, _ramp(near - radius, 1.5))
    return share


def _ramp(depth: Array, width: float) -> Array:
    """1 where ``depth`` is well below 0, 0 where well above, linear over ``width`` mm."""
    return np.clip(0.5 - depth / np.float32(width), 0, 1)


def _aortas(heart: Heart, pose: Pose, place: Place) -> tuple[Array, Array]:
    """Distance in mm to the nearer of both aortas' inner surfaces, and to that of the root alone; negative inside."""
    phi, radius, lean, x, y, far_radius = heart.aorta
    ring = float(pose.radii[N_THETA // 2, round(phi * N_PHI / (2 * np.pi)) % N_PHI, INNER]) + 0.3 * radius
    side = np.float32(np.cos(phi)), np.float32(np.sin(phi))
    dx, dy, dz = place.x - ring * side[0], place.y - ring * side[1], place.z - np.float32(4)
    s, c = np.float32(np.sin(lean)), np.float32(np.cos(lean))
    along = np.clip(s * (dx * side[0] + dy * side[1]) - c * dz, 0, 60)
    root = np.sqrt((dx - along * s * side[0]) ** 2 + (dy - along * s * side[1]) ** 2 + (dz + along * c) ** 2) - np.float32(radius)
    behind = np.float32(heart.atrium[0] + far_radius + 4)
    descending = np.sqrt((place.x - np.float32(x)) ** 2 + (place.z + pose.descent + behind) ** 2 + 0.1 * (place.y - np.float32(y)) ** 2)
    return np.minimum(root, descending - np.float32(far_radius)), root


def _capsule_distance(place: Place, start: float, theta: float, phi: float, length: float) -> Array:
    """Distance to the axis of a papillary muscle: a segment from ``start`` mm out at (theta, phi) straight towards the annulus plane."""
    dx = place.x - start * np.float32(np.sin(theta) * np.cos(phi))
    dy = place.y - start * np.float32(np.sin(theta) * np.sin(phi))
    dz = place.z - start * np.float32(np.cos(theta))
    along = np.clip(-dz, 0, np.float32(length))
    return np.sqrt(dx * dx + dy * dy + (dz + along) ** 2)
