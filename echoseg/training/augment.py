"""Random changes of a clip and its masks, on arrays: one affine warp straight to the model's input size, then grey-level changes."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from echoseg.training.config import AugmentConfig
from echoseg.types import Image

Matrix = NDArray[np.float64]
Bend = NDArray[np.float32]


def stretch(size: tuple[int, int], side: int) -> Matrix:
    """``(2, 3)`` matrix, in edge coordinates, that carries ``(H, W)`` to ``side`` x ``side`` as the model does with any frame."""
    height, width = size
    return np.array([[side / width, 0.0, 0.0], [0.0, side / height, 0.0]])


def random_warp(size: tuple[int, int], side: int, config: AugmentConfig, rng: np.random.Generator) -> Matrix:
    """``(2, 3)`` matrix from source ``(x, y)`` to output ``(x, y)``, both in pixel-edge coordinates (0 is the outer edge).

    After :func:`stretch` the picture is mirrored, turned, zoomed, squeezed and shifted about its centre by amounts drawn from ``config``.
    """
    angle = np.deg2rad(rng.uniform(-config.rotate, config.rotate))
    zoom = np.exp(rng.uniform(-1, 1) * np.log1p(config.scale))
    squeeze = np.exp(rng.uniform(-0.5, 0.5) * np.log1p(config.aspect))
    mirror = -1.0 if rng.random() < config.flip else 1.0
    shift = rng.uniform(-config.shift, config.shift, 2) * side
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = turn @ np.diag([mirror * zoom * squeeze, zoom / squeeze])
    centre = np.array([side / 2, side / 2])
    return np.hstack([linear @ stretch(size, side)[:, :2], (centre - linear @ centre + shift)[:, None]])


def warp(image: NDArray[np.uint8], matrix: Matrix, side: int) -> NDArray[np.uint8]:
    """``image`` ``(H, W)`` or ``(H, W, C)`` carried to ``(side, side[, C])`` by an edge-coordinate ``matrix``; outside is 0.

    A source much finer than the output is first shrunk by area averaging, so that it does not alias.
    """
    height, width = image.shape[:2]
    shrink = 1.0 / max(np.linalg.norm(matrix[:, :2], axis=0).min(), 1e-6)
    if shrink > 1.5:
        small = (max(1, round(width / shrink)), max(1, round(height / shrink)))
        image = np.asarray(cv2.resize(image, small, interpolation=cv2.INTER_AREA), np.uint8)
        matrix = matrix @ np.diag([width / small[0], height / small[1], 1.0])
    # OpenCV counts from pixel centres: shift by half a pixel on both sides.
    centred = matrix.copy()
    centred[:, 2] += 0.5 * matrix[:, :2].sum(axis=1) - 0.5
    return np.asarray(cv2.warpAffine(np.ascontiguousarray(image), centred, (side, side), flags=cv2.INTER_LINEAR), np.uint8)


def warp_mask(mask: NDArray[np.bool_], matrix: Matrix, side: int) -> NDArray[np.bool_]:
    """As :func:`warp` for one ``(H, W)`` mask: interpolated, then cut at one half."""
    return warp(mask.astype(np.uint8) * 255, matrix, side) >= 128


def random_bend(side: int, config: AugmentConfig, rng: np.random.Generator) -> Bend | None:
    """``(side, side, 2)`` float32: where each output pixel is taken from, in pixels; half the time None, which bends nothing.

    Displacements are smooth, between 4 x 4 independent ones, and so small that nothing folds over.
    """
    if config.bend == 0 or rng.random() < 0.5:
        return None
    coarse = rng.uniform(-1, 1, (4, 4, 2)).astype(np.float32)
    field = cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC) * np.float32(config.bend * side)
    y, x = np.mgrid[:side, :side].astype(np.float32)
    return np.asarray(field + np.stack([x, y], axis=-1), np.float32)


def bent(image: NDArray[np.uint8], bend: Bend | None) -> NDArray[np.uint8]:
    """``image`` ``(side, side[, C])`` bent as :func:`random_bend` says; outside is 0."""
    return image if bend is None else np.asarray(cv2.remap(image, bend[..., 0], bend[..., 1], cv2.INTER_LINEAR), np.uint8)


def bent_mask(mask: NDArray[np.bool_], bend: Bend | None) -> NDArray[np.bool_]:
    """As :func:`bent` for one ``(side, side)`` mask: interpolated, then cut at one half."""
    return mask if bend is None else bent(mask.astype(np.uint8) * 255, bend) >= 128


def change_greys(frames: Image, config: AugmentConfig, rng: np.random.Generator) -> Image:
    """Random grey curve, blur, noise, cut-out and inversion of ``(T, H, W[, C])`` frames.

    Curve, blur and cut-out are the same in every frame of a clip, noise is fresh in each. What is exactly black stays without noise, as the
    surround of a scan sector does.
    """
    curve = np.linspace(0, 1, 256) ** np.exp(rng.uniform(-config.gamma, config.gamma))
    curve = 255 * curve * (1 + rng.uniform(-config.contrast, config.contrast)) + rng.uniform(-config.brightness, config.brightness)
    curve[0] = min(curve[0], 0) if rng.random() < 0.8 else curve[0]
    if rng.random() < config.invert:
        curve = 255 - curve
    if config.remap > 0 and rng.random() < config.remap:
        curve = _random_curve(rng)[np.clip(curve, 0, 255).round().astype(np.uint8)]
    out = np.clip(curve, 0, 255).round().astype(np.uint8)[frames]
    sigma = rng.uniform(0, config.blur) if rng.random() < 0.5 else 0.0
    level = rng.uniform(0, config.noise) if rng.random() < 0.5 else 0.0
    if sigma > 0.3:
        out = np.stack([cv2.GaussianBlur(frame, (0, 0), sigma) for frame in out])
    if level > 0.5:
        noisy = out + (rng.standard_normal(out.shape, dtype=np.float32) * level)
        out = np.where(out > 0, np.clip(noisy, 0, 255), 0).astype(np.uint8)
    if rng.random() < config.cutout:
        out = _cut_out(out, rng)
    if config.dropout > 0:
        lost = [t > 0 and rng.random() < config.dropout for t in range(len(out))]
        out = np.concatenate([_cut_out(out[t : t + 1], rng, 2.0) if gone else out[t : t + 1] for t, gone in enumerate(lost)])
    return np.asarray(out, np.uint8)


def _random_curve(rng: np.random.Generator) -> NDArray[np.float64]:
    """``(256,)`` greys 0..255: smooth through random ones at a few places, rising in half the draws; black stays black in most."""
    places = np.sort(np.concatenate([[0, 255], rng.uniform(20, 235, int(rng.integers(1, 4)))]))
    greys = rng.uniform(0, 255, len(places))
    if rng.random() < 0.5:
        greys = np.sort(greys)
    if rng.random() < 0.7:
        greys[0] = rng.uniform(0, 20)
    greys = (greys - greys.min()) / max(np.ptp(greys), 1.0) * rng.uniform(120, 255)
    curve = np.interp(np.arange(256), places, greys)
    return np.asarray(gaussian_filter1d(curve, 10.0, mode="nearest"))


def _cut_out(frames: NDArray[np.uint8], rng: np.random.Generator, scale: float = 1.0) -> NDArray[np.uint8]:
    """Darken a soft band from the top (a rib's shadow) or a rectangle (a dropout), ``scale`` times as large, the same in all frames."""
    height, width = frames.shape[1:3]
    x = np.arange(width)[None, :] + 0.5
    y = np.arange(height)[:, None] + 0.5
    if rng.random() < 0.5:
        apex, slope, half = rng.uniform(0.3, 0.7) * width, rng.uniform(-0.6, 0.6), scale * rng.uniform(0.02, 0.08)
        inside = np.abs(x - apex - slope * y) / np.maximum(y, 1) < half
    else:
        cx, cy = rng.uniform(0.2, 0.8) * width, rng.uniform(0.2, 0.8) * height
        reach = scale * rng.uniform(0.03, 0.12, 2)
        inside = (np.abs(x - cx) < reach[0] * width) & (np.abs(y - cy) < reach[1] * height)
    soft = cv2.GaussianBlur(inside.astype(np.float32), (0, 0), 2.0) * rng.uniform(0.4, 1.0)
    keep = (1 - soft)[None, ..., None] if frames.ndim == 4 else (1 - soft)[None]
    return (frames * keep).astype(np.uint8)
