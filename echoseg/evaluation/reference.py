"""A case with its truth: what every reference set gives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from echoseg.io.open import open_source
from echoseg.io.source import Source
from echoseg.types import BoolMask, Image


@dataclass(frozen=True)
class Reference:
    """A clip, still or volume and the true masks of its structures.

    Attributes:
        name: of the case. ``subject``: whom it comes from.
        frames: ``(T, H, W)`` or ``(T, H, W, 3)`` uint8.
        truth: ``{structure: (T, H, W) bool}``.
        known: ``(T,)`` bool, frames that have truth.
        kind: ``clip`` (a still is a clip of one frame), ``volume``, or ``cine``: one slice of a volume over time, read and scored as a
            clip that is not ultrasound.
        spacing: ``(row_mm, col_mm)`` or None. ``slice_mm``: of a volume, or None.
        fps: frames per second of a clip, or None.
        variant: what was done to the case, such as ``224x224``.
    """

    name: str
    subject: str
    frames: Image
    truth: Mapping[str, BoolMask]
    known: NDArray[np.bool_]
    kind: Literal["clip", "volume", "cine"] = "clip"
    spacing: tuple[float, float] | None = None
    slice_mm: float | None = None
    fps: float | None = None
    variant: str = ""

    def source(self) -> Source:
        """The frames as the pipeline reads them."""
        moves = self.kind != "volume" and len(self.frames) > 1
        kind: Literal["volume"] | None = "volume" if self.kind == "volume" else None
        return open_source(self.frames, name=self.name, kind=kind, spacing=self.spacing, fps=self.fps if moves else None)

    def times(self) -> NDArray[np.float64] | None:
        """``(T,)`` seconds from the first frame, or None when unknown."""
        return np.arange(len(self.frames)) / self.fps if self.fps else None

    def shown(self, label: str) -> NDArray[np.intp]:
        """Frames with truth on which a structure is seen, ascending; empty for one that is not in the truth."""
        masks = self.truth.get(label)
        return np.zeros(0, np.intp) if masks is None else np.flatnonzero(self.known & masks.any(axis=(1, 2)))

    def still(self, frame: int) -> Reference:
        """One frame as a case of its own."""
        one = slice(frame, frame + 1)
        truth = {label: masks[one] for label, masks in self.truth.items()}
        return replace(self, name=f"{self.name}_{frame}", frames=self.frames[one], truth=truth, known=self.known[one], fps=None)

    def resized(self, rows: int, cols: int) -> Reference:
        """The case squeezed to another size, whatever its aspect ratio; masks by the nearest pixel."""
        height, width = self.frames.shape[1:3]
        shrinks = rows * cols < height * width
        way = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        frames = np.stack([cv2.resize(frame, (cols, rows), interpolation=way) for frame in self.frames])
        spacing = None if self.spacing is None else (self.spacing[0] * height / rows, self.spacing[1] * width / cols)
        truth = {label: np.stack(list(_nearest(masks, rows, cols))) for label, masks in self.truth.items()}
        return replace(self, frames=frames, truth=truth, spacing=spacing, variant=f"{cols}x{rows}")


def _nearest(masks: BoolMask, rows: int, cols: int) -> Iterator[BoolMask]:
    for mask in masks:
        yield cv2.resize(mask.astype(np.uint8), (cols, rows), interpolation=cv2.INTER_NEAREST_EXACT) > 0
