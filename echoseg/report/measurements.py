"""measurements.json: every number of one result, with its unit, its method, and the reason where it is unknown.

The shape is ``measurements.schema.json`` beside this file (JSON Schema, draft 2020-12).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np

from echoseg.cardiac.interval import IntervalModel, Planes, Signals, clip_signals, shipped_model
from echoseg.io.source import Source
from echoseg.io.tables import frame_times, object_areas
from echoseg.io.views import ViewChoice
from echoseg.prompting.plan import auto_structures
from echoseg.report.entries import NO_RATE, NO_SPACING, body_surface, measure_entry, number, reference_range, subject_record
from echoseg.report.volume_entries import volume_entry
from echoseg.types import Flag, Segmentation, Subject

if TYPE_CHECKING:
    from echoseg.cardiac import LVAnalysis
    from echoseg.cardiac.chambers import ChamberMeasure

SCHEMA_ID = "urn:echoseg:measurements:1"
_QUALITY = {"info": "accept", "review": "review", "reject": "reject"}
_CHAMBERS: Mapping[str, tuple[str, int, str]] = {
    "sphericity": ("1", 2, "single-plane disks at end-diastole over the sphere on the long axis ({view})"),
    "la_volume": ("mL", 1, "single-plane area-length at LV end-systole ({view})"),
    "la_volume_disks": ("mL", 1, "single-plane disks at LV end-systole ({view})"),
    "rv_fac": ("%", 1, "RV area at the phases of the LV ({view}, not RV-focused)"),
    "wall_thickness": ("mm", 1, "mean along the wall at end-diastole ({view})"),
    "lv_mass": ("g", 0, "epicardial less endocardial volume by single-plane disks ({view}), 1.05 g/mL"),
}
"""Unit, decimals worth writing, and method of each of :func:`echoseg.cardiac.chamber_measures`."""
_SEVERITIES = ("info", "review", "reject")


def schema() -> dict[str, Any]:
    """The JSON Schema of measurements.json."""
    text = files("echoseg.report").joinpath("measurements.schema.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


def measurements(
    source: Source,
    segmentation: Segmentation,
    analysis: LVAnalysis | None,
    provenance: Mapping[str, Any],
    *,
    view: ViewChoice | None = None,
    subject: Subject | None = None,
    chambers: Mapping[ChamberMeasure, tuple[float | None, ...]] | None = None,
) -> dict[str, Any]:
    """The contents of measurements.json.

    Args:
        source: for its name and kind.
        segmentation: of that source.
        analysis: of the left ventricle, or None when there is none (another object, a volume).
        provenance: from :func:`echoseg.report.provenance.provenance`.
        view: of a clip, and where it is known from.
        subject: for indexed values and reference ranges; None: nothing is known.
        chambers: from :func:`echoseg.cardiac.chamber_measures`; None: no more than LV function.

    Returns:
        Plain JSON values. Unknown numbers are None, never NaN; without spacing nothing is in mL or cm².
    """
    flags = merged_flags(segmentation.flags, () if analysis is None else analysis.flags)
    spacing, subject = segmentation.geometry.spacing, subject or Subject()
    sure = None if analysis is None else _ef_interval(segmentation, analysis, provenance)
    measures = {} if analysis is None else _lv_measures(analysis, subject, sure, spaced=spacing is not None)
    if analysis is not None:
        measures |= _chamber_measures(chambers or {}, analysis, subject, spaced=spacing is not None, drawn=segmentation.given)
    return {
        "schema": SCHEMA_ID,
        "source": {
            "name": source.name,
            "kind": source.kind,
            "frames": len(segmentation.masks),
            "height": segmentation.masks.shape[1],
            "width": segmentation.masks.shape[2],
            "fps": number(segmentation.fps, 3),
            "spacing_mm": None if spacing is None else [number(side, 5) for side in spacing],
            "slice_spacing_mm": number(segmentation.geometry.slice_spacing, 5),
            "view": None if view is None else view.name,
            "view_from": None if view is None else view.origin,
        },
        "subject": subject_record(subject),
        "objects": _objects(segmentation, volumetric=source.kind == "volume"),
        "measures": measures,
        "beats": [] if analysis is None else _beats(segmentation, analysis, spaced=spacing is not None),
        "flags": [{"code": flag.code, "message": flag.message, "severity": flag.severity} for flag in flags],
        "quality": quality(flags),
        "provenance": dict(provenance),
    }


def measurements_text(record: Mapping[str, Any]) -> str:
    """``record`` as JSON text, two-space indented, UTF-8, with a final newline.

    Raises:
        ValueError: a NaN or infinity is in it.
    """
    return json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def quality(flags: Iterable[Flag]) -> str:
    """``accept``, ``review`` or ``reject``: the worst severity among the flags."""
    worst = max((_SEVERITIES.index(flag.severity) for flag in flags), default=0)
    return _QUALITY[_SEVERITIES[worst]]


def merged_flags(*groups: Iterable[Flag]) -> list[Flag]:
    """All flags, the most severe first, otherwise in the order given; of those with the same code the first of the most severe."""
    unique: dict[str, Flag] = {}
    for flag in sorted((flag for group in groups for flag in group), key=lambda flag: -_SEVERITIES.index(flag.severity)):
        unique.setdefault(flag.code, flag)
    return list(unique.values())


def _objects(segmentation: Segmentation, *, volumetric: bool) -> list[dict[str, Any]]:
    areas = object_areas(segmentation)
    found = []
    for column, object_id in enumerate(segmentation.object_ids):
        pixels, scores = areas[:, column], segmentation.scores[:, column]
        scored = scores[np.isfinite(scores)]
        entry: dict[str, Any] = {
            "id": object_id,
            "name": segmentation.names.get(object_id, str(object_id)),
            "seed_frames": [int(frame) for frame in segmentation.seeds.get(object_id, ())],
            "frames_present": int((pixels > 0).sum()),
            "mean_iou_score": number(float(scored.mean()), 4) if len(scored) else None,
        }
        if volumetric:
            entry |= volume_entry(segmentation, object_id)
        found.append(entry)
    return found


def lv_signals(segmentation: Segmentation, analysis: LVAnalysis) -> Signals | None:
    """What a clip says of its EF's certainty, see :func:`echoseg.cardiac.interval.clip_signals`; None without an LV or an EF."""
    lv = next((object_id for object_id, name in segmentation.names.items() if name == "LV"), None)
    if lv is None or analysis.ef is None:
        return None
    return clip_signals(analysis, segmentation.scores[:, segmentation.object_ids.index(lv)], segmentation.fps)


def calibration(provenance: Mapping[str, Any], method: str, planes: Planes = "single-plane") -> IntervalModel | None:
    """The calibration of the EF of a clip or study made as ``provenance`` says; None for other weights, for another prompt than ``auto``,
    and for another method than disks: those were not tried."""
    if auto_structures(provenance.get("prompt")) is None or method == "area-length":
        return None
    return shipped_model((provenance.get("model") or {}).get("weights_sha256"), planes)


def _ef_interval(segmentation: Segmentation, analysis: LVAnalysis, provenance: Mapping[str, Any]) -> tuple[float, float] | None:
    """The 90 % interval of EF, where one is calibrated for the weights that segmented the clip."""
    model = calibration(provenance, analysis.method)
    signals = None if model is None else lv_signals(segmentation, analysis)
    return None if model is None or signals is None or analysis.ef is None else model.interval(analysis.ef, signals)


def _lv_measures(analysis: LVAnalysis, subject: Subject, ef_interval: tuple[float, float] | None, *, spaced: bool) -> dict[str, Any]:
    complete = [beat for beat in analysis.beats if not beat.partial]
    missing = "the left ventricle could not be measured" if analysis.beats else "no beat was found"
    volumes = f"single-plane {analysis.method} ({analysis.view})"
    timed = any(beat.hr_bpm is not None for beat in complete)
    no_output = missing if analysis.sv_ml is None else NO_RATE

    def entry(key: str, value: float | None, unit: str, decimals: int, method: str, attribute: str | None, why: str = missing) -> None:
        each = [getattr(beat, attribute) for beat in complete] if attribute else []
        sure = ef_interval if key == "ef" else None
        reference = reference_range(key, value, subject)
        measures[key] = measure_entry(value, unit, decimals, method, each=each, calibrated=sure, why=why, reference=reference)

    def in_ml(key: str, value: float | None, unit: str, decimals: int, attribute: str | None, why: str = missing) -> None:
        # Checked here again: a mL that nobody can vouch for must not leave, whatever was computed before.
        entry(key, value if spaced else None, unit, decimals, volumes, attribute if spaced else None, why if spaced else NO_SPACING)

    measures: dict[str, Any] = {}
    entry("ef", analysis.ef, "%", 1, volumes, "ef")
    in_ml("edv", analysis.edv_ml, "mL", 1, "edv_ml")
    in_ml("esv", analysis.esv_ml, "mL", 1, "esv_ml")
    in_ml("sv", analysis.sv_ml, "mL", 1, "sv_ml")
    entry("hr", analysis.hr_bpm, "/min", 0, "between end-diastoles" if timed else "from the file", "hr_bpm", NO_RATE)
    in_ml("co", analysis.co_l_min, "L/min", 2, None, no_output)
    area = body_surface(subject)
    if area is not None:
        for key, volume in (("edv_index", analysis.edv_ml), ("esv_index", analysis.esv_ml), ("sv_index", analysis.sv_ml)):
            in_ml(key, None if volume is None else volume / area, "mL/m²", 1, None)
        in_ml("cardiac_index", None if analysis.co_l_min is None else analysis.co_l_min / area, "L/min/m²", 2, None, no_output)
    entry("fac", analysis.fac, "%", 1, f"cavity area ({analysis.view})", "fac")
    contour = f"endocardial contour length ({analysis.view}), not speckle tracking"
    entry("contour_strain", analysis.contour_strain, "%", 1, contour, "contour_strain")
    for name in ("peak_ejection", "peak_filling"):
        why = "the frame rate is unknown, or the clip holds no such part of a beat" if analysis.beats else missing
        entry(f"{name}_rate", getattr(analysis, name), "EDV/s", 2, volumes, name, why)
    return measures


def _chamber_measures(
    chambers: Mapping[ChamberMeasure, tuple[float | None, ...]], analysis: LVAnalysis, subject: Subject, *, spaced: bool, drawn: bool
) -> dict[str, Any]:
    missing = "it could not be measured at the phases of a beat" if analysis.beats else "no beat was found"
    measures: dict[str, Any] = {}
    for key, each in chambers.items():
        unit, decimals, method = _CHAMBERS[key]
        measurable = spaced or unit == "%"
        known = [value for value in each if value is not None] if measurable else []
        complete = [value for value, beat in zip(each, analysis.beats, strict=True) if not beat.partial] if known else []
        mean = float(np.mean(known)) if known else None
        why = missing if measurable else NO_SPACING
        # A right ventricle that was found is for review, not for a grade.
        reference = reference_range(key, mean, subject) if key == "rv_fac" and drawn else None
        told = method.format(view=analysis.view)
        measures[key] = measure_entry(mean, unit, decimals, told, each=complete, why=why, reference=reference)
    area = body_surface(subject)
    if area is not None and "lv_mass" in measures:
        mass = measures["lv_mass"]
        value = None if mass["value"] is None else mass["value"] / area
        measures["lv_mass_index"] = measure_entry(value, "g/m²", 0, mass["method"], why=mass["reason"] or missing)
    return measures


def _beats(segmentation: Segmentation, analysis: LVAnalysis, *, spaced: bool) -> list[dict[str, Any]]:
    times = frame_times(segmentation)

    def seconds(frame: int | None) -> float | None:
        return None if times is None or frame is None else number(float(times[frame]), 4)

    return [
        {
            "ed": int(beat.ed),
            "es": int(beat.es),
            "next_ed": None if beat.next_ed is None else int(beat.next_ed),
            "ed_s": seconds(beat.ed),
            "es_s": seconds(beat.es),
            "next_ed_s": seconds(beat.next_ed),
            "partial": bool(beat.partial),
            "ef": number(beat.ef, 1),
            "edv_ml": number(beat.edv_ml, 1) if spaced else None,
            "esv_ml": number(beat.esv_ml, 1) if spaced else None,
            "sv_ml": number(beat.sv_ml, 1) if spaced else None,
            "fac": number(beat.fac, 1),
            "hr_bpm": number(beat.hr_bpm, 0),
        }
        for beat in analysis.beats
    ]
