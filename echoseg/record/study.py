"""study.json: biplane values of one study, the clips they come from, best first, and why a value is unknown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from echoseg.cardiac.references import DEFAULT_GUIDELINE
from echoseg.options import Subject
from echoseg.record.documents import ClipEntry, ExamEntry, FlagEntry, KnownMeasure, PairEntry, Provenance, StudyRecord, UnknownMeasure
from echoseg.record.entries import NO_RATE, NO_SPACING, body_surface, measure_entry, number, reference_range, subject_entry
from echoseg.record.listed import listed
from echoseg.record.measures import MEASURES
from echoseg.record.quality import quality
from echoseg.types import Flag

if TYPE_CHECKING:
    from echoseg.cardiac.biplane import BiplaneFunction

NO_ATRIUM = "the left atrium was not segmented at end-systole in both views"
METHODS = {
    "disks": "biplane disks",
    "area-length": "biplane area-length",
    "camus-2019": "biplane disks, camus-2019",
}


def listed_folders(path: Path) -> tuple[str, ...]:
    """The folders of the clips that a study.json lists, relative to it; empty for what is none, or not there."""
    return listed(path, "urn:echoseg:study:", "clips")


def study_record(
    clips: Sequence[ClipEntry],
    biplane: BiplaneFunction | None,
    subject: Subject,
    flags: Sequence[Flag],
    provenance: Mapping[str, Any],
    *,
    atrium: bool = False,
    why: str = "",
    ef_interval: tuple[float, float] | None = None,
    exam: ExamEntry | None = None,
    guideline: str = DEFAULT_GUIDELINE,
) -> dict[str, Any]:
    """The contents of study.json.

    Args:
        clips: entries from :func:`clip_entry`, in the order they are listed.
        biplane: None when there is no biplane measurement.
        subject: for indexed values and reference ranges.
        flags: on the study as a whole.
        provenance: from :func:`echoseg.record.provenance.provenance`.
        atrium: whether the left atrium was asked for.
        why: the reason if ``biplane`` is None.
        ef_interval: the calibrated 90 % interval of EF; None: the range over the pairs of beats.
        exam: from :func:`echoseg.record.exam.joint_exam`, or None.
        guideline: whose ranges values are held against.

    Returns:
        Plain JSON values, see :class:`echoseg.record.documents.StudyRecord`.
    """
    about: dict[str, Any] = {} if exam is None else {"exam": exam}
    return StudyRecord(
        schema=StudyRecord.identifier(),
        subject=subject_entry(subject),
        **about,
        clips=clips,
        measures=_measures(biplane, subject, why, atrium, guideline, ef_interval),
        beats=() if biplane is None else _beats(biplane),
        flags=[FlagEntry.model_validate(flag) for flag in flags],
        quality=quality(flags),
        provenance=Provenance.model_validate(dict(provenance)),
    ).plain()


def clip_entry(record: Mapping[str, Any], folder: str, used: bool) -> ClipEntry:
    """What study.json says of one clip.

    Args:
        record: its measurements.json.
        folder: of its results, relative to study.json.
        used: whether the biplane values come from it.
    """
    source, measures = record["source"], record["measures"]
    return ClipEntry(
        name=source["name"],
        folder=folder,
        view=source["view"],
        view_from=source["view_from"],
        used=used,
        quality=record["quality"],
        beats=len(record["beats"]),
        mean_iou_score=next((found["mean_iou_score"] for found in record["objects"] if found["name"] == "LV"), None),
        flags=[flag["code"] for flag in record["flags"]],
        **{MEASURES[key].column: measures.get(key, {}).get("value") for key in ("ef", "edv", "esv")},
    )


def _measures(
    biplane: BiplaneFunction | None, subject: Subject, why: str, atrium: bool, guideline: str, ef_interval: tuple[float, float] | None
) -> dict[str, KnownMeasure | UnknownMeasure]:
    beats = () if biplane is None else biplane.beats
    method = None if biplane is None else METHODS[biplane.method]
    no_ml = why if biplane is None else NO_SPACING
    area = body_surface(subject)
    measures: dict[str, KnownMeasure | UnknownMeasure] = {}

    def value(attribute: str) -> float | None:
        found = None if biplane is None else getattr(biplane, attribute)
        return None if found is None else float(found)

    def entry(key: str, number: float | None, method: str | None, why: str, attribute: str = "", graded: bool = True) -> None:
        each = [getattr(beat, attribute) for beat in beats] if attribute else []
        sure = ef_interval if key == "ef" else None
        reference = reference_range(key, number, subject, guideline) if graded else None
        measures[key] = measure_entry(MEASURES[key], number, method, each=each, calibrated=sure, why=why, reference=reference)

    def indexed(key: str, number: float | None, method: str | None, why: str, graded: bool = True) -> None:
        if area is not None:
            entry(key, None if number is None else number / area, method, why, graded=graded)

    entry("ef", value("ef"), method, why, "ef")
    for key in ("edv", "esv", "sv"):
        entry(key, value(f"{key}_ml"), method, no_ml, f"{key}_ml")
    entry("hr", value("hr_bpm"), "mean of the two views", why or NO_RATE)
    no_output = no_ml if value("sv_ml") is None else NO_RATE
    entry("co", value("co_l_min"), method, no_output)
    for key in ("edv", "esv", "sv"):
        indexed(f"{key}_index", value(f"{key}_ml"), method, no_ml)
    indexed("cardiac_index", value("co_l_min"), method, no_output)
    if atrium:
        no_la = no_ml if value("edv_ml") is None else NO_ATRIUM
        shorter = "biplane area-length (shorter length)"
        entry("la_volume", value("la_ml"), shorter, no_la, "la_ml")
        entry("la_volume_disks", value("la_disks_ml"), "biplane disks", no_la, "la_disks_ml")
        indexed("la_volume_index", value("la_ml"), shorter, no_la, graded=False)
        indexed("la_volume_disks_index", value("la_disks_ml"), "biplane disks", no_la)
    for view in ("A4C", "A2C"):
        length = None if biplane is None or biplane.lengths_mm is None else biplane.lengths_mm[view]
        entry(f"length_{view.lower()}", length, "long axis at end-diastole", no_ml)
    return measures


def _beats(biplane: BiplaneFunction) -> list[PairEntry]:
    named = [MEASURES[key] for key in ("ef", "edv", "esv", "sv")]
    return [
        PairEntry(a4c=beat.a4c, a2c=beat.a2c, **{each.column: number(getattr(beat, each.column), each.decimals) for each in named})
        for beat in biplane.beats
    ]
