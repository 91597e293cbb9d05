"""Stretches of a clip in which the object is lost: the picture fails, a shadow falls, the probe lifts off."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from echoseg.simulate.clip import EchoClip
from echoseg.simulate.heart import Array
from echoseg.simulate.options import SimulationError

DropoutKind = Literal["black", "frozen", "noise", "shadow", "base shadow", "lift"]
KINDS: tuple[DropoutKind, ...] = get_args(DropoutKind)

_LV = 1
_LEFT = 0.06  # of the echo behind what casts a shadow
_EDGE = 0.02  # radians over which a shadow's side fades
_BASE = 0.6  # of the ventricle's depth, from where its base lies in the shadow
_LIFTING = 0.25  # of the stretch in which contact is lost, and of that in which it comes back


def drop_out(clip: EchoClip, kind: DropoutKind, first: int, count: int, seed: int) -> EchoClip:
    """The clip with ``count`` frames from frame ``first`` on in which the left ventricle is lost; the others stay as they are.

    ==============  =================================================================================================
    ``black``       nothing is shown
    ``frozen``      the picture of the frame before stands still, and so do the masks: they are of what is shown
    ``noise``       the pixels of the sector in random order, other ones in each frame
    ``shadow``      the beams through the middle of the ventricle are dark from the probe on, as behind a rib
    ``base shadow`` the beams through the ventricle are dark from 60 % of its depth on, as behind calcified tissue
    ``lift``        the probe loses contact: the picture fades to its reverberations and comes back
    ==============  =================================================================================================

    Masks stay those of the heart, which beats on unseen. Shadows lie where the ventricle is on frame ``first``.

    Args:
        seed: of the noise.

    Raises:
        SimulationError: the stretch does not lie within the clip, has no frame before it, or shows no ventricle to shade.
    """
    if not 1 <= first < first + count <= len(clip.frames):
        raise SimulationError(f"a dropout of {count} frames from frame {first} on does not fit into frames 1 to {len(clip.frames) - 1}")
    frames, masks, stretch = clip.frames.copy(), clip.masks.copy(), slice(first, first + count)
    if kind == "black":
        frames[stretch] = 0
    elif kind == "frozen":
        frames[stretch], masks[stretch] = frames[first - 1], masks[first - 1]
    elif kind == "noise":
        rng = np.random.default_rng(seed)
        for frame in frames[stretch]:
            frame[clip.sector] = rng.permutation(frame[clip.sector])
    elif kind == "lift":
        frames[stretch] = _lifted(clip, stretch)
    else:
        frames[stretch] = _scaled(frames[stretch], _shadow(clip, first, kind == "base shadow")[None])
    return replace(clip, frames=frames, masks=masks)


def beams(clip: EchoClip) -> tuple[Array, Array]:
    """``(H, W)`` float32: angle of each pixel's beam in radians, 0 downward, and its depth in mm from the top of the sector.

    The origin of the beams is where the straight sides of the sector meet.
    """
    row_mm, col_mm = clip.spacing
    columns = np.arange(clip.sector.shape[1])
    rows = np.flatnonzero(clip.sector.any(axis=1))
    left = np.array([columns[clip.sector[row]].min() for row in rows])
    right = np.array([columns[clip.sector[row]].max() for row in rows])
    widening = (np.gradient((right - left).astype(float)) > 0) & (left > 0) & (right < len(columns) - 1)
    widening[: len(rows) // 8] = False  # the face of a curved probe
    if np.count_nonzero(widening) < 2:
        raise SimulationError("the sector has no sides to tell the beams by")
    slope, start = np.polyfit(rows[widening] + 0.5, right[widening] - left[widening] + 1.0, 1)
    origin_row, origin_column = -start / slope, float((left + right)[widening].mean()) / 2 + 0.5
    v = ((np.arange(clip.sector.shape[0]) + 0.5 - origin_row) * row_mm)[:, None]
    u = ((columns + 0.5 - origin_column) * col_mm)[None, :]
    radius = np.hypot(u, v)
    return np.arctan2(u, v).astype(np.float32), (radius - radius[clip.sector].min()).astype(np.float32)


def _shadow(clip: EchoClip, frame: int, of_the_base: bool) -> Array:
    """What is left of each pixel, ``(H, W)`` float32 0..1."""
    ventricle = clip.masks[frame] == _LV
    if not ventricle.any():
        raise SimulationError(f"frame {frame} shows no left ventricle to shade")
    angle, depth = beams(clip)
    low, high = np.quantile(angle[ventricle], (0.02, 0.98) if of_the_base else (0.15, 0.85))
    side = np.clip((angle - low) / _EDGE, 0, 1) * np.clip((high - angle) / _EDGE, 0, 1)
    if of_the_base:
        near, far = np.quantile(depth[ventricle], (0.02, 0.98))
        side = side * np.clip((depth - (near + _BASE * (far - near))) / 3.0, 0, 1)
    return (1 - (1 - _LEFT) * side).astype(np.float32)


def _lifted(clip: EchoClip, stretch: slice) -> NDArray[np.uint8]:
    _, depth = beams(clip)
    rings = 110 * np.exp(-depth / 12) * (1 + np.cos(2 * np.pi * depth / 5)) / 2 * clip.sector
    frames = clip.frames[stretch].astype(np.float32)
    count = len(frames)
    ramp = max(1.0, _LIFTING * count)
    at = np.arange(1, count + 1)
    lost = np.clip(np.minimum(at, count + 1 - at) / ramp, 0, 1)
    grey = (slice(None), None, None) + (None,) * (frames.ndim - 3)
    air = rings if frames.ndim == 3 else rings[..., None]
    return np.rint((1 - 0.95 * lost[grey]) * frames + lost[grey] * air[None]).clip(0, 255).astype(np.uint8)


def _scaled(frames: NDArray[np.uint8], factor: Array) -> NDArray[np.uint8]:
    return np.rint(frames * (factor if frames.ndim == 3 else factor[..., None])).astype(np.uint8)
