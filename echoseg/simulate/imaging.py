"""From echogenicity to a grey polar picture: speckle, blur, noise, log compression."""

from __future__ import annotations

import cv2
import numpy as np

from echoseg.simulate.heart import Array
from echoseg.simulate.machine import Machine, linear


def envelope(machine: Machine, db: Array, blood: Array, beam: Array, sample: Array, time: float, rng: np.random.Generator) -> Array:
    """Echo amplitude ``(samples, beams)`` of tissue with echogenicity ``db`` and the share ``blood`` of moving blood.

    Tissue speckle is taken at material positions ``beam``, ``sample`` (polar indices), so it moves with the tissue; that of blood,
    and noise, are drawn anew.
    """
    scatter = cv2.remap(machine.pool, beam, sample, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    angle = machine.decorrelation * time
    field = np.float32(np.cos(angle)) * scatter[..., :2] + np.float32(np.sin(angle)) * scatter[..., 2:]
    fresh = rng.standard_normal((*db.shape, 2), dtype=np.float32)
    field += np.maximum(blood, machine.churn)[..., None] * (fresh - field)
    field *= linear(db)[..., None]
    # mirrored, the fresh field is as good as another one
    clutter = machine.stay * machine.clutter_pool + (1 - machine.stay) * fresh[:, ::-1]
    field += clutter * machine.clutter[..., None]
    field *= linear(machine.beam_db)[..., None]
    field = cv2.GaussianBlur(
        field, (0, 0), sigmaX=max(machine.blur[1], 0.3), sigmaY=max(machine.blur[0], 0.3), borderType=cv2.BORDER_REFLECT
    )
    power: Array = field[..., 0] ** 2 + field[..., 1] ** 2
    amount, width = machine.side_lobe
    power += amount**2 * cv2.blur(power, (2 * (width // 2) + 1, 1))
    # the fresh field, rolled, stands for independent noise
    power += (0.35 * machine.noise) ** 2 * (np.roll(fresh[..., 0], 7, axis=1) ** 2 + np.roll(fresh[..., 1], 13, axis=0) ** 2)
    if machine.compounding:  # several looks averaged: fewer dark gaps in the speckle
        sigma = (max(machine.compounding * machine.blur[1], 0.3), max(machine.compounding * machine.blur[0], 0.3))
        power = cv2.GaussianBlur(power, (0, 0), sigmaX=sigma[0], sigmaY=sigma[1])
    return np.sqrt(power)


def speckle_level(machine: Machine) -> float:
    """Amplitude, more or less, of a thin line as bright as the myocardium: blurred unit scatterers."""
    return float(0.35 / np.sqrt(max(machine.blur[0], 0.3) * max(machine.blur[1], 0.3)))


def add_lines(env: Array, lines: Array, level: float, structure: Array) -> Array:
    """Adds specular lines (strength 0..1 per grid point) of amplitude ``level``, uneven by the tissue's ``structure``."""
    return env + lines * (np.float32(level) * np.exp(np.float32(0.6) * np.minimum(structure, 2.0)))


def levels(env: Array) -> tuple[float, float]:
    """Amplitude of the brightest and the weakest echoes of a picture (96th and 10th percentile), by which the sonographer sets the gain."""
    low, high = np.percentile(env[::3, ::2], (10, 96))
    return float(high), float(low)


def compress(machine: Machine, env: Array, reference: tuple[float, float]) -> Array:
    """Log-compressed grey 0..1 ``(samples, beams)``.

    Of ``reference`` amplitudes (see :func:`levels`) the bright one maps to ``machine.white``; the range is narrowed, by half at most,
    where the weak one would be lighter than ``machine.black``.
    """
    bright, weak = reference
    width = machine.white - machine.black
    needed = 20 * np.log10(bright / weak) / max(width, 0.1)
    used = float(np.clip(needed, 0.5 * machine.dynamic_range, machine.dynamic_range))
    db = np.float32(20 / np.log(10)) * np.log(env / np.float32(bright) + 1e-6)
    grey = np.clip(machine.white + db / np.float32(used), 0, 1)
    grey = np.clip((grey - machine.floor) / (1 - machine.floor), 0, 1) ** machine.gamma
    if machine.smooth:
        grey = cv2.GaussianBlur(grey, (0, 0), machine.smooth)
    return grey.astype(np.float32)
