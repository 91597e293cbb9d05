"""How round a left ventricle is."""

from __future__ import annotations

import numpy as np

from echoseg.cardiac.view import ApicalView
from echoseg.errors import MeasureError


def sphericity_index(volume_ml: float, length_mm: float) -> float:
    """Volume over that of a sphere as wide as the long axis: ``V / (pi/6 L³)``; 1 for a sphere.

    Source: Mannaerts HF et al., Eur Heart J 2004;25:680-7 (three-dimensional sphericity index).

    Raises:
        MeasureError: a volume or length that is not positive.
    """
    if not (volume_ml > 0 and length_mm > 0):
        raise MeasureError(f"sphericity needs a positive volume and length; got {volume_ml} mL and {length_mm} mm")
    return 1000 * volume_ml / (np.pi / 6 * length_mm**3)


def length_to_width(view: ApicalView) -> float:
    """Long axis over the cavity's width at its middle, unitless; 1 for a circle, larger for a slender ventricle."""
    middle = len(view.diameters) // 2
    return view.length / float(view.diameters[middle - 1 : middle + 1].mean())
