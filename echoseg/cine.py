"""A cine MR: the results of its phases become volumes, ejection fraction and mass of both ventricles; cine.json, cine.html and cine.png."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from echoseg.cardiac.cine import CineFunction, cine_function
from echoseg.errors import MeasureError, StudyError
from echoseg.io.atomic import atomic_path
from echoseg.io.volume.parts import parse_part
from echoseg.options import Subject
from echoseg.record.cine import cine_record, listed_phases
from echoseg.record.documents import PhaseEntry
from echoseg.record.entries import number
from echoseg.record.measurements import measurements_text
from echoseg.record.provenance import provenance
from echoseg.record.quality import by_severity
from echoseg.report.cine_page import cine_html, cine_png
from echoseg.results import RunResult, object_named
from echoseg.types import Flag, Geometry, Severity
from echoseg.volumetry.volume import voxel_ml

STRUCTURES = ("LV", "MYO", "RV")
"""What a phase must have been asked for, in the order of its labels."""
FEW_PHASES = 12
"""Below it the largest and the smallest cavity of the beat may lie between two phases."""
UNLIKE_STROKES = 0.25
"""Of the larger stroke volume: in a heart without shunt or regurgitation both ventricles eject the same."""
OPEN_APEX = 0.25
"""Area of the LV on the last slice at ED over its largest: more, and the stack ends within the ventricle."""
_SUFFIXES = ("png", "html", "json")  # json last: who finds it finds the others


@dataclass(frozen=True)
class CinePhase:
    """What a cine keeps of one phase.

    Attributes:
        number: of the phase, from 0.
        labels: ``(Z, H, W)`` uint8, 1 LV cavity, 2 its myocardium, 3 RV cavity.
        directory: of the phase's own results.
        record: its measurements.json.
        geometry: of its slices.
        subject: what the file says of the person.
        source: what was run, as it was given.
    """

    number: int
    labels: NDArray[np.uint8]
    directory: Path
    record: Mapping[str, Any]
    geometry: Geometry
    subject: Subject
    source: str


@dataclass(frozen=True)
class CineResult:
    """What :func:`write_cine` wrote: the content of cine.json, files by name, the function, and what a reader must know."""

    record: Mapping[str, Any]
    files: Mapping[str, Path]
    function: CineFunction | None
    flags: tuple[Flag, ...]


def cine_phase(source: object, result: RunResult) -> CinePhase | None:
    """A result's part in a cine; None for what has none: no phase of a volume, or one in which the three structures were not found by name.

    Args:
        source: what was run, as it was given.
        result: of that run.
    """
    part = result.measurements["provenance"]["options"].get("part")
    ids = [object_named(result.segmentation, name) for name in STRUCTURES]
    if part is None or not result.segmentation.automatic or None in ids:
        return None
    found = parse_part(part)
    if found.split != "phase" or found.index is None:
        return None
    labels = np.zeros(result.segmentation.masks.shape, np.uint8)
    for value, object_id in enumerate(ids, start=1):
        labels[result.segmentation.masks == object_id] = value
    segmentation, subject = result.segmentation, result.stated.subject
    return CinePhase(found.index, labels, result.directory, result.measurements, segmentation.geometry, subject, str(source))


def write_cine(out: str | Path, phases: Sequence[CinePhase], *, subject: Subject | None = None, overwrite: bool = False) -> CineResult:
    """Writes cine.json, cine.html and cine.png beside the phases' folders; a clash with an earlier cine gets a numeric suffix.

    Args:
        out: the folder that holds the phases' folders.
        phases: of one acquisition, from :func:`cine_phase`, in any order.
        subject: what the caller knows; the rest is what the files state.
        overwrite: replace an earlier cine of any of these folders.

    Raises:
        StudyError: fewer than two phases, two of one number, of several inputs, or of unlike slices.
        OutputError: a file cannot be written.
    """
    ordered = sorted(phases, key=lambda phase: phase.number)
    _check(ordered)
    labels = np.stack([phase.labels for phase in ordered])
    geometry = ordered[0].geometry
    function, why = None, ""
    try:
        function = cine_function(labels, geometry.spacing, geometry.slice_spacing)
    except MeasureError as error:
        why = str(error)
    known = subject or Subject()
    for phase in ordered:
        known = known.over(phase.subject)
    unit = voxel_ml(geometry)
    entries = [_entry(phase, unit) for phase in ordered]
    flags = by_severity(_flags(ordered, labels, function, why))
    record = cine_record(entries, labels.shape[1], geometry, function, known, flags, _provenance(ordered), why)
    sheets = {}
    for name, index in () if function is None else (("ed", function.ed), ("es", function.es)):
        preview = ordered[index].directory / "preview.png"
        if preview.is_file():
            sheets[name] = preview.read_bytes()
    contents = {
        "png": cine_png(record, sheets),
        "html": cine_html(record, sheets).encode(),
        "json": measurements_text(record).encode(),
    }
    stem, files = _free_stem(Path(out), {entry.folder for entry in entries}, overwrite), {}
    for suffix in _SUFFIXES:
        path = Path(out) / f"{stem}.{suffix}"
        with atomic_path(path) as temporary:
            temporary.write_bytes(contents[suffix])
        files[f"cine.{suffix}"] = path
    return CineResult(record, files, function, tuple(flags))


def _check(phases: Sequence[CinePhase]) -> None:
    if len(phases) < 2:
        raise StudyError(f"a cine needs two phases or more, not {len(phases)}")
    if len({phase.source for phase in phases}) > 1:
        raise StudyError("the phases are of several inputs: give one cine in one call")
    if len({phase.number for phase in phases}) < len(phases):
        raise StudyError("two phases have one number: give one cine in one call")
    if len({(phase.labels.shape, phase.geometry.spacing, phase.geometry.slice_spacing) for phase in phases}) > 1:
        raise StudyError("the phases differ in slices, size or spacing: they are not of one cine")


def _entry(phase: CinePhase, unit: float | None) -> PhaseEntry:
    lv, myocardium, rv = (int((phase.labels == value).sum()) for value in (1, 2, 3))
    return PhaseEntry(
        phase=phase.number,
        folder=phase.directory.name,
        lv_voxels=lv,
        myocardium_voxels=myocardium,
        rv_voxels=rv,
        lv_ml=None if unit is None else number(lv * unit, 1),
        rv_ml=None if unit is None else number(rv * unit, 1),
        flags=[flag["code"] for flag in phase.record["flags"]],
    )


def _flags(phases: Sequence[CinePhase], labels: NDArray[np.uint8], function: CineFunction | None, why: str) -> list[Flag]:
    if function is None:
        return [Flag("no_cine", f"{why}: no volumes and no ejection fraction, look at the phases", Severity.REJECT)]
    flags = []
    count = phases[-1].number + 1
    if count > len(phases):
        told = f"{count - len(phases)} of {count} phases have no result: ED or ES may be among them, see errors.csv"
        flags.append(Flag("phases_missing", told, Severity.REVIEW))
    if len(phases) < FEW_PHASES:
        told = f"{len(phases)} phases: the largest and the smallest cavity of the beat may lie between them"
        flags.append(Flag("few_phases", told, Severity.INFO))
    areas = (labels == 1).sum(axis=(2, 3)).astype(float)  # (P, Z)
    ends = areas[function.ed][[0, -1]] / areas[function.ed].max()
    if ends.min() > OPEN_APEX:
        told = "the cavity is wide on both end slices at end-diastole: the stack may end above the apex, and volumes may be too small"
        flags.append(Flag("apex_open", f"{told}; look at the apical slice", Severity.REVIEW))
    base = 0 if ends[0] >= ends[-1] else -1
    if areas[function.ed][base] and areas[function.es][base]:
        told = "the most basal slice holds a cavity at end-systole, too: it may be the atrium, or the stack may begin below the valve"
        flags.append(Flag("base_unsure", f"{told}; look at the basal slices of ES before the volumes are used", Severity.REVIEW))
    if function.rv is not None:
        strokes = [found.relative[function.ed] - found.relative[function.es] for found in (function.lv, function.rv)]
        volumes = [float(stroke * (labels[function.ed] == value).sum()) for stroke, value in zip(strokes, (1, 3), strict=True)]
        if max(volumes) > 0 and 1 - min(volumes) / max(volumes) > UNLIKE_STROKES:
            told = "the ventricles' stroke volumes differ by more than a quarter: without shunt or regurgitation they are alike"
            flags.append(Flag("strokes_unlike", f"{told}; look at the basal slices of the RV", Severity.REVIEW))
    for severity in (Severity.REJECT, Severity.REVIEW):
        codes = sorted({flag["code"] for phase in phases for flag in phase.record["flags"] if flag["severity"] == severity})
        flags += [_of_phases(code, severity, phases) for code in codes]
    return flags


def _of_phases(code: str, severity: Severity, phases: Sequence[CinePhase]) -> Flag:
    """A flag that phases have, said once."""
    found = [(phase.number + 1, flag["message"]) for phase in phases for flag in phase.record["flags"] if flag["code"] == code]
    where = "every phase" if len(found) == len(phases) else f"phase{'' if len(found) == 1 else 's'} " + ", ".join(str(n) for n, _ in found)
    return Flag(code, f"{where}: {found[0][1]}", severity)


def _provenance(phases: Sequence[CinePhase]) -> dict[str, Any]:
    made_by = phases[0].record["provenance"]
    return provenance(
        model=made_by["model"]["name"],
        weights_sha256=made_by["model"]["weights_sha256"],
        weights=made_by["weights"],
        prompt=made_by["prompt"],
        options={"phases": [phase.number for phase in phases]},
    )


def _free_stem(out: Path, folders: set[str], overwrite: bool) -> str:
    """``cine``, or ``cine-2``, ``cine-3`` ... where that is taken and is no cine of one of ``folders`` that may be overwritten."""
    stem, number_of_stem = "cine", 1
    while any((out / f"{stem}.{suffix}").exists() for suffix in _SUFFIXES):
        if overwrite and folders.intersection(listed_phases(out / f"{stem}.json")):
            return stem
        number_of_stem += 1
        stem = f"cine-{number_of_stem}"
    return stem
