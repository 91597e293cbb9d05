"""cine.json: both ventricles of one short-axis cine MR over the beat, and the phases that they come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from echoseg.options import Subject
from echoseg.record.documents import CineRecord, FlagEntry, KnownMeasure, PhaseEntry, Provenance, UnknownMeasure
from echoseg.record.entries import NO_SPACING, body_surface, measure_entry, subject_entry
from echoseg.record.listed import listed
from echoseg.record.measures import MEASURES
from echoseg.record.quality import quality
from echoseg.types import Flag, Geometry

if TYPE_CHECKING:
    from echoseg.cardiac.cine import CineFunction, Ventricle

METHOD = "short-axis slice summation"
NO_RV = "no cavity of the right ventricle was found at end-diastole"
NO_WALL = "no myocardium was found at end-diastole"


def listed_phases(path: Path) -> tuple[str, ...]:
    """The folders of the phases that a cine.json lists, relative to it; empty for what is none, or not there."""
    return listed(path, "urn:echoseg:cine:", "phases")


def cine_record(
    phases: Sequence[PhaseEntry],
    slices: int,
    geometry: Geometry,
    function: CineFunction | None,
    subject: Subject,
    flags: Sequence[Flag],
    provenance: Mapping[str, Any],
    why: str = "",
) -> dict[str, Any]:
    """The contents of cine.json.

    Args:
        phases: in order.
        slices: of every phase.
        geometry: of every phase.
        function: from :func:`echoseg.cardiac.cine_function` over ``phases``; None when there is none.
        subject: for indexed values. There are no reference ranges: those of echocardiography are not for MR.
        flags: on the cine as a whole.
        provenance: from :func:`echoseg.record.provenance.provenance`.
        why: the reason if ``function`` is None.

    Returns:
        Plain JSON values, see :class:`echoseg.record.documents.CineRecord`.
    """
    return CineRecord(
        schema=CineRecord.identifier(),
        subject=subject_entry(subject),
        slices=slices,
        spacing_mm=geometry.spacing,
        slice_spacing_mm=geometry.slice_spacing,
        phases=phases,
        ed=None if function is None else phases[function.ed].phase,
        es=None if function is None else phases[function.es].phase,
        measures=_measures(function, subject, why),
        flags=[FlagEntry.model_validate(flag) for flag in flags],
        quality=quality(flags),
        provenance=Provenance.model_validate(dict(provenance)),
    ).plain()


def _measures(function: CineFunction | None, subject: Subject, why: str) -> dict[str, KnownMeasure | UnknownMeasure]:
    measures: dict[str, KnownMeasure | UnknownMeasure] = {}
    surface = body_surface(subject)

    def entry(key: str, value: float | None, reason: str) -> None:
        for name in (key, f"{key}_index"):
            measure = MEASURES.get(name)
            if measure is not None and (measure.indexed is None or surface is not None):
                share = 1.0 if measure.indexed is None or surface is None else surface
                number = None if value is None else value / share
                measures[name] = measure_entry(measure, number, None if number is None else METHOD, why=reason)

    def ventricle(prefix: str, found: Ventricle | None, reason: str) -> None:
        entry(f"{prefix}ef", None if found is None else found.ef, reason)
        for key in ("edv", "esv", "sv"):
            entry(f"{prefix}{key}", None if found is None else getattr(found, f"{key}_ml"), reason if found is None else NO_SPACING)

    ventricle("", None if function is None else function.lv, why)
    mass = None if function is None else function.mass_g
    entry("lv_mass_stack", mass, why if function is None else NO_WALL if function.lv.edv_ml is not None else NO_SPACING)
    ventricle("rv_", None if function is None else function.rv, why or NO_RV)
    return measures
