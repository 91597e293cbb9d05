"""Every measure, declared once: what page, table, DICOM report and archive each need to know of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:  # brings numpy
    from echoseg.cardiac.chambers import Structure

Unit = Literal["%", "mL", "mL/m²", "L/min", "L/min/m²", "/min", "mm", "cm²", "EDV/s", "g", "g/m²", "1"]
PRIVATE = "99ECHOSEG"
"""Coding scheme of measures that DICOM has no code for (PS3.16 8.2: private schemes begin with 99)."""


class Measure(NamedTuple):
    """What is known of a measure beforehand.

    Attributes:
        key: in JSON.
        unit: likewise.
        decimals: worth writing to JSON; ``shown``: to a reader.
        label: for people, see :meth:`named`; ``short``: where there is little room, None: see ``label``.
        column: in tables, with the unit in its name; empty: it stands in none. Results of :mod:`echoseg.cardiac` call it so too.
        code: by which a DICOM report names it, a path in pydicom's ``codes``; :data:`PRIVATE` where there is none; None: a report
            leaves it out.
        structure: what it is of.
        indexed: the key of the measure that this one is, divided by body surface.
    """

    key: str
    unit: Unit
    decimals: int
    shown: int
    label: str
    column: str = ""
    code: str | None = PRIVATE
    short: str | None = None
    structure: Structure = "LV"
    indexed: str | None = None

    def named(self, view: str | None) -> str:
        """The label, with the view where it is one view's.

        >>> MEASURES["contour_strain"].named("A2C"), MEASURES["edv"].named("A2C")
        ('Endocardial border strain, A2C (not GLS)', 'LV end-diastolic volume')
        """
        return self.label.replace(" (not GLS)", f", {view} (not GLS)") if view else self.label


def _by_key(*measures: Measure) -> dict[str, Measure]:
    return {measure.key: measure for measure in measures}


MEASURES = _by_key(
    Measure("ef", "%", 1, 0, "Ejection fraction", "ef", "cid12202.LeftVentricularEjectionFractionByUS", "EF"),
    Measure("edv", "mL", 1, 0, "LV end-diastolic volume", "edv_ml", "cid12202.LeftVentricularEndDiastolicVolume", "EDV"),
    Measure("esv", "mL", 1, 0, "LV end-systolic volume", "esv_ml", "cid12202.LeftVentricularEndSystolicVolume", "ESV"),
    Measure("sv", "mL", 1, 0, "Stroke volume (volumetric, not Doppler)", "sv_ml", "SCT.StrokeVolume"),
    Measure("hr", "/min", 0, 0, "Heart rate", "hr_bpm", "LN.HeartRate", "heart rate"),
    Measure("co", "L/min", 2, 1, "Cardiac output (volumetric, not Doppler)", "co_l_min", "SCT.CardiacOutput"),
    Measure("edv_index", "mL/m²", 1, 0, "LV end-diastolic volume index", "edv_index_ml_m2", indexed="edv"),
    Measure("esv_index", "mL/m²", 1, 0, "LV end-systolic volume index", "esv_index_ml_m2", indexed="esv"),
    Measure("sv_index", "mL/m²", 1, 0, "Stroke volume index (volumetric)", "sv_index_ml_m2", "SCT.StrokeIndex", indexed="sv"),
    Measure("cardiac_index", "L/min/m²", 2, 1, "Cardiac index (volumetric)", "cardiac_index_l_min_m2", "SCT.CardiacIndex", indexed="co"),
    Measure("fac", "%", 1, 0, "LV fractional area change (apical)", "fac", "SCT.LeftVentricularFractionalAreaChange"),
    # No code in DICOM, and a border's strain must not be read as that of speckle tracking.
    Measure("contour_strain", "%", 1, 0, "Endocardial border strain (not GLS)", "contour_strain", None),
    Measure("peak_ejection_rate", "EDV/s", 2, 1, "Peak ejection rate", "peak_ejection_rate", "DCM.PeakEjectionRate"),
    Measure("peak_filling_rate", "EDV/s", 2, 1, "Peak filling rate", "peak_filling_rate", "DCM.PeakFillingRate"),
    Measure("sphericity", "1", 2, 2, "Sphericity index, volumetric", "sphericity"),
    Measure(
        "la_volume", "mL", 1, 0, "LA maximal volume, area-length, not LA-focused", "la_volume_ml",
        "cid12205.LeftAtriumSystolicVolume", "LA volume", "LA",
    ),
    Measure(
        "la_volume_disks", "mL", 1, 0, "LA maximal volume, disks, not LA-focused", "la_volume_disks_ml",
        "cid12205.LeftAtriumSystolicVolume", structure="LA",
    ),
    Measure("la_volume_index", "mL/m²", 1, 0, "LA volume index, area-length", structure="LA", indexed="la_volume"),
    Measure("la_volume_disks_index", "mL/m²", 1, 0, "LA volume index, disks", structure="LA", indexed="la_volume_disks"),
    # CID 12300 has a code for the RV-focused view, and others for masses by the guideline's 2D formulas: not for these.
    Measure("rv_fac", "%", 1, 0, "RV fractional area change (not RV-focused)", "rv_fac", structure="RV"),
    Measure("rv_ef", "%", 1, 0, "RV ejection fraction", short="RV EF", structure="RV"),
    Measure("rv_edv", "mL", 1, 0, "RV end-diastolic volume", short="RV EDV", structure="RV"),
    Measure("rv_esv", "mL", 1, 0, "RV end-systolic volume", short="RV ESV", structure="RV"),
    Measure("rv_sv", "mL", 1, 0, "RV stroke volume", structure="RV"),
    Measure("rv_edv_index", "mL/m²", 1, 0, "RV end-diastolic volume index", structure="RV", indexed="rv_edv"),
    Measure("rv_esv_index", "mL/m²", 1, 0, "RV end-systolic volume index", structure="RV", indexed="rv_esv"),
    Measure("wall_thickness", "mm", 1, 0, "LV wall thickness, mean (apical)", "wall_thickness_mm", structure="MYO"),
    Measure("lv_mass", "g", 0, 0, "LV mass (apical, single plane)", "lv_mass_g", structure="MYO"),
    Measure("lv_mass_index", "g/m²", 0, 0, "LV mass index (apical)", "lv_mass_index_g_m2", structure="MYO", indexed="lv_mass"),
    Measure("lv_mass_stack", "g", 0, 0, "LV mass (short axis, end-diastole)", short="LV mass", structure="MYO"),
    Measure("lv_mass_stack_index", "g/m²", 0, 0, "LV mass index (short axis)", structure="MYO", indexed="lv_mass_stack"),
    Measure("length_a4c", "mm", 1, 0, "Long axis, A4C", code="cid12300.LeftVentricularEndDiastolicLength4C"),
    Measure("length_a2c", "mm", 1, 0, "Long axis, A2C"),
)  # fmt: skip
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

HEADLINE = tuple(MEASURES[key] for key in ("ef", "edv", "esv", "sv", "hr", "co"))
"""What a reader looks for first."""
BEAT = tuple(MEASURES[key] for key in ("ef", "edv", "esv", "sv", "fac", "hr"))
"""What is known of every beat, in the order written; in it each stands under its column."""
_FIRST = (*HEADLINE, MEASURES["fac"])
TABLED = sorted((measure for measure in MEASURES.values() if measure.column), key=lambda measure: measure not in _FIRST)
"""What is a column of a table of clips, in the order of the columns."""
