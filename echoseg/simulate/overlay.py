"""What scanners burn into the picture: text, ECG, depth ticks, a grey bar, marks."""

from __future__ import annotations

import string
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Overlay:
    """Burned-in graphics of one clip, positions relative to the picture's size.

    Attributes:
        texts: ``(x, y, size, text)`` with x, y in 0..1 and size in picture heights.
        ticks: x of the depth scale or None. ``bar``: x of the grey bar or None. ``mark``: x, y of the orientation mark or None.
        ecg: ``(y, height)`` of the ECG trace or None. ``colour``: RGB of text and trace.
    """

    texts: tuple[tuple[float, float, float, str], ...]
    ticks: float | None
    bar: float | None
    mark: tuple[float, float] | None
    ecg: tuple[float, float] | None
    colour: tuple[int, int, int]


def random_overlay(rng: np.random.Generator) -> Overlay:
    """Draws what is burned in and where; mostly in the corners."""
    alphabet = list(string.ascii_uppercase + string.digits + "  .:/")
    texts = []
    for _ in range(rng.integers(0, 7)):
        x = rng.choice([rng.uniform(0.0, 0.2), rng.uniform(0.75, 0.95)])
        y = rng.choice([rng.uniform(0.03, 0.3), rng.uniform(0.8, 0.99)])
        texts.append((float(x), float(y), rng.uniform(0.02, 0.045), "".join(rng.choice(alphabet, rng.integers(2, 12)))))
    grey = int(rng.integers(120, 256))
    tint = rng.integers(60, 256, 3)
    return Overlay(
        tuple(texts),
        rng.uniform(0.9, 0.99) if rng.random() < 0.5 else None,
        rng.choice([0.02, 0.96]) if rng.random() < 0.3 else None,
        (rng.uniform(0.35, 0.65), rng.uniform(0.01, 0.08)) if rng.random() < 0.4 else None,
        (rng.uniform(0.88, 0.96), rng.uniform(0.03, 0.08)) if rng.random() < 0.4 else None,
        (int(tint[0]), int(tint[1]), int(tint[2])) if rng.random() < 0.6 else (grey, grey, grey),
    )


def burn_in(picture: NDArray[np.uint8], overlay: Overlay, r_times: NDArray[np.float64], time: float) -> NDArray[np.uint8]:
    """Draws on a copy of ``picture`` ``(H, W)`` or ``(H, W, 3)``; grey pictures get the colour's luminance.

    The ECG shows the two seconds before ``time`` s, with R waves at ``r_times``.
    """
    out = picture.copy()
    rows, cols = picture.shape[:2]
    colour = overlay.colour if picture.ndim == 3 else int(0.3 * overlay.colour[0] + 0.59 * overlay.colour[1] + 0.11 * overlay.colour[2])
    for x, y, size, text in overlay.texts:
        cv2.putText(out, text, (round(x * cols), round(y * rows)), cv2.FONT_HERSHEY_SIMPLEX, size * rows / 22, colour, 1, cv2.LINE_AA)
    if overlay.ticks is not None:
        x = round(overlay.ticks * cols)
        for k in range(1, 16):
            y = round(k * rows / 16)
            cv2.line(out, (x, y), (x + max(1, cols // (40 if k % 5 == 0 else 90)), y), colour, 1)
    if overlay.bar is not None:
        x, top, height = round(overlay.bar * cols), rows // 10, rows // 4
        ramp = np.linspace(255, 0, height).astype(np.uint8)[:, None]
        block = out[top : top + height, x : x + max(2, cols // 50)]
        block[...] = ramp[..., None] if out.ndim == 3 else ramp
    if overlay.mark is not None:
        cv2.circle(out, (round(overlay.mark[0] * cols), round(overlay.mark[1] * rows)), max(1, rows // 70), colour, -1, cv2.LINE_AA)
    if overlay.ecg is not None:
        y0, height = overlay.ecg[0] * rows, overlay.ecg[1] * rows
        t = np.linspace(time - 2.0, time, cols // 2 + 2)
        beat = t[:, None] - r_times[None, :]
        wave = (
            np.exp(-((beat / 0.015) ** 2)) + 0.25 * np.exp(-(((beat - 0.28) / 0.05) ** 2)) + 0.12 * np.exp(-(((beat + 0.15) / 0.03) ** 2))
        ).sum(axis=1)
        line = np.stack([np.linspace(0.02, 0.98, len(t)) * cols, y0 - wave * height], axis=1)
        cv2.polylines(out, [np.round(line).astype(np.int32)], False, colour, 1, cv2.LINE_AA)
    return out
