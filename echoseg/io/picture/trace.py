"""Pictures whose one axis is time, told by how they move.

M-mode and spectral Doppler scroll as a whole, or are written anew column by column; tissue does neither.
"""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

_WIDTH = 256
"""Pixels to which frames are shrunk."""
_CHANGED = 8.0
"""Grey levels by which a pixel changes that counts as changed."""
_LEAST_CHANGE = 0.08
"""Share of the frame that scrolls; a strip of ECG, which scrolls under a true clip, changes less."""
_LEFT_OVER = 0.4
"""The change that is left once the shift is undone, as a share of the change: speckle of moving tissue keeps more than half."""
_MOST_STILL = 0.25
"""Share of the width within which a sweeping bar writes anew from one frame to the next,"""
_LEAST_HEIGHT = 0.3
"""and share of the height over which it does; an ECG is lower."""
_MAJORITY = 0.75
"""Share of the pairs of frames that agree."""


def runs_in_time(frames: NDArray[np.uint8]) -> bool:
    """Whether successive frames ``(T, H, W)`` or ``(T, H, W, 3)`` show a trace that scrolls or sweeps."""
    if len(frames) < 4:
        return False
    small = [_small(frame) for frame in frames]
    return any(_scrolls(small[::gap]) for gap in (1, 3)) or _sweeps(small)


def _small(frame: NDArray[np.uint8]) -> NDArray[np.float32]:
    grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) if frame.ndim == 3 else frame
    scale = _WIDTH / grey.shape[1]
    if scale < 1:
        grey = cv2.resize(grey, (_WIDTH, max(round(grey.shape[0] * scale), 8)), interpolation=cv2.INTER_AREA)
    return np.asarray(grey, np.float32)


def _parts(height: int) -> tuple[slice, slice, slice]:
    """All rows, the upper and the lower half: a moving 2D picture may stand above its trace."""
    return slice(0, height), slice(0, height // 2), slice(height // 2, height)


def _scrolls(frames: list[NDArray[np.float32]]) -> bool:
    """Whether each frame, or the upper or lower part of it that changes, is the one before moved sideways by the same few columns."""
    return any(_part_scrolls([frame[part] for frame in frames]) for part in _parts(len(frames[0])))


def _part_scrolls(frames: list[NDArray[np.float32]]) -> bool:
    if len(frames) < 4:
        return False
    shifts = []
    for before, after in pairwise(frames):
        change = np.abs(after - before)
        if (change > _CHANGED).mean() < _LEAST_CHANGE:
            continue
        alive = change.max(axis=1) > _CHANGED
        one, other = before[alive], after[alive]
        if min(one.shape) < 8:
            continue
        (across, _), _ = cv2.phaseCorrelate(one, other)
        shift = round(across)
        if shift == 0 or abs(shift) > one.shape[1] // 3:
            continue
        moved = np.abs(other[:, shift:] - one[:, :-shift]) if shift > 0 else np.abs(other[:, :shift] - one[:, -shift:])
        if moved.mean() < _LEFT_OVER * np.abs(other - one).mean():
            shifts.append(shift)
    if len(shifts) < _MAJORITY * (len(frames) - 1):
        return False
    return bool(np.ptp(shifts) <= 2 or np.ptp(shifts) <= 0.3 * abs(float(np.median(shifts))))


def _sweeps(frames: list[NDArray[np.float32]]) -> bool:
    """Whether from frame to frame a narrow upright band of the picture or of a half of it changes, which runs across, and nothing else."""
    height = len(frames[0])
    return any(_part_sweeps([frame[part] for frame in frames], _LEAST_HEIGHT * height) for part in _parts(height))


def _part_sweeps(frames: list[NDArray[np.float32]], least: float) -> bool:
    """``least``: rows that the band spans."""
    width = frames[0].shape[1]
    centres = []
    for before, after in pairwise(frames):
        changed = np.abs(after - before) > _CHANGED
        columns, rows = np.flatnonzero(changed.sum(axis=0) > 1), np.flatnonzero(changed.any(axis=1))
        narrow = 0 < len(columns) < _MOST_STILL * width and np.ptp(columns) < _MOST_STILL * width
        if narrow and np.ptp(rows) > least:
            centres.append(float(columns.mean()))
    if len(centres) < _MAJORITY * (len(frames) - 1):
        return False
    steps = np.diff(centres)
    return bool((steps > 0.5).mean() > _MAJORITY or (steps < -0.5).mean() > _MAJORITY)
