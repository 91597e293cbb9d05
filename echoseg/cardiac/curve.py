"""Per-frame LV geometry of a clip."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from echoseg.cardiac.contour import Contour, bounding_box, checked_mask, checked_spacing, endocardial_contour
from echoseg.cardiac.landmarks import Landmarks, find_landmarks, steadied
from echoseg.cardiac.view import ApicalView, disk_diameters
from echoseg.cardiac.volume import checked_method, volume_of
from echoseg.errors import MeasureError

SinglePlane = Literal["disks", "area-length"]


@dataclass(frozen=True)
class LVCurve:
    """Single-plane geometry of each frame; all arrays ``(T,)`` float64, NaN where the mask is empty or cannot be measured.

    Attributes:
        area_px: cavity pixels (largest component, holes filled).
        area_cm2, length_mm, volume_ml: None when spacing is unknown.
        relative: volume in cubes of a pixel's height, for ratios only; pixels are taken as square when spacing is unknown.
        relative_length: long axis in heights of a pixel, likewise.
        kept: share of the mask that its largest component holds, 0..1.
        filled: share of the cavity that was holes, 0..1.
        at_edge: ``(T,)`` bool, the mask touches the image's edge.
    """

    area_px: NDArray[np.float64]
    area_cm2: NDArray[np.float64] | None
    length_mm: NDArray[np.float64] | None
    volume_ml: NDArray[np.float64] | None
    relative: NDArray[np.float64]
    relative_length: NDArray[np.float64]
    kept: NDArray[np.float64]
    filled: NDArray[np.float64]
    at_edge: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.area_px)


def measure_frames(masks: ArrayLike, spacing: ArrayLike | None = None, method: SinglePlane = "disks", *, steady: bool = False) -> LVCurve:
    """Area, long axis and single-plane volume of every frame.

    Args:
        masks: ``(T, H, W)``, bool or above zero inside.
        spacing: ``(row_mm, col_mm)``, or None when unknown.
        method: ``"disks"`` or ``"area-length"``; see :func:`echoseg.cardiac.lv_volume`.
        steady: hold hinge points and apex steady over five frames instead of finding them in each frame alone.

    Raises:
        MeasureError: malformed masks or spacing, or a method that is not for a single plane.
    """
    masks = checked_mask(masks, "(T, H, W)")
    known = checked_spacing(spacing)
    checked = checked_method(method, biplane=False)
    count = len(masks)
    area_px, area, length, volume, kept, filled = (np.full(count, np.nan) for _ in range(6))
    at_edge = np.zeros(count, dtype=bool)
    found: dict[int, tuple[Contour, Landmarks]] = {}
    for index, mask in enumerate(masks):
        at_edge[index] = _touches_edge(mask)
        try:
            contour = endocardial_contour(mask, known)
            area_px[index], area[index] = contour.area_px, contour.area
            kept[index], filled[index] = contour.kept, contour.filled
            found[index] = contour, find_landmarks(contour)
        except MeasureError:  # an empty mask, a mask of a few pixels, or one without a base: what is known stays
            continue
    for index, (contour, landmarks) in (steadied(found) if steady else found).items():
        view = ApicalView(contour, landmarks, disk_diameters(contour, landmarks), area[index])
        volume[index], length[index] = volume_of({"view": view}, checked)
    if known is None:
        return LVCurve(area_px, None, None, None, volume, length, kept, filled, at_edge)
    return LVCurve(area_px, area / 100, length, volume / 1000, volume / known[0] ** 3, length / known[0], kept, filled, at_edge)


def _touches_edge(mask: NDArray[np.bool_]) -> bool:
    box = bounding_box(mask)
    if box is None:
        return False
    rows, columns = box
    return rows.start == 0 or columns.start == 0 or rows.stop == mask.shape[0] or columns.stop == mask.shape[1]
