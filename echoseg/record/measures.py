"""Every measure, declared once: what page, table, DICOM report and archive each need to know of it."""

from __future__ import annotations

from typing import Literal, NamedTuple

Unit = Literal["%", "mL", "mL/m²", "L/min", "L/min/m²", "/min", "mm", "cm²", "EDV/s", "g", "g/m²", "1"]
PRIVATE = "99ECHOSEG"
"""Coding scheme of measures that DICOM has no code for (PS3.16 8.2: private schemes begin with 99)."""


class Measure(NamedTuple):
    """What is known of a measure beforehand.

    Attributes:
        key: in JSON.
        unit: likewise.
        decimals: worth writing to JSON; ``shown``: to a reader.
        label: for people; ``short``: where there is little room, None: see ``label``.
        column: in tables, with the unit in its name; empty: it stands in none. Results of :mod:`echoseg.cardiac` call it so too.
        code: by which a DICOM report names it, a path in pydicom's ``codes``; :data:`PRIVATE` where there is none; None: a report
            leaves it out.
    """

    key: str
    unit: Unit
    decimals: int
    shown: int
    label: str
    column: str = ""
    code: str | None = PRIVATE
    short: str | None = None


def _by_key(*measures: Measure) -> dict[str, Measure]:
    return {measure.key: measure for measure in measures}


MEASURES = _by_key(
    Measure("ef", "%", 1, 0, "Ejection fraction", "ef", "cid12202.LeftVentricularEjectionFractionByUS", "EF"),
    Measure("edv", "mL", 1, 0, "End-diastolic volume", "edv_ml", "cid12202.LeftVentricularEndDiastolicVolume", "EDV"),
    Measure("esv", "mL", 1, 0, "End-systolic volume", "esv_ml", "cid12202.LeftVentricularEndSystolicVolume", "ESV"),
    Measure("sv", "mL", 1, 0, "Stroke volume", "sv_ml", "SCT.StrokeVolume"),
    Measure("hr", "/min", 0, 0, "Heart rate", "hr_bpm", "LN.HeartRate", "heart rate"),
    Measure("co", "L/min", 2, 1, "Cardiac output", "co_l_min", "SCT.CardiacOutput"),
    Measure("edv_index", "mL/m²", 1, 0, "End-diastolic volume index", "edv_index_ml_m2"),
    Measure("esv_index", "mL/m²", 1, 0, "End-systolic volume index", "esv_index_ml_m2"),
    Measure("sv_index", "mL/m²", 1, 0, "Stroke volume index", "sv_index_ml_m2", "SCT.StrokeIndex"),
    Measure("cardiac_index", "L/min/m²", 2, 1, "Cardiac index", "cardiac_index_l_min_m2", "SCT.CardiacIndex"),
    Measure("fac", "%", 1, 0, "Fractional area change", "fac", "SCT.LeftVentricularFractionalAreaChange"),
    # None of these has a code in DICOM, and a contour's strain must not be read as that of speckle tracking.
    Measure("contour_strain", "%", 1, 0, "Contour strain", "contour_strain", None),
    Measure("peak_ejection_rate", "EDV/s", 2, 1, "Peak ejection rate", "peak_ejection_rate", None),
    Measure("peak_filling_rate", "EDV/s", 2, 1, "Peak filling rate", "peak_filling_rate", None),
    Measure("sphericity", "1", 2, 2, "Sphericity index", "sphericity"),
    Measure("la_volume", "mL", 1, 0, "Left-atrial volume", "la_volume_ml", "cid12205.LeftAtriumSystolicVolume", "LA volume"),
    Measure("la_volume_disks", "mL", 1, 0, "Left-atrial volume, disks", "la_volume_disks_ml", "cid12205.LeftAtriumSystolicVolume"),
    Measure("la_volume_index", "mL/m²", 1, 0, "Left-atrial volume index"),
    Measure("rv_fac", "%", 1, 0, "RV fractional area change", "rv_fac", "cid12300.RightVentricularFractionalAreaChange"),
    Measure("wall_thickness", "mm", 1, 0, "Wall thickness", "wall_thickness_mm"),
    Measure("lv_mass", "g", 0, 0, "LV mass", "lv_mass_g", "cid12203.LeftVentricleMass"),
    Measure("lv_mass_index", "g/m²", 0, 0, "LV mass index", "lv_mass_index_g_m2"),
    Measure("length_a4c", "mm", 1, 0, "Long axis, A4C"),
    Measure("length_a2c", "mm", 1, 0, "Long axis, A2C"),
)
"""Measures of the heart by key, in the order shown."""

OBJECT_MEASURES = _by_key(
    Measure("volume", "mL", 4, 2, "Volume", "volume_ml", "SCT.Volume"),
    Measure("long_axis", "mm", 2, 1, "Longest diameter", "long_axis_mm", "SCT.LongAxis"),
    Measure("short_axis", "mm", 2, 1, "Perpendicular", "short_axis_mm", "SCT.ShortAxis"),
    Measure("area", "cm²", 2, 1, "Area", "area_cm2", "SCT.Area"),
    Measure("ed_area", "cm²", 2, 1, "End-diastolic area", "", "SCT.LeftVentricularDiastolicArea"),
    Measure("es_area", "cm²", 2, 1, "End-systolic area", "", "SCT.LeftVentricularSystolicArea"),
)
"""Measures of one object, which stand beside its name and not among ``measures``."""

HEADLINE = tuple(MEASURES[key] for key in ("ef", "edv", "esv", "sv", "hr", "co", "fac"))
"""What a reader looks for first."""
BEAT = tuple(MEASURES[key] for key in ("ef", "edv", "esv", "sv", "fac", "hr"))
"""What is known of every beat, in the order written; in it each stands under its column."""
TABLED = sorted((measure for measure in MEASURES.values() if measure.column), key=lambda measure: measure not in HEADLINE)
"""What is a column of a table of clips, in the order of the columns."""
