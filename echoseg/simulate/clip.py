"""Synthetic echo clips with exact masks: the entry points of the simulator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from echoseg.simulate.compression import Chain, process, random_chain
from echoseg.simulate.cycle import Cycle, ejected, mitral_opening, random_cycle
from echoseg.simulate.heart import Array, Heart, Place, Pose, labels, locate, pose_heart, random_heart, sample_table
from echoseg.simulate.imaging import Machine, add_lines, compress, envelope, levels, random_machine
from echoseg.simulate.options import VIEWS, EchoOptions, SimulationError
from echoseg.simulate.overlay import Overlay, burn_in, random_overlay
from echoseg.simulate.plane import Drift, Plane, moved, random_drift, random_plane
from echoseg.simulate.scan import Canvas, ScanMap, Sector, random_canvas, random_sector, scan_map
from echoseg.simulate.tissue import Look, echogenicity, random_look, squareness
from echoseg.simulate.valves import chords, hinges, leaflets, tendon, tricuspid

STRUCTURES = {1: "LV", 2: "MYO", 3: "LA", 4: "RV"}
"""Labels of a simulated mask."""


@dataclass(frozen=True)
class HeartTruth:
    """What is true of the simulated heart.

    Attributes:
        edv_ml, esv_ml: true 3D volumes, mL. ``ef``: percent.
        ed_frames, es_frames: frames nearest to end-diastoles (R waves) and end-systoles within the clip; empty when none falls in it.
    """

    edv_ml: float
    esv_ml: float
    ef: float
    ed_frames: tuple[int, ...]
    es_frames: tuple[int, ...]


@dataclass(frozen=True)
class EchoClip:
    """A simulated echo clip.

    Attributes:
        frames: ``(T, H, W)`` uint8, or ``(T, H, W, 3)`` RGB.
        masks: ``(T, H, W)`` uint8, see :data:`STRUCTURES`. The LV ends at the line between the mitral hinge points in every phase and
            contains papillary muscles and trabeculae; it is complete where the picture shows no border.
        times: ``(T,)`` s from the first frame. ``view``: one of :data:`~echoseg.simulate.options.VIEWS`.
        spacing: ``(row_mm, col_mm)``. ``sector``: ``(H, W)`` bool, where the scanner draws.
        phase: ``(T,)`` 0 at end-diastole .. 1 at end-systole (ejected part of the stroke volume). ``lv_volume_ml``: ``(T,)`` true 3D volume.
        truth: the heart's volumes and phases. ``present``: labels in view in at least one frame.
    """

    frames: NDArray[np.uint8]
    masks: NDArray[np.uint8]
    times: NDArray[np.float64]
    view: str
    spacing: tuple[float, float]
    sector: NDArray[np.bool_]
    phase: NDArray[np.float64]
    lv_volume_ml: NDArray[np.float64]
    truth: HeartTruth
    present: tuple[int, ...]


@dataclass(frozen=True)
class _Scene:
    """Everything drawn once per clip."""

    heart: Heart
    plane: Plane
    drift: Drift
    look: Look
    machine: Machine
    sector: Sector
    canvas: Canvas
    chain: Chain
    overlay: Overlay | None
    background: float
    view: str


def random_clip(
    seed: int,
    size: int | tuple[int, int] = 128,
    frames: int = 1,
    views: Sequence[str] = ("A4C", "A2C"),
    options: EchoOptions | None = None,
) -> EchoClip:
    """A random clip, the same for the same arguments.

    Args:
        seed: any non-negative integer.
        size: height and width of the frames, or ``(rows, cols)``, at least 32.
        frames: how many consecutive frames from a random moment; 1 is a still.
        views: the views to draw from.
        options: ranges; the defaults are :class:`EchoOptions`.

    Raises:
        SimulationError: an unknown view, no frames, or too small a size.
    """
    options = options or EchoOptions()
    if not views or any(view not in VIEWS for view in views):
        raise SimulationError(f"views must be some of {', '.join(VIEWS)}, not {tuple(views)}")
    rng = np.random.default_rng(seed)
    heart = random_heart(rng, options)
    return _clip(rng, heart, str(rng.choice(list(views))), size, frames, options)


def simulate_clip(heart: Heart, view: str, seed: int, size: int | tuple[int, int] = 128, frames: int = 32, options: EchoOptions | None = None) -> EchoClip:
    """A clip of a given heart; everything but the heart is random by ``seed``. Arguments and errors as :func:`random_clip`."""
    return _clip(np.random.default_rng(seed), heart, view, size, frames, options or EchoOptions())


def simulate_study(
    seed: int, size: int | tuple[int, int] = 128, frames: int = 32, views: Sequence[str] = ("A4C", "A2C"), options: EchoOptions | None = None
) -> dict[str, EchoClip]:
    """Clips of one heart in several views: they share its true volumes. Arguments and errors as :func:`random_clip`."""
    options = options or EchoOptions()
    rng = np.random.default_rng(seed)
    heart = random_heart(rng, options)
    return {view: _clip(rng, heart, view, size, frames, options) for view in views}


def _clip(rng: np.random.Generator, heart: Heart, view: str, size: int | tuple[int, int], frames: int, options: EchoOptions) -> EchoClip:
    rows, cols = (size, size) if isinstance(size, int) else size
    if min(rows, cols) < 32 or frames < 1:
        raise SimulationError(f"need at least one frame of 32 x 32 pixels, not {frames} of {rows} x {cols}")
    scene = _random_scene(rng, heart, view, rows, cols, options)
    fps = rng.uniform(*options.fps)
    start = rng.uniform(0, 2.0)
    times = start + np.arange(frames) / fps
    cycle = random_cycle(rng, rng.uniform(*options.heart_rate), float(times[-1]))
    phase = ejected(cycle, times)
    pictures, masks, inside = _render(rng, scene, cycle, times, phase)
    return EchoClip(
        frames=pictures,
        masks=masks,
        times=times - start,
        view=view,
        spacing=(scene.canvas.row_mm, scene.canvas.col_mm),
        sector=inside,
        phase=phase,
        lv_volume_ml=heart.edv_ml - phase * (heart.edv_ml - heart.esv_ml),
        truth=HeartTruth(
            heart.edv_ml, heart.esv_ml, 100 * heart.ef, _nearest(cycle.r_times, times), _nearest(cycle.es_times, times)
        ),
        present=tuple(int(k) for k in np.unique(masks) if k),
    )


def _nearest(moments: NDArray[np.float64], times: NDArray[np.float64]) -> tuple[int, ...]:
    within = moments[(moments >= times[0]) & (moments <= times[-1])]
    return tuple(int(np.argmin(np.abs(times - m))) for m in within)


def _random_scene(rng: np.random.Generator, heart: Heart, view: str, rows: int, cols: int, options: EchoOptions) -> _Scene:
    """Draws until most of the LV is in the picture."""
    rest = pose_heart(heart, 0.0, 0.0)
    for _ in range(12):
        plane = random_plane(rng, heart, view, options)
        needed = plane.v0 + (heart.atrium[0] * rng.uniform(0.3, 1.5) + rng.uniform(2, 25) if view != "PSAX" else rng.uniform(40, 70))
        sector = random_sector(rng, options, needed)
        canvas = random_canvas(rng, sector, rows, cols, options)
        u, v = np.meshgrid(np.arange(-100, 100, 4, dtype=np.float32), np.arange(-30, 230, 4, dtype=np.float32))
        lv = labels(heart, locate(heart, rest, *plane.to_heart(u, v, 0.0))) == 1
        beam, sample = sector.to_polar(u, v)
        seen = (beam >= 0) & (beam < sector.beams) & (sample >= 0) & (sample < sector.samples)
        seen &= (u > canvas.left) & (u < canvas.left + cols * canvas.col_mm) & (v > canvas.top) & (v < canvas.top + rows * canvas.row_mm)
        if lv.sum() > 20 and (lv & seen).sum() > 0.86 * lv.sum():
            break
    return _Scene(
        heart,
        plane,
        random_drift(rng),
        random_look(rng, options),
        random_machine(rng, sector, options),
        sector,
        canvas,
        random_chain(rng, rows, options),
        random_overlay(rng) if rng.random() < options.overlay else None,
        float(rng.choice([0.0, rng.uniform(0, 0.12)], p=[0.8, 0.2])),
        view,
    )


def _render(
    rng: np.random.Generator, scene: _Scene, cycle: Cycle, times: NDArray[np.float64], phase: NDArray[np.float64]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.bool_]]:
    heart, canvas = scene.heart, scene.canvas
    rest = pose_heart(heart, 0.0, 0.0)
    opening = mitral_opening(cycle, times)
    polar_u, polar_v = scene.sector.polar_points()
    pixel_u, pixel_v = canvas.points()
    fine = scan_map(scene.sector, canvas, scene.chain.scale)
    coarse = scan_map(scene.sector, canvas)
    margin = 3.0  # people trace a little beyond the sector's edge
    near = _near_sector(scene.sector, coarse, margin)
    pictures, masks = [], []
    reference: tuple[float, float] | None = None
    before: Array | None = None
    for time, e, o in zip(times, phase, opening, strict=True):
        pose = pose_heart(heart, float(e), float(o), rest)
        plane = moved(scene.plane, scene.drift, float(time), float(e))
        place = locate(heart, pose, *plane.to_heart(polar_u, polar_v, pose.descent))
        env = _echo(rng, scene, pose, rest, plane, place, polar_u, polar_v, float(time))
        if reference is None:  # the sonographer sets the gain once
            reference = levels(env)
        grey = compress(scene.machine, env, reference)
        if before is not None and scene.machine.persistence:
            grey = (1 - scene.machine.persistence) * grey + np.float32(scene.machine.persistence) * before
        before = grey
        pictures.append(_picture(scene, grey, fine, cycle, float(time)))
        mask = labels(heart, locate(heart, pose, *plane.to_heart(pixel_u, pixel_v, pose.descent)))
        mask[~coarse.inside & ((mask == 3) | (mask == 4))] = 0
        mask[~near & (mask == 1)] = 0
        masks.append(mask)
    return np.stack(pictures), np.stack(masks), coarse.inside


def _near_sector(sector: Sector, where: ScanMap, margin: float) -> NDArray[np.bool_]:
    pad = margin * (sector.samples - 1) / sector.depth
    across = margin * (sector.beams - 1) / (2 * sector.half) / np.maximum(where.sample * sector.depth / sector.samples + sector.near, 10.0)
    return (
        (where.beam >= -across) & (where.beam <= sector.beams - 1 + across) & (where.sample >= -pad) & (where.sample <= sector.samples - 1 + pad)
    )


def _echo(rng: np.random.Generator, scene: _Scene, pose: Pose, rest: Pose, plane: Plane, place: Place, u: Array, v: Array, time: float) -> Array:
    """Echo amplitude on the polar grid."""
    sector, look, machine = scene.sector, scene.look, scene.machine
    radius = (sector.near + np.linspace(0, sector.depth, sector.samples, dtype=np.float32))[:, None]
    square = squareness(place, radius, 2 * sector.half / (sector.beams - 1))
    ref_u, ref_v = _material(pose, rest, plane, place, u, v)
    beam, sample = sector.to_polar(ref_u + np.float32(scene.plane.u0), ref_v + np.float32(scene.plane.v0))
    structure = cv2.remap(machine.structure, beam, sample, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    db, blood = echogenicity(scene.heart, pose, look, place, ref_u, ref_v + np.float32(scene.plane.v0), square, structure)
    env = envelope(machine, db, blood, beam, sample, time, rng)
    ends = hinges(scene.heart, pose, plane)
    if ends is not None and scene.view != "PSAX":
        lines = [(line, 1.0) for line in leaflets(scene.heart, pose, plane, ends)]
        if look.chordae:
            lines += [(line, look.chordae) for line in chords(pose, plane, [line[-1] for line, _ in lines])]
        if look.tendon[2]:
            lines += [(line, look.tendon[2]) for line in tendon(pose, plane, *look.tendon[:2])]
        if scene.view == "A4C":
            lines += [(line, 0.8) for line in tricuspid(scene.heart, pose, ends)]
        speckle = 1 / np.sqrt(max(machine.blur[0], 0.3) * max(machine.blur[1], 0.3))  # amplitude of speckle of unit scatterers after the blur
        env = add_lines(env, _draw(sector, lines, env.shape), 0.35 * float(speckle) * 10 ** (look.leaflet / 20), structure)
    return env


def _draw(sector: Sector, lines: list[tuple[NDArray[np.float64], float]], shape: tuple[int, int]) -> Array:
    """Polylines ``(N, 2)`` u, v in mm with their strengths 0..1 on the polar grid; strong where the beam meets them squarely."""
    image = np.zeros(shape, np.uint8)
    for line, weight in lines:
        uv = line.astype(np.float32)
        beam, sample = sector.to_polar(uv[:, :1], uv[:, 1:])
        points = np.round(np.concatenate([beam, sample], axis=1) * 16).astype(np.int32)
        step = np.diff(line, axis=0)
        ray = line[:-1] + [0, sector.near]
        sine = np.abs(step[:, 0] * ray[:, 1] - step[:, 1] * ray[:, 0]) / (np.linalg.norm(step, axis=1) * np.linalg.norm(ray, axis=1) + 1e-9)
        for k, strength in enumerate(255 * weight * (0.15 + 0.85 * sine**3)):
            cv2.line(image, points[k].tolist(), points[k + 1].tolist(), float(strength), 1, cv2.LINE_AA, 4)
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


def _picture(scene: _Scene, grey: Array, fine: ScanMap, cycle: Cycle, time: float) -> NDArray[np.uint8]:
    picture = np.round(255 * fine.convert(grey, scene.background)).clip(0, 255).astype(np.uint8)
    if scene.chain.tint is not None:
        picture = scene.chain.tint[picture]
    if scene.overlay is not None:
        picture = burn_in(picture, scene.overlay, cycle.r_times, time)
    return process(scene.chain, picture, scene.canvas.rows, scene.canvas.cols)
