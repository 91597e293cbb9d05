"""measurements.json: every number of one result, with its unit, its method, and the reason where it is unknown."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from echoseg.cardiac.interval import IntervalModel, Planes, Signals, clip_signals, shipped_model
from echoseg.cardiac.quality import NO_CYCLE
from echoseg.io.source import Source
from echoseg.io.tables import frame_times, object_areas
from echoseg.io.views import ViewChoice
from echoseg.options import Subject
from echoseg.record.documents import (
    BeatEntry,
    ExamEntry,
    FlagEntry,
    KnownMeasure,
    Measurements,
    ObjectEntry,
    Provenance,
    SourceEntry,
    UnknownMeasure,
)
from echoseg.record.entries import (
    CLOCK_DOUBTED,
    CLOCK_DOUBTS,
    NO_RATE,
    NO_SPACING,
    SIZE_DOUBT,
    SIZE_DOUBTED,
    body_surface,
    measure_entry,
    number,
    positive,
    reference_range,
    subject_entry,
)
from echoseg.record.exam import index_beat_entry
from echoseg.record.measures import BEAT, MEASURES
from echoseg.record.quality import merged_flags, quality
from echoseg.record.volume import volume_entry
from echoseg.types import Segmentation

if TYPE_CHECKING:
    from echoseg.cardiac import LVAnalysis
    from echoseg.cardiac.chambers import ChamberMeasure

_CHAMBER_METHODS: Mapping[ChamberMeasure, str] = {
    "sphericity": "single-plane disks at end-diastole over the sphere on the long axis ({view})",
    "la_volume": "single-plane area-length at LV end-systole ({view})",
    "la_volume_disks": "single-plane disks at LV end-systole ({view})",
    "rv_fac": "RV area at the phases of the LV ({view}, not RV-focused)",
    "wall_thickness": "mean along the wall at end-diastole ({view})",
    "lv_mass": "epicardial less endocardial volume by single-plane disks ({view}), 1.05 g/mL",
}


def measurements(
    source: Source,
    segmentation: Segmentation,
    analysis: LVAnalysis | None,
    provenance: Mapping[str, Any],
    *,
    view: ViewChoice | None = None,
    subject: Subject | None = None,
    chambers: Mapping[ChamberMeasure, tuple[float | None, ...]] | None = None,
    exam: ExamEntry | None = None,
    undefined: str = "",
) -> dict[str, Any]:
    """The contents of measurements.json.

    Args:
        source: for its name and kind.
        segmentation: of that source.
        analysis: of the left ventricle, or None when there is none (another object, a volume).
        provenance: from :func:`echoseg.record.provenance.provenance`.
        view: of a clip, and where it is known from.
        subject: for indexed values and reference ranges; None: nothing is known.
        chambers: from :func:`echoseg.cardiac.chamber_measures`; None: no more than LV function.
        exam: from :func:`echoseg.record.exam.exam_entry`; None: nothing is known, and the record has no such part.
        undefined: why no measure is defined in the picture, of an analysis without numbers; else empty.

    Returns:
        Plain JSON values, see :class:`echoseg.record.documents.Measurements`. Without spacing nothing is in mL or cm².
    """
    flags = merged_flags(segmentation.flags, () if analysis is None else analysis.flags)
    spacing, subject = segmentation.geometry.spacing, subject or Subject()
    measures: dict[str, KnownMeasure | UnknownMeasure] = {}
    if analysis is not None:
        sure = _ef_interval(segmentation, analysis, provenance["model"]["weights_sha256"])
        spaced = spacing is not None or bool(undefined)  # without numbers the reason is not the spacing
        measures |= _lv_measures(analysis, subject, sure, spaced=spaced, undefined=undefined)
        measures |= _chamber_measures(chambers or {}, analysis, subject, spaced=spaced, drawn=segmentation.given, undefined=undefined)
    about: dict[str, Any] = {} if exam is None else {"exam": exam}
    about |= index_beat_entry(analysis, spaced=spacing is not None)
    sides: Any = None if spacing is None else [positive(side, 5) for side in spacing]
    return Measurements(
        schema=Measurements.identifier(),
        source=SourceEntry(
            name=source.name,
            kind=source.kind,
            frames=len(segmentation.masks),
            height=segmentation.masks.shape[1],
            width=segmentation.masks.shape[2],
            fps=positive(segmentation.fps, 3),
            spacing_mm=sides,
            slice_spacing_mm=positive(segmentation.geometry.slice_spacing, 5),
            view=None if view is None else view.name,
            view_from=None if view is None else view.origin,
        ),
        subject=subject_entry(subject),
        objects=_objects(segmentation, volumetric=source.kind == "volume"),
        measures=measures,
        beats=() if analysis is None else _beats(segmentation, analysis, spaced=spacing is not None),
        **about,
        flags=[FlagEntry.model_validate(flag) for flag in flags],
        quality=quality(flags),
        provenance=Provenance.model_validate(dict(provenance)),
    ).plain()


def measurements_text(record: Mapping[str, Any]) -> str:
    """``record`` as JSON text, two-space indented, UTF-8, with a final newline.

    Raises:
        ValueError: a NaN or infinity is in it.
    """
    return json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _objects(segmentation: Segmentation, *, volumetric: bool) -> list[ObjectEntry]:
    areas = object_areas(segmentation)
    found = []
    for column, object_id in enumerate(segmentation.object_ids):
        pixels, scores = areas[:, column], segmentation.scores[:, column]
        scored = scores[np.isfinite(scores)]
        entry = ObjectEntry(
            id=object_id,
            name=segmentation.names.get(object_id, str(object_id)),
            seed_frames=[int(frame) for frame in segmentation.seeds.get(object_id, ())],
            frames_present=int((pixels > 0).sum()),
            mean_iou_score=number(float(scored.mean()), 4) if len(scored) else None,
            **(volume_entry(segmentation, object_id) if volumetric else {}),
        )
        found.append(entry)
    return found


def lv_signals(segmentation: Segmentation, analysis: LVAnalysis) -> Signals | None:
    """What a clip says of its EF's certainty, see :func:`echoseg.cardiac.interval.clip_signals`; None without an LV or an EF."""
    lv = next((object_id for object_id, name in segmentation.names.items() if name == "LV"), None)
    if lv is None or analysis.ef is None:
        return None
    return clip_signals(analysis, segmentation.scores[:, segmentation.object_ids.index(lv)], segmentation.fps)


def calibration(automatic: bool, weights_sha256: str | None, method: str, planes: Planes = "single-plane") -> IntervalModel | None:
    """The calibration of an EF; None for what was not tried: other weights, another prompt than ``auto``, and the area-length method.

    Args:
        automatic: whether the model found the ventricle by its name, see :class:`echoseg.types.Segmentation`.
        weights_sha256: of the model.
        method: of volumes. ``planes``: how many views.
    """
    return shipped_model(weights_sha256, planes) if automatic and method != "area-length" else None


def _ef_interval(segmentation: Segmentation, analysis: LVAnalysis, weights_sha256: str | None) -> tuple[float, float] | None:
    """The 90 % interval of EF, where one is calibrated for the weights that segmented the clip."""
    model = calibration(segmentation.automatic, weights_sha256, analysis.method)
    signals = None if model is None else lv_signals(segmentation, analysis)
    return None if model is None or signals is None or analysis.ef is None else model.interval(analysis.ef, signals)


def _lv_measures(
    analysis: LVAnalysis, subject: Subject, ef_interval: tuple[float, float] | None, *, spaced: bool, undefined: str
) -> dict[str, KnownMeasure | UnknownMeasure]:
    complete = [beat for beat in analysis.beats if not beat.partial]
    missing = undefined or ("the left ventricle could not be measured" if analysis.beats else NO_CYCLE)
    volumes = f"single-plane {analysis.method} ({analysis.view})"
    timed = any(beat.hr_bpm is not None for beat in complete)
    doubts = {flag.code for flag in analysis.flags}
    no_rate = undefined or (CLOCK_DOUBTED if doubts & CLOCK_DOUBTS else NO_RATE)
    no_spacing = SIZE_DOUBTED if SIZE_DOUBT in doubts else NO_SPACING
    no_output = missing if analysis.sv_ml is None else no_rate
    measures: dict[str, KnownMeasure | UnknownMeasure] = {}

    def entry(key: str, value: float | None, method: str, attribute: str | None, why: str = missing) -> None:
        each = [getattr(beat, attribute) for beat in complete] if attribute else []
        sure, reference = ef_interval if key == "ef" else None, reference_range(key, value, subject)
        measures[key] = measure_entry(MEASURES[key], value, method, each=each, calibrated=sure, why=why, reference=reference)

    def in_ml(key: str, value: float | None, attribute: str | None, why: str = missing) -> None:
        # Checked here again: a mL that nobody can vouch for must not leave, whatever was computed before.
        entry(key, value if spaced else None, volumes, attribute if spaced else None, why if spaced else no_spacing)

    entry("ef", analysis.ef, volumes, "ef")
    in_ml("edv", analysis.edv_ml, "edv_ml")
    in_ml("esv", analysis.esv_ml, "esv_ml")
    in_ml("sv", analysis.sv_ml, "sv_ml")
    entry("hr", analysis.hr_bpm, "between end-diastoles" if timed else "from the file", "hr_bpm", no_rate)
    in_ml("co", analysis.co_l_min, None, no_output)
    area = body_surface(subject)
    if area is not None:
        for key, volume in (("edv_index", analysis.edv_ml), ("esv_index", analysis.esv_ml), ("sv_index", analysis.sv_ml)):
            in_ml(key, None if volume is None else volume / area, None)
        in_ml("cardiac_index", None if analysis.co_l_min is None else analysis.co_l_min / area, None, no_output)
    entry("fac", analysis.fac, f"cavity area ({analysis.view})", "fac")
    contour = f"endocardial contour length ({analysis.view}), not speckle tracking"
    entry("contour_strain", analysis.contour_strain, contour, "contour_strain")
    for name in ("peak_ejection", "peak_filling"):
        why = "the frame rate is unknown, or the clip holds no such part of a beat" if analysis.beats else missing
        entry(f"{name}_rate", getattr(analysis, name), volumes, name, why)
    return measures


def _chamber_measures(
    chambers: Mapping[ChamberMeasure, tuple[float | None, ...]],
    analysis: LVAnalysis,
    subject: Subject,
    *,
    spaced: bool,
    drawn: bool,
    undefined: str,
) -> dict[str, KnownMeasure | UnknownMeasure]:
    missing = undefined or "it could not be measured at the phases of a beat" if undefined or analysis.beats else NO_CYCLE
    measures: dict[str, KnownMeasure | UnknownMeasure] = {}
    for key, each in chambers.items():
        measurable = spaced or MEASURES[key].unit == "%"
        known = [value for value in each if value is not None] if measurable else []
        complete = [value for value, beat in zip(each, analysis.beats, strict=True) if not beat.partial] if known else []
        mean = float(np.mean(known)) if known else None
        why = missing if measurable else NO_SPACING
        # A right ventricle that was found is for review, not for a grade.
        reference = reference_range(key, mean, subject) if key == "rv_fac" and drawn else None
        method = _CHAMBER_METHODS[key].format(view=analysis.view)
        measures[key] = measure_entry(MEASURES[key], mean, method, each=complete, why=why, reference=reference)
    area = body_surface(subject)
    if area is not None and "lv_mass" in measures:
        mass = measures["lv_mass"]
        value = None if mass.value is None else mass.value / area
        measures["lv_mass_index"] = measure_entry(MEASURES["lv_mass_index"], value, mass.method, why=mass.reason or missing)
    return measures


def _beats(segmentation: Segmentation, analysis: LVAnalysis, *, spaced: bool) -> list[BeatEntry]:
    times = frame_times(segmentation)

    def seconds(frame: int | None) -> float | None:
        return None if times is None or frame is None else number(float(times[frame]), 4)

    return [
        BeatEntry(
            ed=int(beat.ed),
            es=int(beat.es),
            next_ed=None if beat.next_ed is None else int(beat.next_ed),
            ed_s=seconds(beat.ed),
            es_s=seconds(beat.es),
            next_ed_s=seconds(beat.next_ed),
            partial=bool(beat.partial),
            **{each.column: number(getattr(beat, each.column), each.decimals) if spaced or each.unit != "mL" else None for each in BEAT},
        )
        for beat in analysis.beats
    ]
