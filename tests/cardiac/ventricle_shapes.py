"""Masks of ventricles whose landmarks and volumes are known exactly."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Ventricle:
    """An ellipsoid of revolution cut square to its axis: long and short half axes in mm, the cut ``cut * long`` below the centre."""

    long: float = 60.0
    short: float = 25.0
    cut: float = 0.4
    tilt: float = 0.0

    @property
    def along(self) -> NDArray[np.float64]:
        angle = np.deg2rad(self.tilt)
        return np.array([np.sin(angle), -np.cos(angle)])

    @property
    def centre(self) -> NDArray[np.float64]:
        return np.array([80.0, 80.0])

    @property
    def apex(self) -> NDArray[np.float64]:
        return self.centre + self.long * self.along

    @property
    def base(self) -> NDArray[np.float64]:
        return self.centre - self.cut * self.long * self.along

    @property
    def hinges(self) -> NDArray[np.float64]:
        """(2, 2) mm, left one first."""
        across = np.array([-self.along[1], self.along[0]]) * self.short * np.sqrt(1 - self.cut**2)
        return np.stack([self.base - across, self.base + across])

    @property
    def length(self) -> float:
        return self.long * (1 + self.cut)

    @property
    def ml(self) -> float:
        return np.pi * self.short**2 * self.long * ((1 + self.cut) - (1 + self.cut**3) / 3) / 1000

    @property
    def area_cm2(self) -> float:
        return self.long * self.short * (np.pi / 2 + np.arcsin(self.cut) + self.cut * np.sqrt(1 - self.cut**2)) / 100

    def mask(self, spacing: tuple[float, float] = (0.5, 0.5), size_mm: float = 160.0) -> NDArray[np.bool_]:
        row_mm, col_mm = spacing
        rows, columns = round(size_mm / row_mm), round(size_mm / col_mm)
        y, x = np.mgrid[:rows, :columns] + 0.5
        from_centre = np.stack([x * col_mm, y * row_mm], axis=-1) - self.centre
        u = from_centre @ self.along
        v = from_centre @ np.array([-self.along[1], self.along[0]])
        return ((u / self.long) ** 2 + (v / self.short) ** 2 < 1) & (u > -self.cut * self.long)


def rough(mask: NDArray[np.bool_], seed: int = 0, share: float = 0.3) -> NDArray[np.bool_]:
    """The mask with that share of the pixels along its border flipped."""
    kernel = np.ones((3, 3), np.uint8)
    plain = mask.astype(np.uint8)
    border = cv2.dilate(plain, kernel) != cv2.erode(plain, kernel)
    return mask ^ (border & (np.random.default_rng(seed).random(mask.shape) < share))
