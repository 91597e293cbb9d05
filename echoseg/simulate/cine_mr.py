"""Short-axis cine MR of the simulated heart: the same beat and masks as the echo, another modality's look."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from echoseg.simulate.cycle import ejected, random_cycle
from echoseg.simulate.heart import random_heart
from echoseg.simulate.options import EchoOptions
from echoseg.simulate.plane import Plane
from echoseg.simulate.pose import labels, locate, pose_heart


def cine_frames(rng: np.random.Generator, size: int, frames: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8], float]:
    """One beat from end-diastole: frames ``(T, H, W)`` uint8, masks (1 LV cavity, 2 myocardium, 4 RV) and the pixel's size in mm."""
    heart = random_heart(rng, EchoOptions())
    heart = replace(heart, right=(rng.uniform(22, 55), np.deg2rad(rng.uniform(60, 90)), heart.right[2]))
    rest = pose_heart(heart, 0.0, 0.0)
    rate = rng.uniform(50, 90)
    cycle = random_cycle(rng, rate, 2.0)
    start = cycle.r_times[cycle.r_times > 0][0]
    phases = ejected(cycle, start + np.arange(frames) / max(frames, 2) * 60 / rate)
    turn = rng.uniform(0, 2 * np.pi)
    right = np.array([np.cos(turn), np.sin(turn), rng.normal(0, 0.1)])
    right /= np.linalg.norm(right)
    down = np.cross(np.array([0.0, 0.0, 1.0]), right)
    down /= np.linalg.norm(down)
    plane = Plane(np.array([0.0, 0.0, heart.length * rng.uniform(0.2, 0.8)]), right, down, 0.0, 0.0)
    pixel = rng.uniform(110, 330) / size
    shift = rng.normal(0, 0.08, 2) * size * pixel
    axis = ((np.arange(size, dtype=np.float32) + 0.5) * pixel - size * pixel / 2).astype(np.float32)
    u, v = np.meshgrid(axis + np.float32(shift[0]), axis + np.float32(shift[1]))

    blood, muscle = rng.uniform(150, 240), rng.uniform(30, 110)
    surround = _surroundings(rng, size, (size / 2 - shift[0] / pixel, size / 2 - shift[1] / pixel), 0.9 * heart.length / pixel)
    papillary = np.float32(rng.uniform(0.3, 1.0))
    # readers draw the contour outside the trabeculae, a ragged rim that looks like muscle and thickens
    # when the cavity shrinks
    rim_mm = np.float32(rng.choice([0.0, rng.uniform(0.5, 6.0)], p=[0.15, 0.85]))
    ragged, rim, thickening = _around_the_axis(rng), np.float32(rng.uniform(0.4, 1.0)), rng.uniform(0.3, 1.5)
    bias = 1 + cv2.resize(rng.normal(0, 0.15, (3, 3)).astype(np.float32), (size, size), interpolation=cv2.INTER_CUBIC)
    noise, blur, gain = rng.uniform(2, 14), rng.uniform(0.4, 1.2), rng.uniform(0.6, 1.1)
    pictures, masks = [], []
    for phase in phases:
        pose = pose_heart(heart, float(phase), 0.0, rest)
        place = locate(heart, pose, *plane.to_heart(u, v, pose.descent))
        mask = labels(heart, place)
        mask[mask == 3] = 0
        image = np.select([np.isin(mask, (1, 4)), mask == 2], [np.float32(blood), np.float32(muscle)], surround).astype(np.float32)
        for theta, phi, _, radius, gap in heart.papillary:
            deep = place.inner - gap - radius
            near = (place.distance - deep) ** 2 + (
                place.distance * np.sin(place.theta) * (np.mod(place.phi - phi + np.pi, 2 * np.pi) - np.pi)
            ) ** 2
            muscle_here = (near < radius**2) & (mask == 1) & (np.abs(place.theta - theta) < 0.5)
            image = np.where(muscle_here, image + papillary * np.float32(muscle - blood), image)
        depth = place.inner - place.distance
        around = np.round(place.phi * (len(ragged) / (2 * np.pi))).astype(int) % len(ragged)
        reach = rim_mm * np.float32(1 + thickening * phase) * ragged[around]
        image = np.where((mask == 1) & (depth < reach), image + rim * np.minimum(muscle - image, 0), image)
        # long-axis blood beyond the base counts as neither
        image = np.where((mask == 0) & (place.axial < 0) & (place.distance < place.inner), np.float32(blood), image).astype(np.float32)
        image = cv2.GaussianBlur(image, (0, 0), blur) * bias
        image += np.float32(noise) * rng.standard_normal(image.shape, dtype=np.float32)
        pictures.append(np.clip(gain * image, 0, 255).astype(np.uint8))
        masks.append(mask)
    return np.stack(pictures), np.stack(masks), float(pixel)


def _around_the_axis(rng: np.random.Generator) -> NDArray[np.float32]:
    """Relative depth of the trabeculae at 256 azimuths: coarse lobes and fine teeth, 0 at least and 1 on average."""
    waves = [cv2.resize(rng.normal(0, 1, (1, n)).astype(np.float32), (256, 1), interpolation=cv2.INTER_CUBIC)[0] for n in (5, 40)]
    return np.clip(1 + 0.5 * waves[0] + 0.4 * waves[1], 0, 2.5)


def _surroundings(rng: np.random.Generator, size: int, heart: tuple[float, float], reach: float) -> NDArray[np.float32]:
    """Grey of what lies around the heart at ``heart`` (x, y pixels): lung, liver, vessels, a chest wall with bright fat."""
    fields = [cv2.resize(rng.normal(0, 1, (n, n)).astype(np.float32), (size, size), interpolation=cv2.INTER_CUBIC) for n in (5, 12)]
    lung, liver, fat = rng.uniform(5, 40), rng.uniform(50, 140), rng.uniform(120, 250)
    out = np.where(fields[0] > rng.uniform(-0.5, 0.8), np.float32(liver), np.float32(lung))
    out = np.where(fields[1] > rng.uniform(1.0, 2.0), np.float32(fat), out)
    y, x = np.mgrid[:size, :size].astype(np.float32)
    angle, around = rng.uniform(0, 2 * np.pi), np.hypot(x - heart[0], y - heart[1])
    if rng.random() < 0.7:  # epicardial fat or a bright rim on one side
        side = np.cos(np.arctan2(y - heart[1], x - heart[0]) - angle)
        out = np.where(
            (np.abs(around - reach * rng.uniform(0.5, 0.8)) < rng.uniform(2, 8)) & (side > rng.uniform(0, 0.8)), np.float32(fat), out
        )
    wall = (x - size / 2) * np.cos(angle) + (y - size / 2) * np.sin(angle) + 4 * fields[0]
    edge = size * rng.uniform(0.28, 0.45)
    out = np.where(wall > edge, np.float32(liver), out)
    out = np.where(wall > edge + size * 0.05, np.float32(fat), out)
    return np.where(wall > edge + size * rng.uniform(0.1, 0.2), np.float32(3), out).astype(np.float32)
