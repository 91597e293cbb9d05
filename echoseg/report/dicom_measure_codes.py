"""Names, units and methods of measurements.json as DICOM codes: LOINC, SNOMED CT, DCM and UCUM.

Where PS3.16 CID 12300 (core echo measurements) has a code that says everything, plane and method included, that one
is used: an echo system finds it by TID 5301's names. Else the general code, with the method (CID 12228) beside it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from operator import attrgetter

from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from echoseg.record.measures import PRIVATE, Measure

_UNITS = {
    "%": codes.UCUM.Percent,
    "/min": Code("{H.B.}/min", "UCUM", "BPM"),
    "1": codes.UCUM.NoUnits,
}
_METHODS = {
    ("single-plane", "disks"): codes.cid12228.MethodOfDisksSinglePlane,
    ("biplane", "disks"): codes.cid12228.MethodOfDisksBiplane,
    ("single-plane", "area-length"): codes.cid12228.AreaLengthSinglePlane,
    ("biplane", "area-length"): codes.cid12228.AreaLengthBiplane,
}
# By measure, planes and view; all by the method of disks.
_PRECOORDINATED: Mapping[tuple[str, str, str], str] = {
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
    ("edv_index", "biplane", ""): "LeftVentricularEndDiastolicVolumeBiplaneMODBSA",
    ("esv_index", "biplane", ""): "LeftVentricularEndSystolicVolumeBiplaneMODBSA",
}
VIEWS = {"A4C": codes.cid12226.ApicalFourChamber, "A2C": codes.cid12226.ApicalTwoChamber}


@dataclass(frozen=True)
class CodedMeasure:
    """How one measure is called in DICOM.

    Attributes:
        name, unit: coded.
        method: CID 12228, or None where the name holds it or there is none to say.
    """

    name: Code
    unit: Code
    method: Code | None


def coded_measure(measure: Measure, method: str | None) -> CodedMeasure | None:
    """How a measure is called; None for one that DICOM has no code for and that is left out.

    Args:
        measure: which one.
        method: as in the record, such as ``single-plane disks (A4C)``.
    """
    if measure.code is None:
        return None
    planes, how, view = _parsed(method)
    keyword = _PRECOORDINATED.get((measure.key, planes, "" if planes == "biplane" else view)) if how == "disks" else None
    if keyword is not None:
        return CodedMeasure(codes.cid12300.concepts[keyword], coded_unit(measure.unit), None)
    if measure.code == PRIVATE:
        name = Code(measure.key[:16], PRIVATE, measure.key.replace("_", " ")[:64])
    else:
        name = attrgetter(measure.code)(codes)
    return CodedMeasure(name, coded_unit(measure.unit), _METHODS.get((planes, how)))


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
