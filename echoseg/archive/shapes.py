"""What a biplane measurement needs of a clip: length, area and diameters of its ventricle at end-diastole and end-systole.

These are measured once, by the worker, so that a table of a million studies is a matter of adding up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from echoseg.cardiac import APICAL_VIEWS
from echoseg.cardiac.biplane import BeatShapes, ViewBeats, view_beats
from echoseg.cardiac.view import ViewShape
from echoseg.errors import MeasureError
from echoseg.results import Measured, object_named


@dataclass(frozen=True)
class NumbersOfView:
    """A measured view without its contour, see :class:`echoseg.cardiac.view.ViewShape`."""

    length: float
    area: float
    diameters: NDArray[np.float64]
    spaced: bool


def shapes_of(measured: Measured) -> dict[str, Any] | None:
    """Plain JSON values from which :func:`view_beats_of` makes the clip's part in a biplane measurement.

    None for what cannot have a part in one: no A4C or A2C clip with beats, a view that was only assumed or seen, or a phase without a
    contour.
    """
    view, analysis, segmentation = measured.view, measured.analysis, measured.segmentation
    if view is None or analysis is None or not analysis.beats or view.name not in APICAL_VIEWS or not view.origin.told:
        return None
    try:
        found = view_beats(segmentation.masks == object_named(segmentation, "LV"), segmentation.geometry.spacing, analysis)
    except MeasureError:
        return None
    return {
        "view": view.name,
        "spaced": found.spaced,
        "hr_bpm": found.hr_bpm,
        "beats": [{"ed": _numbers(beat.ed), "es": _numbers(beat.es)} for beat in found.beats],
    }


def view_beats_of(shapes: Mapping[str, Any]) -> ViewBeats:
    """The shapes at the phases of every beat."""
    spaced = bool(shapes["spaced"])
    beats = tuple(BeatShapes(_view(beat["ed"], spaced), _view(beat["es"], spaced)) for beat in shapes["beats"])
    return ViewBeats(shapes["view"], beats, shapes["hr_bpm"])


def _numbers(shape: ViewShape) -> dict[str, Any]:
    return {"length": shape.length, "area": shape.area, "diameters": shape.diameters.tolist()}


def _view(numbers: Mapping[str, Any], spaced: bool) -> NumbersOfView:
    return NumbersOfView(numbers["length"], numbers["area"], np.array(numbers["diameters"]), spaced)
