"""A contact sheet of simulated frames with their masks, to look at beside real ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from echoseg.errors import OutputError
from echoseg.simulate.clip import random_clip

_COLOURS = {1: (230, 60, 60), 2: (60, 200, 90), 3: (80, 130, 255), 4: (230, 180, 60)}


def outlined(frame: NDArray[np.uint8], mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """``frame`` ``(H, W)`` or ``(H, W, 3)`` as RGB with the outline of each label of ``mask`` ``(H, W)``."""
    picture = np.repeat(frame[..., None], 3, axis=-1) if frame.ndim == 2 else frame.copy()
    for label, colour in _COLOURS.items():
        contours, _ = cv2.findContours((mask == label).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(picture, contours, -1, colour, 1)
    return picture


def write_gallery(
    path: str | Path, seed: int = 0, rows: int = 4, cols: int = 8, size: int = 128, views: Sequence[str] = ("A4C", "A2C")
) -> None:
    """Writes a PNG of ``rows`` x ``cols`` stills of ``size`` pixels; each still appears plain, and outlined below.

    Raises:
        OutputError: the file cannot be written.
    """
    lines = []
    for row in range(rows):
        clips = [random_clip(seed + row * cols + col, size, views=views) for col in range(cols)]
        plain = [clip.frames[0] if clip.frames.ndim == 4 else np.repeat(clip.frames[0][..., None], 3, axis=-1) for clip in clips]
        lines.append(np.hstack(plain))
        lines.append(np.hstack([outlined(clip.frames[0], clip.masks[0]) for clip in clips]))
    done, data = cv2.imencode(".png", np.vstack(lines)[..., ::-1])
    if not done:
        raise OutputError(f"could not encode the gallery for {path}")
    try:
        Path(path).write_bytes(data.tobytes())
    except OSError as error:
        raise OutputError(f"cannot write the gallery to {path}: {error}") from error
