"""Synthetic echo clips with exact masks: the entry points of the simulator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echoseg.simulate.cycle import Cycle, ejected, random_cycle
from echoseg.simulate.heart import Heart, random_heart
from echoseg.simulate.options import VIEWS, EchoOptions, SimulationError
from echoseg.simulate.render import render
from echoseg.simulate.scene import random_scene

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
        phase: ``(T,)`` ejected part of the stroke volume, 0 at end-diastole .. 1 at end-systole.
        lv_volume_ml: ``(T,)`` true 3D volume of the cavity.
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

    @property
    def fps(self) -> float | None:
        """Frames per second; None of a still."""
        return (len(self.times) - 1) / float(self.times[-1]) if len(self.times) > 1 else None


def own_seed(*parts: int) -> int:
    """A seed of its own for each combination of ``parts``, such as that of a set and an index."""
    return int(np.random.SeedSequence(parts).generate_state(1)[0])


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


def simulate_clip(
    heart: Heart, view: str, seed: int, size: int | tuple[int, int] = 128, frames: int = 32, options: EchoOptions | None = None
) -> EchoClip:
    """A clip of a given heart; everything but the heart is random by ``seed``. Arguments and errors as :func:`random_clip`."""
    return _clip(np.random.default_rng(seed), heart, view, size, frames, options or EchoOptions())


def simulate_study(
    seed: int,
    size: int | tuple[int, int] = 128,
    frames: int = 32,
    views: Sequence[str] = ("A4C", "A2C"),
    options: EchoOptions | None = None,
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
    scene = random_scene(rng, heart, view, rows, cols, options)
    fps = rng.uniform(*options.fps)
    start = rng.uniform(0, 2.0)
    times = start + np.arange(frames) / fps
    cycle = random_cycle(rng, rng.uniform(*options.heart_rate), float(times[-1]))
    if options.systole and rng.random() < options.systole:
        start, times = _centred_on_systole(cycle, times)
    phase = ejected(cycle, times)
    pictures, masks, inside = render(rng, scene, cycle, times, phase)
    return EchoClip(
        frames=pictures,
        masks=masks,
        times=times - start,
        view=view,
        spacing=(scene.canvas.row_mm, scene.canvas.col_mm),
        sector=inside,
        phase=phase,
        lv_volume_ml=heart.edv_ml - phase * (heart.edv_ml - heart.esv_ml),
        truth=HeartTruth(heart.edv_ml, heart.esv_ml, 100 * heart.ef, _nearest(cycle.r_times, times), _nearest(cycle.es_times, times)),
        present=tuple(int(k) for k in np.flatnonzero(np.bincount(masks.ravel())) if k),
    )


def _centred_on_systole(cycle: Cycle, times: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
    """``times`` ``(T,)`` s moved so that their middle one is the end-systole nearest to it, and where they start."""
    middle = times[len(times) // 2]
    moved = times + cycle.es_times[np.argmin(np.abs(cycle.es_times - middle))] - middle
    return float(moved[0]), moved


def _nearest(moments: NDArray[np.float64], times: NDArray[np.float64]) -> tuple[int, ...]:
    within = moments[(moments >= times[0]) & (moments <= times[-1])]
    return tuple(int(np.argmin(np.abs(times - m))) for m in within)
