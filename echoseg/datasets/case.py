"""A case with its truth: what every layout gives, to evaluation and to training alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from echoseg.errors import SourceError
from echoseg.io.open import open_source
from echoseg.io.source import Source
from echoseg.types import BoolMask, Image

Stretch = Callable[[NDArray[np.integer]], slice]
"""Chooses the consecutive frames to read, given all label maps ``(T, H, W)`` of a case."""


@dataclass(frozen=True)
class Case:
    """A clip, still or volume and its label maps.

    Attributes:
        name: of the case. ``subject``: whom it comes from.
        frames: ``(T, H, W)`` or ``(T, H, W, 3)`` uint8.
        labels: ``(T, H, W)`` label numbers, 0 the background.
        names: ``{label: structure}`` of those that are asked for; a structure may be absent.
        known: ``(T,)`` bool, frames that have truth.
        kind: ``clip`` (a still is a clip of one frame), ``volume``, or ``cine``: one slice of a volume over time, read and scored as a
            clip that is not ultrasound.
        spacing: ``(row_mm, col_mm)`` or None. ``slice_mm``: of a volume, or None.
        fps: frames per second of a clip, or None.
        view: such as ``A4C``, where the set says. ``phases``: ``{"ED": frame, "ES": frame}``, likewise.
        variant: what was done to the case, such as ``224x224``.
    """

    name: str
    subject: str
    frames: Image
    labels: NDArray[np.integer]
    names: Mapping[int, str]
    known: NDArray[np.bool_]
    kind: Literal["clip", "volume", "cine"] = "clip"
    spacing: tuple[float, float] | None = None
    slice_mm: float | None = None
    fps: float | None = None
    view: str | None = None
    phases: Mapping[str, int] = field(default_factory=dict)
    variant: str = ""

    @cached_property
    def truth(self) -> Mapping[str, BoolMask]:
        """``{structure: (T, H, W) bool}``, a mask for each of ``names``."""
        return {name: self.labels == label for label, name in self.names.items()}

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

    def still(self, frame: int) -> Case:
        """One frame as a case of its own."""
        one = slice(frame, frame + 1)
        phases = {phase: 0 for phase, at in self.phases.items() if at == frame}
        frames, labels, known = self.frames[one], self.labels[one], self.known[one]
        return replace(self, name=f"{self.name}_{frame}", frames=frames, labels=labels, known=known, fps=None, phases=phases)

    def resized(self, rows: int, cols: int) -> Case:
        """The case squeezed to another size, whatever its aspect ratio; labels, of 255 at most, by the nearest pixel."""
        height, width = self.frames.shape[1:3]
        shrinks = rows * cols < height * width
        way = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        frames = np.stack([cv2.resize(frame, (cols, rows), interpolation=way) for frame in self.frames])
        nearest = [cv2.resize(labels.astype(np.uint8), (cols, rows), interpolation=cv2.INTER_NEAREST_EXACT) for labels in self.labels]
        spacing = None if self.spacing is None else (self.spacing[0] * height / rows, self.spacing[1] * width / cols)
        return replace(self, frames=frames, labels=np.stack(nearest), spacing=spacing, variant=f"{cols}x{rows}")


def whole(labels: NDArray[np.integer]) -> slice:
    """The :data:`Stretch` of all frames."""
    return slice(0, len(labels))


def read_case(
    source: Source, labels: NDArray[np.integer], where: Path, name: str, names: Mapping[int, str], stretch: Stretch = whole
) -> Case:
    """The case of an opened source and its label maps; every frame has truth.

    Args:
        labels: ``(T, H, W)``, one label map for each frame of ``source``; of a volume in the order of the file.
        where: the file of the label maps, for an error.
        names: of labels; others are called by their number.
        stretch: chooses the frames that are read.

    Raises:
        SourceError: label maps and frames differ in shape, or a frame cannot be read.
    """
    labels = _fitting(source.from_stored(labels), (source.length, *source.size), where)
    part = stretch(labels)
    frames = np.stack(list(source.frames(part.start, part.stop)))
    labels = _fitting(labels[part], frames.shape[:3], where)
    volume = bool(source.stored_in)
    return Case(
        name=name,
        subject=name,
        frames=frames,
        labels=labels,
        names={value: names.get(value, str(value)) for value in np.unique(labels).tolist() if value > 0},
        known=np.ones(len(frames), bool),
        kind="volume" if volume else "clip",
        spacing=source.geometry.spacing,
        slice_mm=source.geometry.slice_spacing,
        fps=None if volume else source.timing.fps,
    )


def _fitting(labels: NDArray[np.integer], shape: tuple[int | None, ...], where: Path) -> NDArray[np.integer]:
    if labels.shape != shape:
        raise SourceError(f"{where}: masks of shape {labels.shape} do not fit frames of shape {shape}")
    return labels
