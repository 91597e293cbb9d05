"""From echogenicity to a grey polar picture: speckle, blur, clutter, shadows, gain, log compression."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from echoseg.simulate.heart import Array
from echoseg.simulate.options import EchoOptions
from echoseg.simulate.scan import Sector
from echoseg.simulate.tissue import smooth_map

POOL = 384
"""Side of the square of scatterers, in cells of ``CELL_MM``; it repeats beyond."""
CELL_MM = 0.5


@dataclass(frozen=True)
class Machine:
    """The scanner and its settings for one clip. Gains in dB are relative to the average myocardium.

    Attributes:
        pool: ``(POOL, POOL, 4)`` two complex scatterer fields. ``clutter_pool``: ``(samples, beams, 2)`` scatterers that stay with the probe.
        blur: sigma along the beam in samples, across in beams.
        beam_db: ``(samples, beams)`` gain: shadows, attenuation, TGC error.
        clutter: ``(samples, beams)`` linear amplitude of haze and reverberation. ``noise``: linear amplitude of electronic noise per sample ``(samples, 1)``.
        side_lobe: linear amplitude, width in beams. ``decorrelation``: radians per second at which tissue speckle changes.
        dynamic_range: dB. ``grey``: where the average myocardium lies, 0..1. ``gamma``: of the grey map. ``floor``: reject level 0..1.
        smooth: sigma of speckle reduction, samples. ``persistence``: weight of the frame before.
    """

    pool: Array
    clutter_pool: Array
    blur: tuple[float, float]
    beam_db: Array
    clutter: Array
    noise: Array
    side_lobe: tuple[float, int]
    decorrelation: float
    dynamic_range: float
    grey: float
    gamma: float
    floor: float
    smooth: float
    persistence: float


def random_machine(rng: np.random.Generator, sector: Sector, options: EchoOptions) -> Machine:
    """Draws a scanner: resolution, clutter, shadows, noise, gain and grey map."""
    shape = (sector.samples, sector.beams)
    r = np.linspace(0, 1, sector.samples, dtype=np.float32)[:, None]
    b = np.linspace(-1, 1, sector.beams, dtype=np.float32)[None, :]
    beam_db = np.zeros(shape, np.float32)
    beam_db -= rng.uniform(0, 10) * r**2
    beam_db += rng.uniform(-4, 4) * np.sin(rng.uniform(0, 6) + rng.uniform(1, 5) * r)
    if rng.random() < 0.5:  # poor contact at one edge
        side = rng.choice([-1, 1])
        beam_db -= rng.uniform(5, 25) * np.clip((side * b - rng.uniform(0.3, 0.8)) / 0.3, 0, 1)
    for _ in range(rng.choice([0, 1, 2], p=[0.5, 0.35, 0.15])):  # ribs and lung
        centre, width = rng.uniform(-0.95, 0.95), rng.uniform(0.03, 0.18)
        start = rng.uniform(0, 0.4)
        beam_db -= rng.uniform(4, 22) * np.exp(-(((b - centre) / width) ** 2)) * np.clip((r - start) / 0.1, 0, 1)
    beam_db += smooth_map(rng, (5, 7), shape) * rng.uniform(0, 3.5)

    near = rng.uniform(0, 10) - 12 - rng.uniform(10, 60) * r * rng.uniform(1, 4)
    stripes = rng.uniform(0, 8) * np.sin(2 * np.pi * r * sector.depth / rng.uniform(3, 9)) * np.exp(-r / 0.1)
    haze = rng.uniform(-34, -14) + smooth_map(rng, (5, 5), shape) * rng.uniform(2, 6)
    main_bang = 14 * np.exp(-r * sector.depth / rng.uniform(1.5, 5)) - 8
    clutter = _linear(near + stripes + 0 * b) + _linear(haze - 4 * r) + _linear(main_bang + 0 * b) * (r * sector.depth < 20)
    noise = _linear(rng.uniform(-48, -16) + rng.uniform(0, 14) * r**2)
    mm_per_sample = sector.depth / (sector.samples - 1)
    degrees_per_beam = np.rad2deg(2 * sector.half) / (sector.beams - 1)
    return Machine(
        pool=rng.standard_normal((POOL, POOL, 4), dtype=np.float32),
        clutter_pool=rng.standard_normal((*shape, 2), dtype=np.float32),
        blur=(rng.uniform(0.3, 0.75) / mm_per_sample, rng.uniform(0.5, 1.4) / degrees_per_beam),
        beam_db=beam_db,
        clutter=clutter.astype(np.float32),
        noise=noise.astype(np.float32),
        side_lobe=(float(10 ** (rng.uniform(-40, -18) / 20)), int(rng.integers(9, 41))),
        decorrelation=rng.uniform(0, 3),
        dynamic_range=rng.uniform(*options.dynamic_range_db),
        grey=rng.uniform(0.28, 0.65),
        gamma=float(np.exp(rng.normal(0, 0.2))),
        floor=rng.uniform(0, 0.08),
        smooth=rng.choice([0.0, rng.uniform(0.4, 1.6)]),
        persistence=rng.choice([0.0, rng.uniform(0.1, 0.5)]),
    )


def _linear(db: Array | float) -> Array:
    return np.exp(np.float32(np.log(10) / 20) * np.asarray(db, np.float32))


def envelope(
    machine: Machine, db: Array, blood: NDArray[np.bool_], reference_u: Array, reference_v: Array, time: float, rng: np.random.Generator
) -> Array:
    """Echo amplitude ``(samples, beams)`` of tissue with echogenicity ``db``.

    Tissue speckle is taken at material positions ``reference_u``, ``reference_v`` (mm), so it moves with the tissue; blood's and the noise are drawn anew.
    """
    scatter = cv2.remap(machine.pool, reference_u / CELL_MM, reference_v / CELL_MM, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    angle = machine.decorrelation * time
    field = np.cos(angle) * scatter[..., :2] + np.sin(angle) * scatter[..., 2:]
    fresh = rng.standard_normal((*db.shape, 2), dtype=np.float32)
    field = np.where(blood[..., None], fresh, 1.4 * field).astype(np.float32)
    field *= _linear(db)[..., None]
    field += machine.clutter_pool * machine.clutter[..., None]
    field *= _linear(machine.beam_db)[..., None]
    field = cv2.GaussianBlur(field, (0, 0), sigmaX=max(machine.blur[1], 0.3), sigmaY=max(machine.blur[0], 0.3), borderType=cv2.BORDER_REFLECT)
    env = cv2.magnitude(field[..., 0], field[..., 1])
    amount, width = machine.side_lobe
    env += amount * cv2.blur(env, (2 * (width // 2) + 1, 1))
    # sum of two shifted uniforms of the fresh field stands for an independent noise envelope
    env += 0.35 * machine.noise * np.abs(np.roll(fresh[..., 0], 7, axis=1) + np.roll(fresh[..., 1], 13, axis=0))
    return env


def add_lines(env: Array, lines: Array, level_db: float, speckle: Array) -> Array:
    """Adds specular lines (0..1 strength per grid point) of ``level_db``."""
    return env + lines * _linear(level_db) * (0.5 + 0.5 * np.minimum(speckle, 2.0))


def compress(machine: Machine, env: Array, reference: float) -> Array:
    """Log-compressed grey 0..1 ``(samples, beams)``; ``reference`` is the amplitude that maps to the average myocardium's grey."""
    db = np.float32(20 / np.log(10)) * np.log(env / reference + 1e-6)
    grey = np.clip(machine.grey + db / machine.dynamic_range, 0, 1)
    grey = np.clip((grey - machine.floor) / (1 - machine.floor), 0, 1) ** machine.gamma
    if machine.smooth:
        grey = cv2.GaussianBlur(grey, (0, 0), machine.smooth)
    return grey.astype(np.float32)
