"""What lies between two labelled frames of a beat: the walls moved part of the way, picture and labels by the same warp.

CAMUS labels end-diastole and end-systole only. A clip of the two is a jump that no camera shows; here the frames between are made of the
real ones. The motion is found on the labels (signed distances to their borders), so it is right at the walls and smooth elsewhere. Whatever
its errors, each made frame fits its own labels exactly: both were moved by one warp.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from echoseg.datasets.case import Case

_REACH = 24.0
"""Pixels from a border at which its distance no longer grows."""
_SMOOTH = 0.02
"""Standard deviation of the smoothing of the motion, as a share of the picture's side."""

_FADE = 0.06
"""Share of the side over which the motion dies away from the heart: the scan sector stands still."""


def frames_between(frames: NDArray[np.uint8], labels: NDArray[np.uint8], count: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """A clip from the first frame to the second with ``count`` made frames between them, evenly along the way.

    Args:
        frames: ``(2, H, W)`` grey; labels: ``(2, H, W)`` label numbers.

    Returns:
        ``(count + 2, H, W)`` frames and labels; the first and the last are those given. A made frame comes from the nearer real one.
    """
    flow = motion_of(labels[0], labels[1])
    height, width = labels.shape[1:]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    moved_frames, moved_labels = [frames[0]], [labels[0]]
    for step in range(1, count + 1):
        share = step / (count + 1)
        near, by = (0, -share) if share <= 0.5 else (1, 1 - share)
        at_x, at_y = x + by * flow[..., 0], y + by * flow[..., 1]
        moved_frames.append(np.asarray(cv2.remap(frames[near], at_x, at_y, cv2.INTER_LINEAR), np.uint8))
        moved_labels.append(_moved_labels(labels[near], at_x, at_y))
    return np.stack([*moved_frames, frames[1]]), np.stack([*moved_labels, labels[1]])


def with_frames_between(case: Case, count: int) -> Case:
    """A clip of two frames, the first at ED and the last at ES, with ``count`` made ones between them."""
    if count == 0:
        return case
    frames, labels = frames_between(case.frames, case.labels.astype(np.uint8), count)
    return replace(case, frames=frames, labels=labels, known=np.ones(len(frames), bool), phases={"ED": 0, "ES": count + 1})


def motion_of(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> NDArray[np.float32]:
    """``(H, W, 2)`` displacement in pixels (x, y) that carries the borders of the labels ``first`` to those of ``second``."""
    pictures = [_distances(labels) for labels in (first, second)]
    finder = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    flow = finder.calc(pictures[0], pictures[1], None)  # type: ignore[call-overload]
    side = max(first.shape)
    away = cv2.distanceTransform(((first == 0) & (second == 0)).astype(np.uint8), cv2.DIST_L2, 5)
    flow *= np.exp(-away / (_FADE * side))[..., None]
    return np.asarray(cv2.GaussianBlur(flow, (0, 0), _SMOOTH * side), np.float32)


def _distances(labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """One grey picture of the signed distances to the border of every label: a smooth landscape that motion can be found on."""
    values = [int(v) for v in np.unique(labels) if v > 0]
    total = np.zeros(labels.shape, np.float32)
    for value in values:
        inside = (labels == value).astype(np.uint8)
        signed = cv2.distanceTransform(inside, cv2.DIST_L2, 5) - cv2.distanceTransform(1 - inside, cv2.DIST_L2, 5)
        total += np.clip(signed, -_REACH, _REACH) * (1.0 if value == 1 else 0.6)
    span = _REACH * (1.0 + 0.6 * max(len(values) - 1, 0))
    return np.asarray(np.clip(127.5 + 127.5 * total / span, 0, 255), np.uint8)


def _moved_labels(labels: NDArray[np.uint8], at_x: NDArray[np.float32], at_y: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Each label moved with soft edges; a pixel belongs to the one that fills most of it."""
    values = np.unique(labels)
    layers = [(labels == value).astype(np.float32) for value in values]
    shares = np.stack([cv2.remap(layer, at_x, at_y, cv2.INTER_LINEAR) for layer in layers])
    return values[shares.argmax(axis=0)].astype(np.uint8)
