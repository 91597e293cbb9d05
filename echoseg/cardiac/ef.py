"""Ejection fraction from masks at end-diastole and end-systole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from echoseg.cardiac.volume import ChamberVolume, Method, Views, lv_volume
from echoseg.errors import MeasureError


@dataclass(frozen=True)
class LVEjection:
    """Ejection fraction of one beat.

    Attributes:
        ef: ejection fraction in percent, ``100 * (EDV - ESV) / EDV``; negative when the phases were given the wrong way round.
        edv_ml, esv_ml, sv_ml: volumes in mL, or None when a spacing is unknown.
        ed, es: the volumes it rests on.
        method: as asked for.
        options: what the method was computed with; plain JSON values.
    """

    ef: float
    edv_ml: float | None
    esv_ml: float | None
    sv_ml: float | None
    ed: ChamberVolume
    es: ChamberVolume
    method: Method
    options: Mapping[str, object]


def ejection_fraction(edv: float, esv: float) -> float:
    """``100 * (EDV - ESV) / EDV`` in percent; both volumes in the same unit.

    Raises:
        MeasureError: ``edv`` is not positive.
    """
    if not edv > 0:
        raise MeasureError(f"the end-diastolic volume must be positive; got {edv}")
    return 100.0 * (edv - esv) / edv


def lv_ef(views_ed: Views, views_es: Views, method: Method = "disks") -> LVEjection:
    """Ejection fraction from the masks of two phases; each phase has its own long axis (see :func:`echoseg.cardiac.lv_volume`).

    Args:
        views_ed, views_es: ``{"A4C": (mask, spacing), "A2C": ...}`` at end-diastole and end-systole, the same views in both.
        method: ``"disks"``, ``"area-length"`` or ``"camus-2019"``.

    Raises:
        MeasureError: the two phases differ in their views or in whether spacing is known; else as ``lv_volume``.

    >>> y, x = np.mgrid[:120, :100] + 0.5
    >>> def cavity(width, length):
    ...     return (((x - 50) / width) ** 2 + ((y - 100) / length) ** 2 < 1) & (y < 100)
    >>> beat = lv_ef({"A4C": (cavity(30, 90), None)}, {"A4C": (cavity(20, 80), None)})
    >>> round(beat.ef), round(100 * (1 - 20**2 * 80 / (30**2 * 90))), beat.edv_ml  # no mL without a spacing
    (60, 60, None)
    """
    ed, es = lv_volume(views_ed, method), lv_volume(views_es, method)
    if set(views_ed) != set(views_es):
        raise MeasureError(f"end-diastole has views {sorted(views_ed)}, end-systole {sorted(views_es)}: give the same in both")
    if ed.ml is None or es.ml is None:
        if (ed.ml is None) != (es.ml is None):
            raise MeasureError("spacing is known at one phase only: give it for both, or None for both")
        return LVEjection(ejection_fraction(ed.relative, es.relative), None, None, None, ed, es, ed.method, ed.options)
    return LVEjection(ejection_fraction(ed.ml, es.ml), ed.ml, es.ml, ed.ml - es.ml, ed, es, ed.method, ed.options)
