"""Everything that is drawn once per clip: the heart, the plane, the patient's look, the scanner, the picture's way to the file."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from echoseg.simulate.compression import Chain, random_chain
from echoseg.simulate.heart import Heart
from echoseg.simulate.look import Look, random_look
from echoseg.simulate.machine import Machine, random_machine
from echoseg.simulate.options import EchoOptions, SimulationError
from echoseg.simulate.overlay import Overlay, random_overlay
from echoseg.simulate.plane import Drift, Plane, moved, random_drift, random_plane
from echoseg.simulate.pose import Pose, labels, locate, pose_heart
from echoseg.simulate.scan import Canvas, Sector, random_canvas, random_sector


@dataclass(frozen=True)
class Scene:
    """What stays the same from frame to frame; ``rest`` is the heart at end-diastole, ``background`` the grey 0..1 outside the sector."""

    heart: Heart
    rest: Pose
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


def random_scene(rng: np.random.Generator, heart: Heart, view: str, rows: int, cols: int, options: EchoOptions) -> Scene:
    """Draws planes and pictures until most of the LV is in view at end-diastole and at end-systole.

    Raises:
        SimulationError: the options leave no such plane.
    """
    rest, systole = pose_heart(heart, 0.0, 0.0), pose_heart(heart, 1.0, 0.0)
    for _ in range(60):
        plane, drift = random_plane(rng, heart, view, options), random_drift(rng, options)
        below = rng.uniform(40, 70) if view == "PSAX" else heart.atrium[0] * rng.uniform(0.3, 1.5) + rng.uniform(2, 25)
        sector = random_sector(rng, options, plane.v0 + below, rows)
        canvas = random_canvas(rng, sector, rows, cols, options)
        area, seen = _ventricle_in_view(heart, rest, plane, sector, canvas)
        if area < 500 or seen < 0.86 * area:
            continue
        if _ventricle_in_view(heart, systole, moved(plane, drift, 0.0, 1.0), sector, canvas)[1] > 0.1 * area:
            break
    else:
        raise SimulationError(f"60 attempts found no {view} plane that shows the ventricle: widen the options")
    # a stream of chances each, so that an option of one part leaves the others as they were
    look, machine, chain, overlay = rng.spawn(4)
    return Scene(
        heart,
        rest,
        plane,
        drift,
        random_look(look, options),
        random_machine(machine, sector, options),
        sector,
        canvas,
        random_chain(chain, rows, options),
        random_overlay(overlay) if overlay.random() < options.overlay else None,
        float(chain.choice([0.0, chain.uniform(0, 0.12)], p=[0.8, 0.2])),
        view,
    )


def _ventricle_in_view(heart: Heart, pose: Pose, plane: Plane, sector: Sector, canvas: Canvas) -> tuple[float, float]:
    """Area of the LV cavity in the plane, and the part of it that is inside the sector and the picture, mm²."""
    u, v = np.meshgrid(np.arange(-100, 100, 4, dtype=np.float32), np.arange(-30, 230, 4, dtype=np.float32))
    cavity = labels(heart, locate(heart, pose, *plane.to_heart(u, v, pose.descent))) == 1
    beam, sample = sector.to_polar(u, v)
    seen = (beam >= 0) & (beam < sector.beams) & (sample >= 0) & (sample < sector.samples)
    seen &= (u > canvas.left) & (u < canvas.left + canvas.cols * canvas.col_mm)
    seen &= (v > canvas.top) & (v < canvas.top + canvas.rows * canvas.row_mm)
    return 16.0 * float(cavity.sum()), 16.0 * float((cavity & seen).sum())
