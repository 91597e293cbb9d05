"""Synthetic CT- and MRI-like slice sequences: organs, lesions and look-alikes of any shape, to learn 'what is in the box'."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from echoseg.simulate.cine_mr import cine_frames
from echoseg.simulate.options import SimulationError

Grid = NDArray[Any]


@dataclass(frozen=True)
class VolumeSample:
    """A simulated slice sequence.

    Attributes:
        frames: ``(T, H, W)`` uint8, windowed. ``masks``: ``(T, H, W)`` uint8, 0 other, each further value one object.
        spacing: ``(slice_mm, row_mm, col_mm)``; a cine's slices are moments of one slice and its ``slice_mm`` is that slice's thickness.
        kind: ``lesion`` (small), ``organ`` (large), ``tube`` (vessels, a cord: through all slices) or ``cine`` (short-axis MR over a beat;
            1 LV cavity, 2 myocardium, 4 RV).
    """

    frames: NDArray[np.uint8]
    masks: NDArray[np.uint8]
    spacing: tuple[float, float, float]
    kind: str


def random_volume(seed: int, size: int = 128, slices: int = 16, kinds: tuple[str, ...] = ("lesion", "organ", "cine")) -> VolumeSample:
    """A random slice sequence, the same for the same arguments; at least one object covers several pixels.

    Args:
        seed: any non-negative integer.
        size: height and width of the slices, at least 32.
        slices: length of the sequence, at least 1.
        kinds: what to draw from.

    Raises:
        SimulationError: too small a size, no slices, an unknown kind.
    """
    if size < 32 or slices < 1:
        raise SimulationError(f"need at least one slice of 32 x 32 pixels, not {slices} of {size} x {size}")
    if not kinds or not set(kinds) <= {"lesion", "organ", "tube", "cine"}:
        raise SimulationError(f"kinds must be some of lesion, organ, tube, cine, not {kinds}")
    rng = np.random.default_rng(seed)
    kind = str(rng.choice(list(kinds)))
    if kind == "cine":
        frames, masks, pixel = cine_frames(rng, size, slices)
        return VolumeSample(frames, masks, (8.0, pixel, pixel), kind)
    pixel = rng.uniform(0.6, 1.2) * 512 / size if kind == "organ" else rng.uniform(0.5, 1.0) * 512 / size * rng.choice([1.0, 0.5])
    slice_mm = float(rng.choice([1.0, 2.0, 3.0, 5.0]))
    frames, masks = _scene(rng, size, slices, float(pixel), slice_mm, kind)
    return VolumeSample(frames, masks, (slice_mm, float(pixel), float(pixel)), kind)


_AIR, _FAT, _SOFT, _BRIGHT = 0, 1, 2, 3
_RADII = {"lesion": (3.0, 25.0), "organ": (18.0, 70.0), "tube": (3.0, 16.0)}  # mm, least and greatest


def _scene(
    rng: np.random.Generator, size: int, slices: int, pixel: float, slice_mm: float, kind: str
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    half = size * pixel / 2
    z = (np.arange(slices, dtype=np.float32) - (slices - 1) / 2) * np.float32(slice_mm)
    xy = ((np.arange(size, dtype=np.float32) + 0.5) * pixel - half).astype(np.float32)
    axes = (z, xy, xy)
    reach = max(abs(float(z[0])), slice_mm)
    levels = _levels(rng)
    image = np.full((slices, size, size), levels[_AIR], np.float32)
    masks = np.zeros(image.shape, np.uint8)

    # the body: skin and fat around soft tissue, sometimes larger than the picture
    centre = np.array([0, *rng.normal(0, 0.1 * half, 2)])
    radii = half * np.array([8.0, rng.uniform(0.6, 1.3), rng.uniform(0.7, 1.4)])
    body = _Blob.draw(rng, axes, centre, radii, 0.06)
    body.paint(image, levels[_FAT])
    body.paint(image, levels[_SOFT], rng.uniform(0.05, 0.3))
    for _ in range(rng.integers(4, 24)):  # organs, vessels, bowel, bone
        tissue = rng.choice([_AIR, _FAT, _SOFT, _BRIGHT], p=[0.12, 0.3, 0.38, 0.2])
        large = half * np.exp(rng.uniform(np.log(0.03), np.log(0.45)))
        organ = _Blob.draw(rng, axes, _somewhere(rng, half, reach), large * rng.uniform(0.5, 1.5, 3), rng.uniform(0.05, 0.3))
        organ.paint(image, levels[tissue] + rng.normal(0, 12))
        if tissue == _BRIGHT and rng.random() < 0.5:  # marrow
            organ.paint(image, levels[_SOFT] + 25, 0.25)

    low, high = _RADII[kind]
    for label in range(1, int(rng.integers(2, 5))):
        radius = min(max(rng.uniform(low, high), 3 * pixel), 0.45 * half)
        place = _somewhere(rng, 0.75 * half, 0.6 * reach)
        shape = radius * rng.uniform(0.6, 1.4, 3)
        if kind == "tube":
            target = _Blob.tube(rng, axes, place, radius, 0.8 * half)
        else:
            target = _Blob.draw(rng, axes, place, shape, rng.uniform(0.05, 0.4))
        inside = target.inside() & (masks[target.window] == 0)
        if inside.sum() < 12:
            continue
        near = float(np.median(image[target.window][inside]))
        value = near + rng.choice([-1, 1]) * rng.uniform(8, 70)
        if not 5 < value < 250:
            value = 2 * near - value
        if kind == "tube" and rng.random() < 0.6:  # in fat, or in fluid as a cord is
            target.paint(image, levels[int(rng.choice([_AIR, _FAT, _BRIGHT]))], -rng.uniform(0.15, 0.55), keep=masks > 0)
        elif rng.random() < 0.3:  # in a bed of fat
            _Blob.draw(rng, axes, place, shape * rng.uniform(1.2, 2), 0.2).paint(image, levels[_FAT], keep=masks > 0)
        for _ in range(rng.integers(0, 3)):  # look-alikes that touch it or lie apart, not labelled
            away = rng.normal(0, 1, 3)
            away *= rng.uniform(1.4, 3.5) * radius / np.linalg.norm(away)
            _Blob.draw(rng, axes, place + away, shape * rng.uniform(0.4, 1.1), 0.2).paint(image, value + rng.normal(0, 10), keep=masks > 0)
        masks[target.window][inside] = label
        target.paint(image, value, keep=(masks > 0) & (masks != label))
        if rng.random() < 0.5:  # a core or a rim, or both sides of a septum
            target.paint(image, value + rng.normal(0, 30), rng.uniform(0.15, 0.6), keep=(masks > 0) & (masks != label))
    if not masks.any():  # nothing large enough fell into view: one plain ball in the middle
        ball = _Blob.draw(rng, axes, np.zeros(3), np.full(3, max(4 * pixel, 1.2 * slice_mm)), 0.0)
        ball.paint(image, float(np.clip(image[slices // 2, size // 2, size // 2] + 45, 0, 255)))
        masks[ball.window][ball.inside()] = 1
    return _expose(rng, image), masks


def _levels(rng: np.random.Generator) -> tuple[float, float, float, float]:
    """Grey of air, fat, soft tissue and bone or contrast medium: as in CT, or shuffled as in MR."""
    if rng.random() < 0.6:
        return rng.uniform(0, 15), rng.uniform(40, 95), rng.uniform(110, 170), rng.uniform(200, 255)
    fat, soft, bright = rng.uniform(30, 230, 3)
    return rng.uniform(0, 30), fat, soft, bright


def _somewhere(rng: np.random.Generator, half: float, reach: float) -> NDArray[np.float64]:
    return np.array([rng.uniform(-1, 1) * reach, *(rng.uniform(-0.7, 0.7, 2) * half)])


@dataclass(frozen=True)
class _Blob:
    """A turned ellipsoid, or a tube, with a wavy surface, over the part ``window`` of the volume; ``gauge``: -1 within, 0 on it."""

    gauge: Grid
    window: tuple[slice, slice, slice]

    @staticmethod
    def draw(
        rng: np.random.Generator, axes: tuple[Grid, Grid, Grid], centre: NDArray[np.float64], radii: NDArray[np.float64], rough: float
    ) -> _Blob:
        reach = (float(radii[0]), float(max(radii[1:])), float(max(radii[1:])))
        window = tuple(
            slice(int(np.searchsorted(axis, c - 1.6 * r)), int(np.searchsorted(axis, c + 1.6 * r)))
            for axis, c, r in zip(axes, centre, reach, strict=True)
        )
        z, y, x = (axis[part] - np.float32(c) for axis, part, c in zip(axes, window, centre, strict=True))
        turn = rng.uniform(0, np.pi)
        cos, sin = np.float32(np.cos(turn)), np.float32(np.sin(turn))
        w = (z / np.float32(radii[0]))[:, None, None]
        y, x = y[None, :, None], x[None, None, :]
        u, v = (cos * y + sin * x) / np.float32(radii[1]), (cos * x - sin * y) / np.float32(radii[2])
        gauge = np.sqrt(u * u + v * v + w * w) - 1
        for _ in range(3 if rough else 0):
            k, size = rng.normal(0, 2.2, 3).astype(np.float32), np.float32(rough * rng.uniform(0.2, 0.6))
            gauge += size * np.sin(k[0] * w + k[1] * u + k[2] * v + np.float32(rng.uniform(0, 6.3)))
        return _Blob(gauge, window)  # type: ignore[arg-type]

    @staticmethod
    def tube(rng: np.random.Generator, axes: tuple[Grid, Grid, Grid], centre: NDArray[np.float64], radius: float, half: float) -> _Blob:
        """Through all slices, winding within ``half`` mm of the middle, of a width and roundness that change slowly."""
        z, y, x = (axis[:, None, None] if n == 0 else axis[None, :, None] if n == 1 else axis[None, None, :] for n, axis in enumerate(axes))
        waves = [(rng.uniform(0, 0.025), rng.uniform(0, 6.3)) for _ in range(5)]  # radians a mm, phase
        wave = [np.sin(speed * z + phase) - np.sin(phase) for speed, phase in waves]
        sway, slope = radius * rng.uniform(0, 2.5, 2), rng.uniform(-0.25, 0.25, 2)
        row = np.clip(centre[1] + slope[0] * z + sway[0] * wave[0], -half, half)
        column = np.clip(centre[2] + slope[1] * z + sway[1] * wave[1], -half, half)
        width = radius * np.exp(rng.uniform(0, 0.3) * wave[2])
        squeeze = np.exp(rng.uniform(-0.35, 0.35) + rng.uniform(0, 0.2) * wave[3])
        turn = rng.uniform(0, np.pi) + rng.uniform(0, 0.8) * wave[4]
        u, v = np.cos(turn) * (y - row) + np.sin(turn) * (x - column), np.cos(turn) * (x - column) - np.sin(turn) * (y - row)
        gauge = np.sqrt((u / (width * squeeze)) ** 2 + (v * squeeze / width) ** 2) - 1
        angle = np.arctan2(v, u)
        for lobes in (2, 3):
            gauge = gauge + rng.uniform(0, 0.12) * np.sin(lobes * angle + rng.uniform(0, 6.3))
        return _Blob(gauge.astype(np.float32), (slice(None), slice(None), slice(None)))

    def inside(self, depth: float = 0.0) -> NDArray[np.bool_]:
        """Where it is deeper than ``depth`` (0 the whole, 1 nothing)."""
        return self.gauge < -depth

    def paint(self, image: Grid, value: float, depth: float = 0.0, keep: NDArray[np.bool_] | None = None) -> None:
        """Sets ``image`` to ``value`` inside, in place, except where ``keep``."""
        where = self.inside(depth)
        if keep is not None:
            where &= ~keep[self.window]
        image[self.window][where] = value


def _expose(rng: np.random.Generator, image: Grid) -> NDArray[np.uint8]:
    """Partial volume, texture, bias field, noise, window."""
    slices, size, _ = image.shape
    if slices > 2 and rng.random() < 0.7:  # slices average over their neighbours
        side = np.float32(rng.uniform(0.05, 0.25))
        padded = np.concatenate([image[:1], image, image[-1:]])
        image = (1 - 2 * side) * image + side * (padded[:-2] + padded[2:])
    noise = rng.standard_normal(image.shape, dtype=np.float32)
    grain = rng.choice([0.0, rng.uniform(0.5, 1.5)])
    level, blur = np.float32(rng.uniform(1, 14)), rng.uniform(0.3, 1.2)
    bias = np.ones((size, size), np.float32)
    if rng.random() < 0.4:
        bias += cv2.resize(rng.normal(0, 0.15, (3, 3)).astype(np.float32), (size, size), interpolation=cv2.INTER_CUBIC)
    gain, offset = rng.uniform(0.7, 1.4), rng.uniform(-30, 30)
    out = np.empty(image.shape, np.uint8)
    for k in range(slices):
        grains = cv2.GaussianBlur(noise[k], (0, 0), grain) * np.float32(2 * grain + 1) if grain else noise[k]
        plane = cv2.GaussianBlur(image[k].astype(np.float32), (0, 0), blur) * bias + level * grains
        out[k] = np.clip(plane * gain + offset, 0, 255).astype(np.uint8)
    return out
