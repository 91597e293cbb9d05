"""The one curve that overlay and curve.png show: which quantity, in which unit, over which axis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from echoseg.io.tables import MM2_PER_CM2, frame_times, object_areas
from echoseg.record.entries import number
from echoseg.report.rows import shown
from echoseg.types import Segmentation

if TYPE_CHECKING:
    from echoseg.cardiac import LVAnalysis


@dataclass(frozen=True)
class TraceBeat:
    """One beat to mark on the curve: frame indices, and EF in percent (None when unknown)."""

    ed: int
    es: int
    next_ed: int | None
    ef: float | None
    partial: bool = False


@dataclass(frozen=True)
class Trace:
    """One measure of one object over the frames of a clip.

    Attributes:
        object_name: such as ``LV``.
        quantity: ``volume``, ``relative volume`` or ``area``.
        unit: ``mL``, ``cm²``, ``px`` or ``%``.
        values: ``(T,)`` float64; NaN where the object is absent.
        times: ``(T,)`` float64 seconds, or None when timing is unknown.
        beats: in order of time.
        r_waves: seconds of the file's R waves, on the clock of ``times``.
    """

    object_name: str
    quantity: str
    unit: str
    values: NDArray[np.float64]
    times: NDArray[np.float64] | None = None
    beats: tuple[TraceBeat, ...] = ()
    r_waves: tuple[float, ...] = ()

    @property
    def x(self) -> NDArray[np.float64]:
        """``(T,)`` seconds, or frame numbers from 1 when timing is unknown."""
        return np.arange(1, len(self.values) + 1, dtype=np.float64) if self.times is None else self.times

    @property
    def x_label(self) -> str:
        return "frame" if self.times is None else "time (s)"

    @property
    def ed_frames(self) -> tuple[int, ...]:
        return tuple(sorted({b.ed for b in self.beats} | {b.next_ed for b in self.beats if b.next_ed is not None}))

    @property
    def es_frames(self) -> tuple[int, ...]:
        return tuple(sorted({b.es for b in self.beats}))

    def text(self, frame: int) -> str:
        """The value at ``frame`` with its unit, e.g. ``85 mL``; ``–`` when the object is absent."""
        value = float(self.values[frame])
        if not np.isfinite(value):
            return "–"
        return f"{shown(number(value, 1), 1 if self.unit == 'cm²' else 0)} {self.unit}"


def lv_trace(segmentation: Segmentation, analysis: LVAnalysis) -> Trace:
    """The left ventricle's volume in mL where it is known, else relative to its largest (%), else its area."""
    curve = analysis.curve
    beats = tuple(TraceBeat(b.ed, b.es, b.next_ed, b.ef, b.partial) for b in analysis.beats)
    times = frame_times(segmentation)
    waves = () if times is None else segmentation.timing.r_wave_times
    if segmentation.geometry.spacing is not None and curve.volume_ml is not None and np.isfinite(curve.volume_ml).any():
        return Trace("LV", "volume", "mL", curve.volume_ml, times, beats, waves)
    if np.isfinite(curve.relative).any():
        return Trace("LV", "relative volume", "%", 100 * curve.relative / np.nanmax(curve.relative), times, beats, waves)
    return _area_trace("LV", curve.area_px, segmentation, beats)


def area_trace(segmentation: Segmentation, object_id: int) -> Trace:
    """The area of one object over the frames, in cm² where spacing is known, else in pixels."""
    pixels = object_areas(segmentation)[:, segmentation.object_ids.index(object_id)].astype(np.float64)
    return _area_trace(segmentation.names.get(object_id, str(object_id)), np.where(pixels > 0, pixels, np.nan), segmentation, ())


def _area_trace(name: str, pixels: NDArray[np.float64], segmentation: Segmentation, beats: tuple[TraceBeat, ...]) -> Trace:
    spacing, times = segmentation.geometry.spacing, frame_times(segmentation)
    if spacing is None:
        return Trace(name, "area", "px", pixels, times, beats)
    return Trace(name, "area", "cm²", pixels * (spacing[0] * spacing[1] / MM2_PER_CM2), times, beats)
