"""What a biplane measurement needs of a clip, small enough for the ledger: its masks at end-diastole and end-systole."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

from echoseg.cardiac import APICAL_VIEWS
from echoseg.cardiac.biplane import BeatShapes, ViewBeats
from echoseg.cardiac.view import measure_view
from echoseg.errors import MeasureError
from echoseg.results import Measured, object_named
from echoseg.types import BoolMask


def shapes_of(measured: Measured) -> dict[str, Any] | None:
    """Plain JSON values from which :func:`view_beats_of` makes the clip's part in a biplane measurement.

    None for what cannot have a part in one: no A4C or A2C clip with beats, or a view that was only assumed or seen.
    """
    view, analysis, segmentation = measured.view, measured.analysis, measured.segmentation
    if view is None or analysis is None or not analysis.beats or view.name not in APICAL_VIEWS or view.origin in ("classifier", "assumed"):
        return None
    lv = segmentation.masks == object_named(segmentation, "LV")
    spacing = segmentation.geometry.spacing
    return {
        "view": view.name,
        "spacing_mm": None if spacing is None else list(spacing),
        "hr_bpm": analysis.hr_bpm,
        "beats": [{"ed": _packed(lv[beat.ed]), "es": _packed(lv[beat.es])} for beat in analysis.beats],
    }


def view_beats_of(shapes: Mapping[str, Any]) -> ViewBeats | None:
    """The shapes at the phases of every beat; None when a phase has no contour."""
    spacing = shapes["spacing_mm"]
    try:
        beats = tuple(BeatShapes(*(measure_view(_unpacked(beat[phase]), spacing) for phase in ("ed", "es"))) for beat in shapes["beats"])
    except MeasureError:
        return None
    return ViewBeats(shapes["view"], beats, shapes["hr_bpm"])


def _packed(mask: BoolMask) -> str:
    buffer = BytesIO()
    Image.fromarray(mask).save(buffer, format="PNG", optimize=True)  # one bit a pixel
    return base64.b64encode(buffer.getvalue()).decode()


def _unpacked(text: str) -> BoolMask:
    return np.asarray(Image.open(BytesIO(base64.b64decode(text))), bool)
