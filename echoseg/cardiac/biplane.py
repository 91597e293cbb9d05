"""Biplane LV function of a study: an A4C and an A2C clip of one heart, recorded one after the other.

The two views hold different beats, so no beat of one belongs to a beat of the other: every complete beat of A4C is paired with every one
of A2C, each pair is one biplane measurement (ASE/EACVI 2015: averaged over beats), and results are means over the pairs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import ArrayLike, NDArray

from echoseg.cardiac import thresholds
from echoseg.cardiac.contour import checked_mask, checked_spacing
from echoseg.cardiac.ef import ejection_fraction
from echoseg.cardiac.function import LVAnalysis
from echoseg.cardiac.quality import NO_CYCLE
from echoseg.cardiac.view import ViewShape, measure_atrium, measure_view
from echoseg.cardiac.volume import APICAL_VIEWS, Method, checked_method, method_options, volume_of
from echoseg.errors import MeasureError
from echoseg.types import Flag


@dataclass(frozen=True)
class BeatShapes:
    """One beat of one view: the left ventricle at end-diastole and end-systole, and the left atrium at end-systole
    (:func:`~echoseg.cardiac.view.measure_atrium`), None when it was not segmented there."""

    ed: ViewShape
    es: ViewShape
    atrium: ViewShape | None = None


@dataclass(frozen=True)
class ViewBeats:
    """What one clip gives to a biplane measurement.

    Attributes:
        view: ``"A4C"`` or ``"A2C"``.
        beats: its beats, complete ones, or one partial.
        hr_bpm: beats per minute, or None when unknown.
    """

    view: str
    beats: tuple[BeatShapes, ...]
    hr_bpm: float | None = None

    @property
    def spaced(self) -> bool:
        """Whether lengths are in mm."""
        return all(beat.ed.spaced for beat in self.beats)


@dataclass(frozen=True)
class BiplaneBeat:
    """One pair of beats.

    Attributes:
        a4c, a2c: which beat of each view, from 0.
        ef: percent.
        edv_ml, esv_ml, sv_ml, la_ml, la_disks_ml: mL; None when a spacing is unknown, or the atrium was not segmented in both views.
    """

    a4c: int
    a2c: int
    ef: float
    edv_ml: float | None
    esv_ml: float | None
    sv_ml: float | None
    la_ml: float | None
    la_disks_ml: float | None


@dataclass(frozen=True)
class BiplaneFunction:
    """Biplane function; values are means over ``beats``.

    Attributes:
        beats: every pair of beats.
        ef: percent.
        edv_ml, esv_ml, sv_ml: mL; None when a spacing is unknown.
        la_ml: left-atrial volume at end-systole by area-length with the shorter length; ``la_disks_ml`` by disks. None when unknown.
        hr_bpm: mean of the two views; of one where only that is known.
        co_l_min: stroke volume times heart rate, litres a minute.
        lengths_mm: ``{view: long axis at end-diastole}``, means over beats; None when a spacing is unknown.
        flags: on what the two views are to each other.
        method: of the ventricle's volume. ``options``: what it was computed with; plain JSON values.
    """

    beats: tuple[BiplaneBeat, ...]
    ef: float
    edv_ml: float | None
    esv_ml: float | None
    sv_ml: float | None
    la_ml: float | None
    la_disks_ml: float | None
    hr_bpm: float | None
    co_l_min: float | None
    lengths_mm: Mapping[str, float] | None
    flags: tuple[Flag, ...]
    method: Method
    options: Mapping[str, object]


def view_beats(masks: ArrayLike, spacing: ArrayLike | None, analysis: LVAnalysis, atrium: ArrayLike | None = None) -> ViewBeats:
    """The shapes at the phases that ``analysis`` found.

    Args:
        masks: ``(T, H, W)`` of the LV cavity, those that were analysed.
        spacing: ``(row_mm, col_mm)``, or None when unknown.
        analysis: from :func:`echoseg.cardiac.analyse_lv`.
        atrium: ``(T, H, W)`` of the left atrium, or None when it was not segmented.

    Raises:
        MeasureError: malformed masks or spacing, another number of frames than was analysed, or the analysis has no beats.
    """
    masks = checked_mask(masks, "(T, H, W)")
    known = checked_spacing(spacing)
    atria = None if atrium is None else checked_mask(atrium, "(T, H, W)")
    if len(masks) != len(analysis.curve) or (atria is not None and atria.shape != masks.shape):
        given = "" if atria is None else f" and atria {atria.shape}"
        raise MeasureError(f"give the masks that were analysed, {len(analysis.curve)} frames of one size; got {masks.shape}{given}")
    if not analysis.beats:
        raise MeasureError(f"{NO_CYCLE} in the {analysis.view} clip: it cannot be part of a biplane measurement")
    beats = []
    for beat in analysis.beats:
        chamber = None
        if atria is not None:
            try:
                chamber = measure_atrium(atria[beat.es], known)
            except MeasureError:  # absent at that frame, or cut off: the ventricle is measured all the same
                chamber = None
        beats.append(BeatShapes(measure_view(masks[beat.ed], known), measure_view(masks[beat.es], known), chamber))
    return ViewBeats(analysis.view, tuple(beats), analysis.hr_bpm)


def biplane_function(views: Sequence[ViewBeats], method: Method = "disks") -> BiplaneFunction:
    """Biplane volumes and ejection fraction; formulas: :func:`echoseg.cardiac.volume.volume_of`.

    Args:
        views: one of A4C and one of A2C.
        method: ``"disks"`` (ASE/EACVI 2015), ``"area-length"`` or ``"camus-2019"``.

    Raises:
        MeasureError: not one of each view, a view without beats, or an unknown method.
    """
    by_view = {view.view: view for view in views}
    if len(views) != 2 or set(by_view) != set(APICAL_VIEWS) or not all(view.beats for view in views):
        given = ", ".join(f"{view.view} with {len(view.beats)} beats" for view in views) or "none"
        raise MeasureError(f"a biplane measurement needs one A4C and one A2C clip with beats; got {given}")
    a4c, a2c = (by_view[name] for name in APICAL_VIEWS)
    method = checked_method(method, biplane=True)
    spaced = a4c.spaced and a2c.spaced
    to_a4c = 1.0 if a4c.spaced == a2c.spaced else _mean_length(a4c) / _mean_length(a2c)
    beats = tuple(
        _pair(i, j, first, _scaled(second, to_a4c), method, spaced)
        for (i, first), (j, second) in product(enumerate(a4c.beats), enumerate(a2c.beats))
    )
    options = method_options(method, True, spaced)
    if a4c.spaced != a2c.spaced:
        options["pixels"] = "taken as square, and of a size that makes the two views' long axes equal at end-diastole"
    rates = [view.hr_bpm for view in (a4c, a2c) if view.hr_bpm is not None]
    rate = float(np.mean(rates)) if rates else None
    volume = {name: _mean(getattr(beat, name) for beat in beats) for name in ("edv_ml", "esv_ml", "sv_ml", "la_ml", "la_disks_ml")}
    sv = volume["sv_ml"]
    lengths = {view.view: _mean_length(view) for view in (a4c, a2c)} if spaced else None
    return BiplaneFunction(
        beats=beats,
        ef=float(np.mean([beat.ef for beat in beats])),
        hr_bpm=rate,
        co_l_min=sv * rate / 1000 if sv is not None and rate is not None else None,
        lengths_mm=lengths,
        flags=tuple(_flags(lengths, rates) + ([] if a4c.spaced or a2c.spaced else _zoom_flags(a4c, a2c))),
        method=method,
        options={**options, "beats": "every beat of A4C with every beat of A2C"},
        **volume,
    )


@dataclass(frozen=True)
class _Scaled:
    """A measured view in other units, see :class:`echoseg.cardiac.view.ViewShape`."""

    length: float
    area: float
    diameters: NDArray[np.float64]
    spaced: bool = False


def _scaled(beat: BeatShapes, factor: float) -> BeatShapes:
    """The ventricle ``factor`` times as large: of one view in millimetres and one in pixels neither would be the longer one else."""
    if factor == 1.0:
        return beat
    ed, es = (_Scaled(factor * shape.length, factor**2 * shape.area, factor * shape.diameters) for shape in (beat.ed, beat.es))
    return BeatShapes(ed, es)


def _mean_length(view: ViewBeats) -> float:
    """Long axis at end-diastole, mean over the beats."""
    return float(np.mean([beat.ed.length for beat in view.beats]))


def _pair(i: int, j: int, first: BeatShapes, second: BeatShapes, method: Method, spaced: bool) -> BiplaneBeat:
    edv, _ = volume_of({"A4C": first.ed, "A2C": second.ed}, method)
    esv, _ = volume_of({"A4C": first.es, "A2C": second.es}, method)
    ef = ejection_fraction(edv, esv)
    if not spaced:
        return BiplaneBeat(i, j, ef, None, None, None, None, None)
    la = la_disks = None
    if first.atrium is not None and second.atrium is not None:
        atria = {"A4C": first.atrium, "A2C": second.atrium}
        la, la_disks = (volume_of(atria, name)[0] / 1000 for name in ("area-length", "disks"))
    return BiplaneBeat(i, j, ef, edv / 1000, esv / 1000, (edv - esv) / 1000, la, la_disks)


def _flags(lengths: Mapping[str, float] | None, rates: Sequence[float]) -> list[Flag]:
    flags = []
    if lengths is None:
        flags.append(Flag("spacing_missing", "the pixel spacing of a view is unknown: no volumes in mL, ratios only; give spacing"))
    else:
        long, short = max(lengths.values()), min(lengths.values())
        if long - short > thresholds.MAX_LENGTH_DIFFERENCE * long:
            shorter = min(lengths, key=lambda view: lengths[view])
            apart = f"{long:.0f} and {short:.0f} mm at end-diastole, {100 * (1 - short / long):.0f} % apart"
            flags.append(
                Flag("foreshortening", f"the long axes of the two views are {apart}: {shorter} may be foreshortened, repeat {shorter}")
            )
    if len(rates) == 2 and max(rates) - min(rates) > thresholds.MAX_RATE_DIFFERENCE * max(rates):
        told = f"heart rates of {rates[0]:.0f} (A4C) and {rates[1]:.0f} (A2C) beats per minute"
        flags.append(Flag("heart_rates_differ", f"{told}: repeat one view at the other's rate"))
    return flags


def _zoom_flags(a4c: ViewBeats, a2c: ViewBeats) -> list[Flag]:
    """A flag when neither view has a spacing and their pixels can hardly be of one size, as which they are taken."""
    long, short = sorted((_mean_length(a4c), _mean_length(a2c)), reverse=True)
    if long - short <= thresholds.MAX_LENGTH_DIFFERENCE * long:
        return []
    apart = f"the long axes are {100 * (1 - short / long):.0f} % apart in pixels"
    return [Flag("magnification_differs", f"{apart}: if the views were shown at different depths, EF is wrong; give the pixel spacing")]


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
