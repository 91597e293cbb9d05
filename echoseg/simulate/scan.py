"""The sector on the screen: which pixel sees which beam and depth."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from echoseg.simulate.heart import Array
from echoseg.simulate.options import EchoOptions


@dataclass(frozen=True)
class Sector:
    """An ultrasound sector in image coordinates (mm, u right, v down, (0, 0) the middle of the probe face).

    Attributes:
        half: half opening angle, radians. ``near``: radius of the probe face about the beams' common origin, mm (0: a point).
        depth: how far the beams reach beyond the face, mm. ``beams``, ``samples``: size of the polar grid.
    """

    half: float
    near: float
    depth: float
    beams: int
    samples: int

    def polar_points(self) -> tuple[Array, Array]:
        """Image coordinates u, v of the polar grid, each ``(samples, beams)`` float32."""
        angle = np.linspace(-self.half, self.half, self.beams, dtype=np.float32)[None, :]
        radius = (self.near + np.linspace(0, self.depth, self.samples, dtype=np.float32))[:, None]
        return radius * np.sin(angle), radius * np.cos(angle) - np.float32(self.near)

    def to_polar(self, u: Array, v: Array) -> tuple[Array, Array]:
        """Beam and sample index (float32) of image points."""
        y = v + np.float32(self.near)
        angle = np.arctan2(u, y)
        beam = (angle + self.half) * ((self.beams - 1) / (2 * self.half))
        sample = (cv2.magnitude(u, y) - self.near) * ((self.samples - 1) / self.depth)
        return beam.astype(np.float32), sample.astype(np.float32)


@dataclass(frozen=True)
class Canvas:
    """Pixels over the image: the centre of pixel ``(row, col)`` has ``u = left + (col + 0.5) * col_mm``, v likewise from ``top``."""

    rows: int
    cols: int
    row_mm: float
    col_mm: float
    left: float
    top: float

    def points(self, scale: float = 1.0) -> tuple[Array, Array]:
        """u, v of the pixel centres of this canvas drawn ``scale`` times finer."""
        rows, cols = max(1, round(self.rows * scale)), max(1, round(self.cols * scale))
        u = self.left + (np.arange(cols, dtype=np.float32) + 0.5) * (self.col_mm * self.cols / cols)
        v = self.top + (np.arange(rows, dtype=np.float32) + 0.5) * (self.row_mm * self.rows / rows)
        uu, vv = np.meshgrid(u.astype(np.float32), v.astype(np.float32))
        return uu, vv


def random_sector(rng: np.random.Generator, options: EchoOptions, needed_mm: float, rows: int) -> Sector:
    """A sector that reaches about ``needed_mm`` deep, with a pointed or a curved probe face, its grid fine enough for ``rows`` rows."""
    half = np.deg2rad(np.clip(rng.normal(80.0, 11.0), *options.sector_deg)) / 2
    near = 0.0 if rng.random() < 0.4 else rng.uniform(2.0, 14.0)
    depth = float(np.clip(needed_mm, 80.0, 230.0))
    return Sector(float(half), near, depth, int(rng.integers(80, 144)), int(rng.uniform(1.0, 1.5) * np.clip(1.4 * rows, 176, 320)))


def random_canvas(rng: np.random.Generator, sector: Sector, rows: int, cols: int, options: EchoOptions) -> Canvas:
    """Places the sector in the picture: filling it, on a screen with margins, or cropped; then squeezed to ``rows`` x ``cols``."""
    reach = sector.near + sector.depth
    width = 2 * reach * np.sin(sector.half)
    top = sector.near * (np.cos(sector.half) - 1)
    height = sector.depth - top
    style = rng.choice(["fill", "screen", "crop"], p=[0.4, 0.25, 0.35])
    if style == "fill":  # each side fits the sector on its own: the squeeze follows from its shape
        frame_w, frame_h = width * rng.uniform(0.97, 1.06), height * rng.uniform(0.97, 1.06)
    elif style == "screen":
        frame_h = height * rng.uniform(1.05, 1.35)
        frame_w = max(frame_h * rng.choice([1.0, 4 / 3, 1.5]), 0.9 * width)
    else:
        frame_h = height * rng.uniform(0.88, 1.05)
        frame_w = max(frame_h * rng.uniform(0.95, 1.1), 0.7 * width)
    stretch = np.sqrt(rng.uniform(*options.stretch)) if style != "screen" else 1.0
    frame_h, frame_w = frame_h / stretch, frame_w * stretch
    left = -frame_w / 2 + rng.normal(0, 0.02) * frame_w
    slack = frame_h - height
    v_top = top - (slack * rng.uniform(0.2, 0.6) if slack > 0 else slack * rng.uniform(0.0, 0.25))
    return Canvas(rows, cols, frame_h / rows, frame_w / cols, float(left), float(v_top))


@dataclass(frozen=True)
class ScanMap:
    """Look-up from a canvas into the polar grid: ``beam``, ``sample`` float32 indices and ``inside`` the sector, all ``(H, W)``."""

    beam: Array
    sample: Array
    inside: NDArray[np.bool_]

    def convert(self, polar: Array, outside: float = 0.0) -> Array:
        """Scan-converts a polar picture ``(samples, beams)`` to ``(H, W)``."""
        out = cv2.remap(polar, self.beam, self.sample, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        out[~self.inside] = outside
        return out


def scan_map(sector: Sector, canvas: Canvas, scale: float = 1.0) -> ScanMap:
    """The look-up for ``canvas`` drawn ``scale`` times finer."""
    beam, sample = sector.to_polar(*canvas.points(scale))
    inside = (beam >= 0) & (beam <= sector.beams - 1) & (sample >= 0) & (sample <= sector.samples - 1)
    return ScanMap(beam, sample, inside)
