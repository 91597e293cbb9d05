"""One patient's echogenicity: how bright each tissue is, drawn once per clip."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from echoseg.simulate.heart import Array
from echoseg.simulate.options import EchoOptions
from echoseg.simulate.pose import N_PHI, N_THETA


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
        leaflet_mm: thickness of leaflets drawn as speckled tissue; 0 draws them as clean thin lines.
        backdrop: echo of what lies behind the heart (pericardium, spine, lung) in dB, its distance beyond the left atrium and its
            half-thickness in mm, the azimuthal middle and half-width of what is seen of it in mm; -99 dB for none.
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
    leaflet_mm: float
    backdrop: tuple[float, float, float, float, float]
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
    side = np.clip(np.cos(phi - rng.normal(0.5, 0.8)), 0, 1) * (theta < 1.7)
    hidden = rng.uniform(-3, 15)
    apex = rng.uniform(-4, 8) * np.exp(-((theta / 0.4) ** 2))
    veil = rng.uniform(0, 1) * (hidden > 5)  # what hides the wall often hides the pericardium behind it
    posterior = rng.uniform(0, 1) * np.exp(-(((np.pi - theta) / 1.2) ** 2))
    beside_atrium = rng.uniform(0.2, 1.3) * np.exp(-(((theta - 2.15) / 0.45) ** 4))
    pericardium = np.clip(smooth_map(rng, (7, 8), (N_THETA, N_PHI)) * 0.6 + 0.35 + posterior - beside_atrium - veil * side, 0, 1.3)
    rough = np.clip(smooth_map(rng, (30, 20), (N_THETA, N_PHI)), 0, 1.5)
    present = np.clip(smooth_map(rng, (12, 8), (N_THETA, N_PHI)) * 0.8 + rng.uniform(-0.4, 1.1), 0, 1)
    wall_map = np.stack([regional - hidden * side - apex, pericardium, rough, present], axis=-1).astype(np.float32)
    body, back = rng.spawn(2)
    return Look(
        blood=-rng.uniform(*options.contrast_db),
        around=float(rng.choice([rng.uniform(-26, -10), rng.uniform(-12, 5)], p=[0.5, 0.5])),
        atrial=rng.uniform(-12, 1),
        right=rng.uniform(-10, 2),
        wall_map=np.ascontiguousarray(wall_map),
        around_map=smooth_map(rng, (10, 10), (32, 32)) * np.float32(rng.uniform(3, 9)),
        along=rng.uniform(0, 12),
        inside=rng.uniform(-3, 5),
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
        leaflet_mm=float(body.choice([0.0, body.uniform(0.6, 2.6)], p=[0.3, 0.7])),
        backdrop=(
            float(back.choice([-99.0, back.uniform(2, 16)], p=[0.35, 0.65])),
            back.uniform(-6, 10),
            back.uniform(3, 9),
            back.normal(0, 20),
            back.uniform(25, 80),
        ),
        chordae=float(rng.choice([0.0, rng.uniform(0.05, 0.3)])),
        tendon=(rng.uniform(0.2, 1.0), rng.uniform(0.2, 1.2), float(rng.choice([0.0, rng.uniform(0.05, 0.25)], p=[0.8, 0.2]))),
    )
