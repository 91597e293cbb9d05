"""Draws the frames of a scene and their masks."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from echoseg.simulate.compression import process, round_trip
from echoseg.simulate.cycle import Cycle, mitral_opening
from echoseg.simulate.heart import Array, Heart
from echoseg.simulate.imaging import add_lines, compress, envelope, levels, speckle_level
from echoseg.simulate.overlay import burn_in
from echoseg.simulate.plane import Plane, moved
from echoseg.simulate.pose import Place, Pose, labels, locate, pose_heart, sample_table
from echoseg.simulate.scan import ScanMap, Sector, scan_map
from echoseg.simulate.scene import Scene
from echoseg.simulate.tissue import echogenicity, squareness
from echoseg.simulate.valves import aortic, chords, hinges, leaflets, tendon, tricuspid

_TRACING_MARGIN_MM = 3.0
"""People trace the ventricle a little beyond the sector's edge."""
_STEP = 8


def render(
    rng: np.random.Generator, scene: Scene, cycle: Cycle, times: NDArray[np.float64], phase: NDArray[np.float64]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.bool_]]:
    """Frames ``(T, H, W[, 3])``, label maps ``(T, H, W)`` and the sector ``(H, W)`` at ``times`` s with ejected parts ``phase``.

    LA and RV end at the sector's edge as tracings do; the LV ends 3 mm beyond it; the myocardium is complete.
    """
    heart, canvas, machine = scene.heart, scene.canvas, scene.machine
    polar, pixels = scene.sector.polar_points(), canvas.points()
    screen, final = scan_map(scene.sector, canvas, scene.chain.scale), scan_map(scene.sector, canvas)
    near = _near_sector(scene.sector, final)
    pictures, masks = [], []
    reference: tuple[float, float] | None = None
    before: Array | None = None
    for time, ejected, opening in zip(times, phase, mitral_opening(cycle, times), strict=True):
        pose = pose_heart(heart, float(ejected), float(opening), scene.rest)
        plane = moved(scene.plane, scene.drift, float(time), float(ejected))
        env = _echo(rng, scene, pose, plane, polar, float(time))
        if reference is None:  # the sonographer sets the gain once
            reference = levels(env)
        grey = compress(machine, env, reference)
        if before is not None and machine.persistence:
            grey += np.float32(machine.persistence) * (before - grey)
        before = grey
        pictures.append(_picture(scene, grey, screen, cycle, float(time)))
        mask = label_map(heart, pose, plane, *pixels)
        mask[(mask >= 3) & ~final.inside] = 0
        mask[(mask == 1) & ~near] = 0
        masks.append(mask)
    frames = np.stack(pictures)
    if scene.chain.video is not None and len(frames) > 1:
        frames = round_trip(scene.chain.video, frames)
    return frames, np.stack(masks), final.inside


def label_map(heart: Heart, pose: Pose, plane: Plane, u: Array, v: Array) -> NDArray[np.uint8]:
    """Labels ``(H, W)`` of pixels at ``u``, ``v``; the heart is found on every eighth pixel and drawn in full where it lies."""
    out = np.zeros(u.shape, np.uint8)
    seen = labels(heart, locate(heart, pose, *plane.to_heart(u[::_STEP, ::_STEP], v[::_STEP, ::_STEP], pose.descent))) > 0
    if seen.any():
        rows, cols = (np.flatnonzero(seen.any(axis=axis)) * _STEP for axis in (1, 0))
        part = tuple(slice(max(0, where[0] - 2 * _STEP), where[-1] + 3 * _STEP) for where in (rows, cols))
        out[part] = labels(heart, locate(heart, pose, *plane.to_heart(u[part], v[part], pose.descent)))
    return out


def _near_sector(sector: Sector, where: ScanMap) -> NDArray[np.bool_]:
    """The sector widened by the tracing margin."""
    down = _TRACING_MARGIN_MM * (sector.samples - 1) / sector.depth
    radius = np.maximum(where.sample * sector.depth / (sector.samples - 1) + sector.near, 10.0)
    side = _TRACING_MARGIN_MM / radius * (sector.beams - 1) / (2 * sector.half)
    in_angle = (where.beam >= -side) & (where.beam <= sector.beams - 1 + side)
    return in_angle & (where.sample >= -down) & (where.sample <= sector.samples - 1 + down)


def _echo(rng: np.random.Generator, scene: Scene, pose: Pose, plane: Plane, polar: tuple[Array, Array], time: float) -> Array:
    """Echo amplitude on the polar grid whose points have image coordinates ``polar`` (u, v)."""
    sector, look, machine = scene.sector, scene.look, scene.machine
    place = locate(scene.heart, pose, *plane.to_heart(*polar, pose.descent))
    radius = (sector.near + np.linspace(0, sector.depth, sector.samples, dtype=np.float32))[:, None]
    square = squareness(place, radius, 2 * sector.half / (sector.beams - 1))
    ref_u, ref_v = _material(pose, scene.rest, plane, place, *polar)
    ref_u, ref_v = ref_u + np.float32(scene.plane.u0), ref_v + np.float32(scene.plane.v0)
    beam, sample = sector.to_polar(ref_u, ref_v)
    structure = cv2.remap(machine.structure, beam, sample, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    db, blood = echogenicity(scene.heart, pose, look, place, ref_u, ref_v, square, structure)
    lines = _lines(scene, pose, plane)
    if not lines:
        return envelope(machine, db, blood, beam, sample, time, rng)
    drawn = _draw(sector, lines, db.shape)
    if not look.leaflet_mm:
        env = envelope(machine, db, blood, beam, sample, time, rng)
        return add_lines(env, drawn, speckle_level(machine) * 10 ** (look.leaflet / 20), structure)
    # what the leaflets are made of scatters as any tissue does
    cover = np.minimum(drawn, 1)
    level = np.float32(look.leaflet + 3) + np.float32(look.structure) * structure
    db = np.maximum(db, level + np.float32(8.7) * np.log(cover + np.float32(1e-3)))
    return envelope(machine, db, blood * (1 - cover), beam, sample, time, rng)


def _lines(scene: Scene, pose: Pose, plane: Plane) -> list[tuple[NDArray[np.float64], float, float]]:
    """Valves, chords and tendons in the plane as polylines ``(N, 2)`` u, v in mm with their strengths 0..1 and widths in mm."""
    ends = hinges(scene.heart, pose, plane)
    if ends is None or scene.view == "PSAX":
        return []
    mitral, look = leaflets(scene.heart, pose, plane, ends), scene.look
    lines = [(line, 1.0, look.leaflet_mm) for line in mitral]
    lines += [(line, 0.7, look.leaflet_mm) for line in aortic(scene.heart, pose, plane)]
    if look.chordae:
        lines += [(line, look.chordae, 0.0) for line in chords(pose, plane, [line[-1] for line in mitral])]
    if look.tendon[2]:
        lines += [(line, look.tendon[2], 0.0) for line in tendon(pose, plane, *look.tendon[:2])]
    if scene.view == "A4C":
        lines += [(line, 0.8, look.leaflet_mm) for line in tricuspid(pose, ends)]
    return lines


def _draw(sector: Sector, lines: list[tuple[NDArray[np.float64], float, float]], shape: tuple[int, ...]) -> Array:
    """Strength 0..2 of lines, see :func:`_lines`, on the polar grid; strong where the beam meets them squarely."""
    image = np.zeros(shape, np.uint8)
    for line, weight, width_mm in lines:
        uv = line.astype(np.float32)
        beam, sample = sector.to_polar(uv[:, :1], uv[:, 1:])
        points = np.round(np.concatenate([beam, sample], axis=1) * 16).astype(np.int32)
        width = max(1, round(width_mm * (sector.samples - 1) / sector.depth))
        step = np.diff(line, axis=0)
        ray = line[:-1] + [0, sector.near]
        sine = np.abs(step[:, 0] * ray[:, 1] - step[:, 1] * ray[:, 0]) / (np.linalg.norm(step, axis=1) * np.linalg.norm(ray, axis=1) + 1e-9)
        for k, strength in enumerate(255 * weight * (0.15 + 0.85 * sine**3)):
            cv2.line(image, points[k].tolist(), points[k + 1].tolist(), float(strength), width, cv2.LINE_AA, 4)
    return cv2.GaussianBlur(image, (0, 0), 0.8).astype(np.float32) * np.float32(2.0 / 255)


def _material(pose: Pose, rest: Pose, plane: Plane, place: Place, u: Array, v: Array) -> tuple[Array, Array]:
    """Where the tissue now at (u, v) lies at end-diastole, in mm relative to the plane's anchor: speckle is fixed to it."""
    still = sample_table(rest.radii, place)
    through = np.clip((place.distance - place.inner) / np.maximum(place.outer - place.inner, 0.5), 0, 1)
    beyond = np.maximum(place.distance - place.outer, 0)
    then = np.minimum(place.distance, place.inner) * (still[..., 0] / place.inner) + through * (still[..., 1] - still[..., 0]) + beyond
    ratio = then / np.maximum(place.distance, 1.0)
    fade = np.exp(-((beyond / 25) ** 2))
    risen = np.array([0, 0, pose.descent])
    centre = risen - plane.anchor
    du, dv = u - np.float32(plane.u0), v - np.float32(plane.v0)
    shift_u = (du - np.float32(centre @ plane.right)) * (ratio - 1) - np.float32(risen @ plane.right)
    shift_v = (dv - np.float32(centre @ plane.down)) * (ratio - 1) - np.float32(risen @ plane.down)
    return du + fade * shift_u, dv + fade * shift_v


def _picture(scene: Scene, grey: Array, fine: ScanMap, cycle: Cycle, time: float) -> NDArray[np.uint8]:
    picture = np.round(255 * fine.convert(grey, scene.background)).clip(0, 255).astype(np.uint8)
    if scene.chain.tint is not None:
        picture = scene.chain.tint[picture]
    if scene.overlay is not None:
        picture = burn_in(picture, scene.overlay, cycle.r_times, time)
    return process(scene.chain, picture, scene.canvas.rows, scene.canvas.cols)
