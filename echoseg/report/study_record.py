"""study.json: biplane values of one study, the clips they come from, best first, and why a value is unknown.

The shape is ``study.schema.json`` beside this file (JSON Schema, draft 2020-12).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from echoseg.cardiac.references import DEFAULT_GUIDELINE
from echoseg.report.entries import NO_RATE, NO_SPACING, body_surface, measure_entry, number, reference_range, subject_record
from echoseg.report.measurements import quality
from echoseg.types import Flag, Subject

if TYPE_CHECKING:
    from echoseg.cardiac.biplane import BiplaneFunction

_SCHEMA = "urn:echoseg:study:"
SCHEMA_ID = f"{_SCHEMA}1"
NO_ATRIUM = "the left atrium was not segmented at end-systole in both views"
METHODS = {
    "disks": "biplane disks",
    "area-length": "biplane area-length",
    "camus-2019": "biplane disks, camus-2019",
}


def study_schema() -> dict[str, Any]:
    """The JSON Schema of study.json."""
    return dict(json.loads(files("echoseg.report").joinpath("study.schema.json").read_text(encoding="utf-8")))


def listed_folders(path: Path) -> tuple[str, ...]:
    """The folders of the clips that a study.json lists, relative to it; empty for what is none, or not there."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ()
    if not isinstance(record, dict) or not str(record.get("schema")).startswith(_SCHEMA) or not isinstance(record.get("clips"), list):
        return ()
    return tuple(str(clip["folder"]) for clip in record["clips"] if isinstance(clip, dict) and "folder" in clip)


def study_record(
    clips: Sequence[Mapping[str, Any]],
    biplane: BiplaneFunction | None,
    subject: Subject,
    flags: Sequence[Flag],
    provenance: Mapping[str, Any],
    *,
    atrium: bool = False,
    why: str = "",
    ef_interval: tuple[float, float] | None = None,
    guideline: str = DEFAULT_GUIDELINE,
) -> dict[str, Any]:
    """The contents of study.json.

    Args:
        clips: entries from :func:`clip_entry`, in the order they are listed.
        biplane: None when there is no biplane measurement.
        subject: for indexed values and reference ranges.
        flags: on the study as a whole.
        provenance: from :func:`echoseg.report.provenance.provenance`.
        atrium: whether the left atrium was asked for.
        why: the reason if ``biplane`` is None.
        ef_interval: the calibrated 90 % interval of EF; None: the range over the pairs of beats.
        guideline: whose ranges values are held against.

    Returns:
        Plain JSON values.
    """
    return {
        "schema": SCHEMA_ID,
        "subject": subject_record(subject),
        "clips": [dict(clip) for clip in clips],
        "measures": _measures(biplane, subject, why, atrium, guideline, ef_interval),
        "beats": [] if biplane is None else _beats(biplane),
        "flags": [{"code": flag.code, "message": flag.message, "severity": flag.severity} for flag in flags],
        "quality": quality(flags),
        "provenance": dict(provenance),
    }


def clip_entry(record: Mapping[str, Any], folder: str, used: bool) -> dict[str, Any]:
    """What study.json says of one clip.

    Args:
        record: its measurements.json.
        folder: of its results, relative to study.json.
        used: whether the biplane values come from it.
    """
    return {
        "name": record["source"]["name"],
        "folder": folder,
        "view": record["source"]["view"],
        "view_from": record["source"]["view_from"],
        "used": used,
        "quality": record["quality"],
        "beats": len(record["beats"]),
        "mean_iou_score": next((found["mean_iou_score"] for found in record["objects"] if found["name"] == "LV"), None),
        "ef": record["measures"].get("ef", {}).get("value"),
        "edv_ml": record["measures"].get("edv", {}).get("value"),
        "esv_ml": record["measures"].get("esv", {}).get("value"),
        "flags": [flag["code"] for flag in record["flags"]],
    }


def _measures(
    biplane: BiplaneFunction | None, subject: Subject, why: str, atrium: bool, guideline: str, ef_interval: tuple[float, float] | None
) -> dict[str, Any]:
    beats = () if biplane is None else biplane.beats
    method = None if biplane is None else METHODS[biplane.method]
    no_ml = why if biplane is None else NO_SPACING
    area = body_surface(subject)
    measures: dict[str, Any] = {}

    def value(attribute: str) -> float | None:
        found = None if biplane is None else getattr(biplane, attribute)
        return None if found is None else float(found)

    def entry(key: str, number: float | None, unit: str, decimals: int, method: str | None, why: str, attribute: str = "") -> None:
        each = [getattr(beat, attribute) for beat in beats] if attribute else []
        reference = reference_range(key, number, subject, guideline)
        sure = ef_interval if key == "ef" else None
        measures[key] = measure_entry(number, unit, decimals, method, each=each, calibrated=sure, why=why, reference=reference)

    def indexed(key: str, number: float | None, unit: str, decimals: int, method: str | None, why: str) -> None:
        if area is not None:
            entry(key, None if number is None else number / area, unit, decimals, method, why)

    entry("ef", value("ef"), "%", 1, method, why, "ef")
    for key in ("edv", "esv", "sv"):
        entry(key, value(f"{key}_ml"), "mL", 1, method, no_ml, f"{key}_ml")
    rate = value("hr_bpm")
    entry("hr", rate, "/min", 0, "mean of the two views", why or NO_RATE)
    no_output = no_ml if value("sv_ml") is None else NO_RATE
    entry("co", value("co_l_min"), "L/min", 2, method, no_output)
    for key in ("edv", "esv", "sv"):
        indexed(f"{key}_index", value(f"{key}_ml"), "mL/m²", 1, method, no_ml)
    indexed("cardiac_index", value("co_l_min"), "L/min/m²", 2, method, no_output)
    if atrium:
        no_la = no_ml if value("edv_ml") is None else NO_ATRIUM
        shorter = "biplane area-length (shorter length)"
        entry("la_volume", value("la_ml"), "mL", 1, shorter, no_la, "la_ml")
        entry("la_volume_disks", value("la_disks_ml"), "mL", 1, "biplane disks", no_la, "la_disks_ml")
        indexed("la_volume_index", value("la_ml"), "mL/m²", 1, shorter, no_la)
    for view in ("A4C", "A2C"):
        length = None if biplane is None or biplane.lengths_mm is None else biplane.lengths_mm[view]
        entry(f"length_{view.lower()}", length, "mm", 1, "long axis at end-diastole", no_ml)
    return measures


def _beats(biplane: BiplaneFunction) -> list[dict[str, Any]]:
    return [
        {
            "a4c": beat.a4c,
            "a2c": beat.a2c,
            "ef": number(beat.ef, 1),
            "edv_ml": number(beat.edv_ml, 1),
            "esv_ml": number(beat.esv_ml, 1),
            "sv_ml": number(beat.sv_ml, 1),
        }
        for beat in biplane.beats
    ]
