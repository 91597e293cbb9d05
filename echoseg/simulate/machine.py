"""The scanner and its settings: resolution, gain over the picture, clutter, noise, grey map; drawn once per clip."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from echoseg.simulate.heart import Array
from echoseg.simulate.look import smooth_map
from echoseg.simulate.options import EchoOptions
from echoseg.simulate.scan import Sector


@dataclass(frozen=True)
class Machine:
    """The scanner and its settings for one clip. Fields over the polar grid are ``(samples, beams)``.

    Attributes:
        pool: ``(samples, beams, 4)`` two complex scatterer fields, indexed by material position.
        structure: unit-variance clumps and streaks, indexed likewise.
        clutter_pool: ``(samples, beams, 2)`` scatterers that stay with the probe.
        blur: sigma along the beam in samples, across in beams.
        beam_db: gain in dB: shadows, attenuation, TGC error.
        clutter: linear amplitude of haze and reverberation.
        noise: ``(samples, 1)`` linear amplitude of electronic noise.
        compounding: averaging of the echo's power, in units of ``blur``.
        side_lobe: linear amplitude, width in beams.
        decorrelation: radians per second at which tissue speckle changes.
        churn, stay: share 0..1 of tissue's scatterers that are new in every frame; share of the clutter's that are not.
        dynamic_range: of the log compression, dB.
        white, black: grey of the brightest echoes (above 1 saturates); highest grey of the weakest.
        gamma, floor: of the grey map; reject level 0..1.
        smooth: sigma of speckle reduction, samples.
        persistence: weight 0..1 of the frame before.
    """

    pool: Array
    structure: Array
    clutter_pool: Array
    blur: tuple[float, float]
    beam_db: Array
    clutter: Array
    noise: Array
    compounding: float
    side_lobe: tuple[float, int]
    decorrelation: float
    churn: float
    stay: float
    dynamic_range: float
    white: float
    black: float
    gamma: float
    floor: float
    smooth: float
    persistence: float


def random_machine(rng: np.random.Generator, sector: Sector, options: EchoOptions) -> Machine:
    """Draws a scanner: resolution, clutter, shadows, noise, gain and grey map."""
    shape = (sector.samples, sector.beams)
    mm_per_sample = sector.depth / (sector.samples - 1)
    beams_per_degree = (sector.beams - 1) / np.rad2deg(2 * sector.half)
    # drawing normal deviates is the dearest step: flipped and rolled copies of one field are as good as independent ones
    field = rng.standard_normal((*shape, 2), dtype=np.float32)
    return Machine(
        pool=np.concatenate([field, np.roll(field, (shape[0] // 3, shape[1] // 2), axis=(0, 1))], axis=-1),
        structure=_structure(rng, field[::-1], 1 / mm_per_sample, beams_per_degree),
        clutter_pool=np.ascontiguousarray(field[:, ::-1]),
        blur=(rng.uniform(0.25, 0.65) / mm_per_sample, rng.uniform(0.25, 0.95) * beams_per_degree),
        beam_db=_beam_gain(rng, sector),
        clutter=_clutter(rng, sector),
        noise=linear(rng.uniform(-50, -20) + rng.uniform(0, 16) * np.linspace(0, 1, sector.samples, dtype=np.float32)[:, None] ** 2),
        compounding=float(rng.choice([0.0, rng.uniform(0.3, 1.3)], p=[0.12, 0.88])),
        side_lobe=(float(10 ** (rng.uniform(-40, -18) / 20)), int(rng.integers(9, 41))),
        decorrelation=rng.uniform(0, 5),
        churn=rng.uniform(0.05, 0.4),
        stay=rng.uniform(0.1, 0.9),
        dynamic_range=rng.uniform(*options.dynamic_range_db),
        white=rng.uniform(0.5, 1.35),
        black=float(rng.choice([rng.uniform(0.0, 0.2), rng.uniform(0.1, 0.45)], p=[0.7, 0.3])),
        gamma=float(np.exp(rng.normal(0, 0.2))),
        floor=rng.uniform(0, 0.08),
        smooth=float(rng.choice([0.0, rng.uniform(0.4, 1.8)])),
        persistence=float(rng.choice([0.0, rng.uniform(0.1, 0.5)])),
    )


def _structure(rng: np.random.Generator, field: Array, per_mm: float, per_degree: float) -> Array:
    """Clumps of two sizes, wider across the beams than along them, from white noise ``field`` ``(samples, beams, 2)``."""
    fine = (rng.uniform(0.5, 2.0), rng.uniform(0.5, 3.0), 1.0)
    coarse = (rng.uniform(2, 6), rng.uniform(2, 8), rng.uniform(0.3, 1.2))
    out = np.zeros(field.shape[:2], np.float32)
    for k, (along_mm, across_degrees, weight) in enumerate((fine, coarse)):
        sigma = (max(along_mm * per_mm, 0.5), max(across_degrees * per_degree, 0.5))
        layer = cv2.GaussianBlur(np.ascontiguousarray(field[..., k]), (0, 0), sigmaX=sigma[1], sigmaY=sigma[0])
        out += weight * layer / (layer.std() + 1e-6)
    # echoes clump: few strong ones among many weak ones
    out = np.exp(np.float32(rng.uniform(0.2, 0.7)) * out / out.std())
    return (out - out.mean()) / out.std()


def _beam_gain(rng: np.random.Generator, sector: Sector) -> Array:
    """Gain in dB over the grid: attenuation, wrong TGC, poor contact, ribs, lung."""
    shape = (sector.samples, sector.beams)
    r = np.linspace(0, 1, sector.samples, dtype=np.float32)[:, None]
    b = np.linspace(-1, 1, sector.beams, dtype=np.float32)[None, :]
    gain = smooth_map(rng, (5, 7), shape) * rng.uniform(0, 3.5)
    gain -= rng.uniform(-3, 10) * r**2
    gain += rng.uniform(-4, 4) * np.sin(rng.uniform(0, 6) + rng.uniform(1, 5) * r)
    if rng.random() < 0.5:  # poor contact at one edge or both
        for side in (-1, 1):
            if rng.random() < 0.6:
                gain -= rng.uniform(5, 25) * np.clip((side * b - rng.uniform(0.3, 0.8)) / rng.uniform(0.1, 0.5), 0, 1)
    for _ in range(rng.choice([0, 1, 2], p=[0.5, 0.35, 0.15])):  # ribs and lung
        centre, width, start = rng.uniform(-0.95, 0.95), rng.uniform(0.03, 0.18), rng.uniform(0, 0.4)
        gain -= rng.uniform(4, 22) * np.exp(-(((b - centre) / width) ** 2)) * np.clip((r - start) / 0.1, 0, 1)
    # beams differ a little in contact: faint radial streaks
    gain += cv2.GaussianBlur(rng.standard_normal((1, sector.beams), dtype=np.float32), (0, 0), 1.2) * np.float32(rng.uniform(0, 3))
    return gain.astype(np.float32)


def _clutter(rng: np.random.Generator, sector: Sector) -> Array:
    """Linear amplitude of echoes that do not move with the heart: near-field haze, reverberation, diffuse haze, main bang."""
    shape = (sector.samples, sector.beams)
    mm = np.linspace(0, sector.depth, sector.samples, dtype=np.float32)[:, None]
    near = rng.uniform(-14, 4) - mm / rng.uniform(3, 14) * 4
    near = near + rng.uniform(0, 6) * np.sin(2 * np.pi * mm / rng.uniform(3, 9)) + smooth_map(rng, (6, 5), shape) * 2
    haze = rng.uniform(-42, -15) + smooth_map(rng, (6, 6), shape) * rng.uniform(2, 7) + rng.uniform(-8, 12) * mm / sector.depth
    bang = rng.uniform(0, 12) - mm / rng.uniform(0.3, 1.2)
    return (linear(near) + linear(haze) + linear(bang)).astype(np.float32)


def linear(db: Array | float) -> Array:
    """Amplitude of a level in dB, float32."""
    return np.exp(np.float32(np.log(10) / 20) * np.asarray(db, np.float32))
