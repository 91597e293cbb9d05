"""Names, units and methods of measurements.json as DICOM codes: LOINC, SNOMED CT, DCM and UCUM.

Where PS3.16 CID 12300 (core echo measurements) has a code that says everything, plane and method included, that one
is used: an echo system finds it by TID 5301's names. Else the general code, with the method (CID 12228) beside it. A value
over body surface without a code of its own is called as the value itself, with the modifiers of TID 5302 that say so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from operator import attrgetter

from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from echoseg.record.measures import MEASURES, PRIVATE, Measure

_UNITS = {
    "%": codes.UCUM.Percent,
    "/min": Code("{H.B.}/min", "UCUM", "BPM"),
    "1": codes.UCUM.NoUnits,
    "EDV/s": Code("{EDV}/s", "UCUM", "EDV/s"),
}
_METHODS = {
    ("single-plane", "disks"): codes.cid12228.MethodOfDisksSinglePlane,
    ("biplane", "disks"): codes.cid12228.MethodOfDisksBiplane,
    ("single-plane", "area-length"): codes.cid12228.AreaLengthSinglePlane,
    ("biplane", "area-length"): codes.cid12228.AreaLengthBiplane,
}
_BY_BODY_SURFACE = (
    (codes.DCM.MeasurementType, codes.DCM.Indexed),
    (codes.DCM.MeasurementDivisor, codes.cid3455.BSA),
)
CARDIAC_CYCLE_POINT = Code("272518008", "SCT", "Cardiac Cycle Point")
"""Concept of a phase, of which CID 12233 lists the values; the wording is that of PS3.17 CCCC.5."""
# By measure, planes and view, by the method of disks.
_BY_DISKS: Mapping[tuple[str, str, str], str] = {
    ("ef", "single-plane", "A4C"): "LeftVentricularEjectionFractionSinglePlane4CMOD",
    ("ef", "single-plane", "A2C"): "LeftVentricularEjectionFractionSinglePlane2CMOD",
    ("ef", "biplane", ""): "LeftVentricularEjectionFractionBiplaneMOD",
    ("edv", "single-plane", "A4C"): "LeftVentricularEndDiastolicVolumeSinglePlane4CMOD",
    ("edv", "single-plane", "A2C"): "LeftVentricularEndDiastolicVolumeSinglePlane2CMOD",
    ("edv", "biplane", ""): "LeftVentricularEndDiastolicVolumeBiplaneMOD",
    ("esv", "single-plane", "A4C"): "LeftVentricularEndSystolicVolumeSinglePlane4CMOD",
    ("esv", "single-plane", "A2C"): "LeftVentricularEndSystolicVolumeSinglePlane2CMOD",
    ("esv", "biplane", ""): "LeftVentricularEndSystolicVolumeBiplaneMOD",
    ("la_volume_disks", "single-plane", "A4C"): "LeftAtrialEndSystolicVolumeSinglePlane4CMOD",
    ("la_volume_disks", "single-plane", "A2C"): "LeftAtrialEndSystolicVolumeSinglePlane2CMOD",
    ("la_volume_disks", "biplane", ""): "LeftAtrialEndSystolicVolumeBiplaneMOD",
    ("la_volume_disks_index", "biplane", ""): "LeftAtrialEndSystolicVolumeBiplaneMODBSA",
    ("edv_index", "biplane", ""): "LeftVentricularEndDiastolicVolumeBiplaneMODBSA",
    ("esv_index", "biplane", ""): "LeftVentricularEndSystolicVolumeBiplaneMODBSA",
}
_BY_AREA_LENGTH: Mapping[tuple[str, str, str], str] = {
    ("la_volume", "biplane", ""): "LeftAtrialEndSystolicVolumeBiplaneAreaLength",
    ("la_volume_index", "biplane", ""): "LeftAtrialEndSystolicVolumeBiplaneAreaLengthBSA",
}
_PRECOORDINATED = {"disks": _BY_DISKS, "area-length": _BY_AREA_LENGTH}
VIEWS = {"A4C": codes.cid12226.ApicalFourChamber, "A2C": codes.cid12226.ApicalTwoChamber}


@dataclass(frozen=True)
class CodedMeasure:
    """How one measure is called in DICOM.

    Attributes:
        name, unit: coded.
        method: CID 12228, or None where the name holds it or there is none to say.
        modifiers: ``(concept, value)`` of what else the name does not say.
    """

    name: Code
    unit: Code
    method: Code | None
    modifiers: tuple[tuple[Code, Code], ...] = ()


def coded_measure(measure: Measure, method: str | None) -> CodedMeasure | None:
    """How a measure is called; None for one that DICOM has no code for and that is left out.

    Args:
        measure: which one.
        method: as in the record, such as ``single-plane disks (A4C)``.
    """
    if measure.code is None:
        return None
    planes, how, view = _parsed(method)
    keyword = _PRECOORDINATED.get(how, {}).get((measure.key, planes, "" if planes == "biplane" else view))
    unit = coded_unit(measure.unit)
    if keyword is not None:
        return CodedMeasure(codes.cid12300.concepts[keyword], unit, None)
    by = _METHODS.get((planes, how))
    if measure.indexed is not None and measure.code == PRIVATE:
        return CodedMeasure(_name(MEASURES[measure.indexed]), unit, by, _BY_BODY_SURFACE)
    return CodedMeasure(_name(measure), unit, by)


def _name(measure: Measure) -> Code:
    """The general name, without plane and method."""
    if measure.code in (None, PRIVATE):
        return Code(measure.key[:16], PRIVATE, measure.key.replace("_", " ")[:64])
    name: Code = attrgetter(str(measure.code))(codes)
    return name


def coded_unit(unit: str) -> Code:
    """A unit of measurements.json in UCUM.

    >>> coded_unit("mL/m²").value, coded_unit("/min").value
    ('mL/m2', '{H.B.}/min')
    """
    plain = unit.replace("²", "2")
    return _UNITS.get(unit) or Code(plain, "UCUM", plain)


def view_of(method: str | None) -> Code | None:
    """The echo view (CID 12226) that a measure's method names, or None."""
    return VIEWS.get(_parsed(method)[2])


def _parsed(method: str | None) -> tuple[str, str, str]:
    """``(planes, method, view)`` of texts such as ``single-plane disks (A4C)`` and ``biplane disks``; empty where not said."""
    planes = re.search(r"single-plane|biplane", method or "")
    how = re.search(r"disks|area-length", method or "")
    view = re.search(r"\((A4C|A2C)\)", method or "")
    return planes[0] if planes else "", how[0] if how else "", view[1] if view else ""
