"""How strongly each place scatters ultrasound: echogenicity in dB relative to the average myocardium."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from echoseg.simulate.heart import INNER, N_PHI, N_THETA, Array, Heart, Place, Pose, sample_table
from echoseg.simulate.options import EchoOptions


@dataclass(frozen=True)
class Look:
    """Echogenicity of one patient, dB relative to the average myocardium unless said otherwise.

    Attributes:
        blood, around, atrial, right: cavities; tissue outside the heart; atrial walls; RV free wall.
        wall_map: ``(N_THETA, N_PHI, 4)``: regional departure of the myocardium in dB, strength 0..1 of the pericardium,
            inward roughness 0..1.5, presence 0..1 of the atrial wall.
        around_map: ``(32, 32)`` departure of the surroundings over 320 mm x 320 mm.
        strands: ``(32, 64)`` departure by bundles of fibres, across the wall (rows) and along it (columns).
        structure: standard deviation of the clumps and streaks in all tissue.
        along: loss where the beam runs along the wall (backscatter of fibres is anisotropic).
        inside: loss of the wall's innermost layer, none at its outside.
        pericardium, endocardium, annulus: gain of these interfaces, most where the beam meets them squarely.
        pericardium_mm, behind_mm: thickness of the bright layer; decay length of the echoes behind it.
        edge_mm, roughness_mm: width of the transition from blood to wall; depth of trabeculae.
        papillary, leaflet: papillary muscles; valve leaflets.
        chordae: strength 0..1 of chords from the leaflets' tips to the wall.
        tendon: theta of both ends of a false tendon, and its strength 0..1.
    """

    blood: float
    around: float
    atrial: float
    right: float
    wall_map: Array
    around_map: Array
    along: float
    inside: float
    pericardium: float
    endocardium: float
    annulus: float
    pericardium_mm: float
    behind_mm: float
    edge_mm: float
    roughness_mm: float
    strands: Array
    structure: float
    papillary: float
    leaflet: float
    chordae: float
    tendon: tuple[float, float, float]


def smooth_map(rng: np.random.Generator, shape: tuple[int, int], size: tuple[int, int]) -> Array:
    """Smooth random map ``size`` of about unit variance, cubic between ``shape`` independent values."""
    coarse = rng.standard_normal(shape).astype(np.float32)
    return cv2.resize(coarse, (size[1], size[0]), interpolation=cv2.INTER_CUBIC)


def random_look(rng: np.random.Generator, options: EchoOptions) -> Look:
    """Draws a patient's echogenicity; dim lateral walls and apices are usual, invisible atrial walls too."""
    theta = np.linspace(0, np.pi, N_THETA)[:, None]
    phi = np.linspace(0, 2 * np.pi, N_PHI, endpoint=False)[None, :]
    regional = smooth_map(rng, (8, 8), (N_THETA, N_PHI)) * rng.uniform(1.5, 6.0)
    # the lateral and the anterior wall are the ones that lung and fibre direction hide
    lateral = rng.uniform(-3, 15) * np.clip(np.cos(phi - rng.normal(0.5, 0.8)), 0, 1) * (theta < 1.7)
    apex = rng.uniform(-4, 8) * np.exp(-((theta / 0.4) ** 2))
    posterior = rng.uniform(0, 1) * np.exp(-(((np.pi - theta) / 1.2) ** 2))
    beside_atrium = rng.uniform(0.2, 1.3) * np.exp(-(((theta - 2.15) / 0.45) ** 4))
    pericardium = np.clip(smooth_map(rng, (7, 8), (N_THETA, N_PHI)) * 0.6 + 0.35 + posterior - beside_atrium, 0, 1.3)
    rough = np.clip(smooth_map(rng, (30, 20), (N_THETA, N_PHI)), 0, 1.5)
    present = np.clip(smooth_map(rng, (12, 8), (N_THETA, N_PHI)) * 0.8 + rng.uniform(-0.4, 1.1), 0, 1)
    wall_map = np.stack([regional - lateral - apex, pericardium, rough, present], axis=-1).astype(np.float32)
    return Look(
        blood=-rng.uniform(*options.contrast_db),
        around=float(rng.choice([rng.uniform(-26, -10), rng.uniform(-12, 2)], p=[0.6, 0.4])),
        atrial=rng.uniform(-12, 1),
        right=rng.uniform(-10, 2),
        wall_map=np.ascontiguousarray(wall_map),
        around_map=smooth_map(rng, (10, 10), (32, 32)) * np.float32(rng.uniform(3, 9)),
        along=rng.uniform(0, 12),
        inside=rng.uniform(-3, 9),
        pericardium=rng.uniform(3, 18),
        endocardium=rng.uniform(0, 5),
        annulus=rng.uniform(0, 10),
        pericardium_mm=rng.uniform(1.5, 5.0),
        behind_mm=float(np.exp(rng.uniform(np.log(2.0), np.log(40.0)))),
        edge_mm=rng.uniform(0.5, 6.0),
        roughness_mm=float(rng.choice([rng.uniform(0, 2), rng.uniform(1.5, 5)], p=[0.6, 0.4])),
        strands=rng.standard_normal((32, 64), dtype=np.float32) * np.float32(rng.uniform(0, 5)),
        structure=rng.uniform(2.0, 6.0),
        papillary=rng.uniform(-12, 3),
        leaflet=rng.uniform(-16, 7),
        chordae=float(rng.choice([0.0, rng.uniform(0.05, 0.3)])),
        tendon=(rng.uniform(0.2, 1.0), rng.uniform(0.2, 1.2), float(rng.choice([0.0, rng.uniform(0.05, 0.25)], p=[0.8, 0.2]))),
    )


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
    fixed to the tissue.
    """
    local = sample_table(look.wall_map, place)
    regional, sheath, rough, present = (local[..., k] for k in range(4))
    distance, axial = place.distance, place.axial
    above = axial >= 0
    depth = distance - place.inner
    beyond = distance - place.outer
    # surroundings: dim or bright, brighter behind the pericardium
    db = look.around + cv2.remap(look.around_map, u / 10 + 16, v / 10 + 2, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    far = np.maximum(beyond - look.pericardium_mm, 0)
    layer = look.pericardium * sheath * (0.3 + 0.7 * square)
    db = np.maximum(db, layer - (8.7 / look.behind_mm) * far)
    # right heart
    has_right = (place.right - place.outer > 2.5) & (axial > -2)
    right_depth = distance - place.right
    db = np.where(has_right & (right_depth < 4), look.right + 0.5 * regional, db)
    right_blood = _ramp(right_depth + look.roughness_mm * (0.6 + structure), look.edge_mm) * has_right
    rx, ry, rz = heart.right_atrium
    centre_x = -(heart.length * heart.annulus / 3.4 + 6 + rx)
    ra = ((place.x - centre_x) / rx) ** 2 + (place.y / ry) ** 2 + ((place.z + 0.8 * rz) / rz) ** 2
    db = np.where((ra < 1.3) & ~above, look.atrial + 4 * (present - 1), db)
    blood = np.maximum(right_blood, _ramp((np.sqrt(ra) - 1) * rx, look.edge_mm) * ~above)
    vessel, beside = _aortas(heart, pose, place)
    db = np.where(vessel < 2, look.atrial + 3, db)
    blood = np.maximum(blood * (vessel > 2), _ramp(vessel, look.edge_mm))
    # myocardium and atrial wall
    through = np.clip(depth / np.maximum(place.outer - place.inner, 1.0), 0, 1)
    wall_db = regional - look.along * (1 - square) - look.inside * (1 - through)
    along = place.theta * np.float32(14) + np.float32(32) * (place.x < 0)
    across = through * np.float32(5)
    wall_db += cv2.remap(look.strands, along, across, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    wall_db += look.endocardium * square * np.exp(-((depth / 1.2) ** 2))
    atrial_db = look.atrial + 12 * (present - 1) + 8 * square * present - 4
    wall = (depth >= -look.edge_mm) & (beyond < 0)
    db = np.where(wall, np.where(above, wall_db, atrial_db), db)
    db += look.annulus * np.exp(-((axial / 4.0) ** 2) - ((depth - 2.5) / 3.5) ** 2)
    blood = np.where(depth < 0, 0, np.where(wall, _ramp(beside, look.edge_mm) * (axial < 5), blood))
    trabeculae = look.roughness_mm * rough * (axial > 0.15 * pose.length)
    blood = np.maximum(blood, _ramp(depth + trabeculae, look.edge_mm) * (distance < place.outer))
    db += look.structure * structure
    for theta, phi, length, radius, gap in heart.papillary:
        row, col = round(theta * (N_THETA - 1) / np.pi), round(phi * N_PHI / (2 * np.pi)) % N_PHI
        near = _capsule_distance(place, float(pose.radii[row, col, INNER]) - radius - gap, theta, phi, length * (1 - 0.2 * pose.ejected))
        muscle = _ramp(near - radius, 1.5) * above * (depth < 0)
        db = np.where(muscle > 0, look.papillary + look.structure * structure, db)
        blood = blood * (1 - muscle)
    return (db + (look.blood - db) * blood).astype(np.float32), blood


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
