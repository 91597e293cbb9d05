"""How strongly each place scatters ultrasound: echogenicity in dB relative to the average myocardium."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from echoseg.simulate.heart import INNER, N_PHI, N_THETA, Array, Heart, Place, Pose
from echoseg.simulate.options import EchoOptions


@dataclass(frozen=True)
class Look:
    """Echogenicity of one patient, dB relative to the average myocardium unless said otherwise.

    Attributes:
        blood: cavities. ``around``: tissue outside the heart. ``atrial``: atrial walls. ``right``: RV free wall.
        wall_map: ``(N_THETA, N_PHI, 3)`` regional departure of the myocardium, strength 0..1 of the pericardium, inward roughness 0..1.
        around_map: ``(32, 32)`` departure of the surroundings over 320 mm x 320 mm.
        along: loss where the beam runs along the wall (backscatter of fibres is anisotropic).
        pericardium, endocardium, annulus: gain of these interfaces where the beam meets them squarely.
        pericardium_mm: its thickness. ``roughness_mm``: depth of trabeculae. ``layers``: strength of stripes along the wall.
        papillary: papillary muscles. ``leaflet``: valve leaflets.
    """

    blood: float
    around: float
    atrial: float
    right: float
    wall_map: Array
    around_map: Array
    along: float
    pericardium: float
    endocardium: float
    annulus: float
    pericardium_mm: float
    roughness_mm: float
    layers: float
    papillary: float
    leaflet: float


def smooth_map(rng: np.random.Generator, shape: tuple[int, int], size: tuple[int, int]) -> Array:
    """Unit-variance smooth random map ``size``, cubic between ``shape`` independent values."""
    coarse = rng.standard_normal(shape).astype(np.float32)
    return cv2.resize(coarse, (size[1], size[0]), interpolation=cv2.INTER_CUBIC)


def random_look(rng: np.random.Generator, options: EchoOptions) -> Look:
    """Draws a patient's echogenicity; dim lateral walls and apices are usual."""
    regional = smooth_map(rng, (6, 8), (N_THETA, N_PHI)) * rng.uniform(1.5, 6.0)
    theta = np.linspace(0, np.pi, N_THETA)[:, None]
    phi = np.linspace(0, 2 * np.pi, N_PHI, endpoint=False)[None, :]
    lateral = rng.uniform(-2, 10) * np.clip(np.cos(phi - rng.normal(0, 0.5)), 0, 1) * (theta < 1.7)
    apex = rng.uniform(-3, 8) * np.exp(-((theta / 0.35) ** 2))
    pericardium = np.clip(smooth_map(rng, (5, 8), (N_THETA, N_PHI)) * 0.7 + 0.4, 0, 1)
    rough = np.clip(smooth_map(rng, (24, 20), (N_THETA, N_PHI)), 0, 1.5)
    wall_map = np.stack([regional - lateral - apex, pericardium, rough], axis=-1).astype(np.float32)
    return Look(
        blood=-rng.uniform(*options.contrast_db),
        around=rng.uniform(-14, 4),
        atrial=rng.uniform(-8, 4),
        right=rng.uniform(-8, 4),
        wall_map=np.ascontiguousarray(wall_map),
        around_map=smooth_map(rng, (8, 8), (32, 32)) * np.float32(rng.uniform(2, 7)),
        along=rng.uniform(0, 10),
        pericardium=rng.uniform(4, 16),
        endocardium=rng.uniform(0, 7),
        annulus=rng.uniform(2, 12),
        pericardium_mm=rng.uniform(1.5, 4.0),
        roughness_mm=rng.uniform(0, 3.5),
        layers=rng.uniform(0, 4),
        papillary=rng.uniform(-10, 3),
        leaflet=rng.uniform(2, 12),
    )


def squareness(place: Place, radius: Array, angle_step: float) -> Array:
    """Absolute cosine between the beam and the wall's normal, 0 (along the wall) .. 1 (square on), on a polar grid.

    ``radius`` ``(samples, 1)`` is the grid's distance from the beams' common origin, mm; ``angle_step`` radians between beams.
    """
    gauge = place.distance / place.inner
    down = cv2.Sobel(gauge, cv2.CV_32F, 0, 1, ksize=1) / np.float32(2 * (radius[1, 0] - radius[0, 0]))
    sideways = cv2.Sobel(gauge, cv2.CV_32F, 1, 0, ksize=1) / (np.float32(2 * angle_step) * np.maximum(radius, 2.0))
    return np.abs(down) / (cv2.magnitude(down, sideways) + 1e-9)


def _table(table: Array, place: Place) -> Array:
    return cv2.remap(
        table, place.phi * (N_PHI / (2 * np.pi)), place.theta * ((N_THETA - 1) / np.pi), cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP
    )


def echogenicity(heart: Heart, pose: Pose, look: Look, place: Place, u: Array, v: Array, square: Array) -> tuple[Array, NDArray[np.bool_]]:
    """Echogenicity in dB of located points and where there is moving blood; ``square`` from :func:`squareness`."""
    local = _table(look.wall_map, place)
    distance, axial = place.distance, place.axial
    inner = place.inner - look.roughness_mm * local[..., 2] * (axial > 0.15 * pose.length)
    above = axial >= 0
    depth = distance - inner
    through = depth / np.maximum(place.outer - inner, 1.0)

    around = cv2.remap(look.around_map, u / 10 + 16, v / 10 + 2, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    db = look.around + around
    # right ventricle and its wall
    right_depth = distance - place.right
    has_right = (place.right - place.outer > 2.5) & (axial > -2)
    db = np.where(has_right & (right_depth < 4), look.right + 0.5 * local[..., 0], db)
    blood = has_right & (right_depth < 0)
    # right atrium
    rx, ry, rz = heart.right_atrium
    centre_x = -(heart.length * heart.annulus / 3.4 + 6 + rx)
    ra = ((place.x - centre_x) / rx) ** 2 + (place.y / ry) ** 2 + ((place.z + 0.8 * rz) / rz) ** 2
    db = np.where((ra < 1.25) & ~above, look.atrial, db)
    blood |= (ra < 1) & ~above
    # left heart
    wall_db = local[..., 0] - look.along * (1 - square)
    if look.layers > 0:
        wall_db = wall_db + look.layers * np.sin(through * 9 + 2.5 * local[..., 1])
    wall_db = wall_db + look.endocardium * square * np.exp(-((depth / 1.2) ** 2))
    wall = (depth >= 0) & (distance < place.outer)
    db = np.where(wall, np.where(above, wall_db, look.atrial + 0.6 * local[..., 0]), db)
    behind = distance - place.outer
    peri = np.exp(-((behind / look.pericardium_mm - 0.6) ** 2)) * local[..., 1] * (0.25 + 0.75 * square)
    db = db + look.pericardium * np.where(~has_right, peri, 0)
    # fibrous annulus
    ring = np.exp(-((axial / 4.0) ** 2) - ((depth - 2.5) / 3.5) ** 2)
    db = db + look.annulus * ring
    inside = depth < 0
    blood = np.where(wall, False, blood | inside)
    db = np.where(blood, look.blood, db)
    for theta, phi, length, radius, gap in heart.papillary:
        wall_at = float(pose.radii[round(theta * (N_THETA - 1) / np.pi), round(phi * N_PHI / (2 * np.pi)) % N_PHI, INNER])
        near = _capsule_distance(place, wall_at, theta, phi, length * (1 - 0.2 * pose.ejected), radius, gap)
        db = np.where(inside & above & (near < radius), look.papillary, db)
    return db.astype(np.float32), blood


def _capsule_distance(place: Place, wall: float, theta: float, phi: float, length: float, radius: float, gap: float) -> Array:
    """Distance to the axis of a papillary muscle: a segment from the wall at (theta, phi) towards the annulus."""
    direction = np.array([np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)])
    px, py, pz = direction * (wall - radius - gap)
    dx, dy, dz = place.x - px, place.y - py, place.z - pz
    along = np.clip(-dz, 0, length)
    return np.sqrt(dx * dx + dy * dy + (dz + along) ** 2)
