"""Everything that is drawn once per clip: the heart, the plane, the patient's look, the scanner, the picture's way to the file."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from echoseg.simulate.compression import Chain, random_chain
from echoseg.simulate.heart import Heart, Pose, labels, locate, pose_heart
from echoseg.simulate.imaging import Machine, random_machine
from echoseg.simulate.options import EchoOptions
from echoseg.simulate.overlay import Overlay, random_overlay
from echoseg.simulate.plane import Drift, Plane, random_drift, random_plane
from echoseg.simulate.scan import Canvas, Sector, random_canvas, random_sector
from echoseg.simulate.tissue import Look, random_look


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
    """Draws until most of the LV is in the picture."""
    rest = pose_heart(heart, 0.0, 0.0)
    for _ in range(12):
        plane = random_plane(rng, heart, view, options)
        needed = plane.v0 + (heart.atrium[0] * rng.uniform(0.3, 1.5) + rng.uniform(2, 25) if view != "PSAX" else rng.uniform(40, 70))
        sector = random_sector(rng, options, needed, rows)
        canvas = random_canvas(rng, sector, rows, cols, options)
        u, v = np.meshgrid(np.arange(-100, 100, 4, dtype=np.float32), np.arange(-30, 230, 4, dtype=np.float32))
        lv = labels(heart, locate(heart, rest, *plane.to_heart(u, v, 0.0))) == 1
        beam, sample = sector.to_polar(u, v)
        seen = (beam >= 0) & (beam < sector.beams) & (sample >= 0) & (sample < sector.samples)
        seen &= (u > canvas.left) & (u < canvas.left + cols * canvas.col_mm) & (v > canvas.top) & (v < canvas.top + rows * canvas.row_mm)
        if lv.sum() > 20 and (lv & seen).sum() > 0.86 * lv.sum():
            break
    # a stream of chances each, so that an option of one part leaves the others as they were
    drift, look, machine, chain, overlay = rng.spawn(5)
    return Scene(
        heart,
        rest,
        plane,
        random_drift(drift),
        random_look(look, options),
        random_machine(machine, sector, options),
        sector,
        canvas,
        random_chain(chain, rows, options),
        random_overlay(overlay) if overlay.random() < options.overlay else None,
        float(chain.choice([0.0, chain.uniform(0, 0.12)], p=[0.8, 0.2])),
        view,
    )
