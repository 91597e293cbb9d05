"""Left-atrial volume at end-systole, from apical masks.

Source: ASE/EACVI 2015 (Lang RM et al., J Am Soc Echocardiogr 2015;28:1-39), LA volume: biplane area-length with the shorter of the two
lengths, or biplane disks; length from the middle of the mitral annulus, square to it, to the roof; normal 16-34 mL/m².
"""

from __future__ import annotations

from typing import Literal

from echoseg.cardiac.view import measure_atrium
from echoseg.cardiac.volume import ChamberVolume, Views, chamber_volume
from echoseg.errors import MeasureError


def la_volume(views: Views, method: Literal["area-length", "disks"] = "area-length") -> ChamberVolume:
    """LA volume; length: :func:`echoseg.cardiac.view.measure_atrium`, formulas: :func:`echoseg.cardiac.volume.volume_of`.

    Args:
        views: ``{"A4C": (mask, spacing), "A2C": (mask, spacing)}``, one or both; appendage and pulmonary veins left out of the masks.
        method: ``"area-length"`` (``8 A1 A2 / 3 pi L``, the shorter ``L``) or ``"disks"``.

    Raises:
        MeasureError: as :func:`echoseg.cardiac.lv_volume`; ``camus-2019`` is for the ventricle.
    """
    if method not in ("area-length", "disks"):
        raise MeasureError(f"no LA volume method {method!r}: choose from area-length, disks")
    return chamber_volume(views, method, measure_atrium)
