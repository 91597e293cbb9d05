"""Several clips of one study: the best A4C and the best A2C clip give biplane values, in study.json and study.html.

What belongs together: DICOM files by their StudyInstanceUID; other files when they lie in one folder and, where their views were guessed
from the names, the rest of the names is the same. The masks of a run count as its folder does. Clips of several studies are measured one
by one and never mixed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from echoseg.cardiac.biplane import BiplaneFunction, ViewBeats, biplane_function, view_beats
from echoseg.cardiac.interval import Signals, joint_signals
from echoseg.cardiac.quality import NO_CYCLE
from echoseg.cardiac.references import child_flags
from echoseg.cardiac.volume import APICAL_VIEWS, Method
from echoseg.errors import MeasureError, StudyError
from echoseg.io.atomic import atomic_path
from echoseg.io.labels.source import run_folder
from echoseg.io.views import ViewOrigin, view_in_name
from echoseg.options import Subject
from echoseg.record.comparison import earlier_records, with_earlier
from echoseg.record.exam import joint_exam
from echoseg.record.measurements import calibration, lv_signals, measurements_text
from echoseg.record.provenance import provenance
from echoseg.record.quality import Quality, by_severity
from echoseg.record.study import clip_entry, listed_folders, study_record
from echoseg.report.study_page import study_html, study_png
from echoseg.results import RunResult, object_named
from echoseg.types import Flag, Severity

if TYPE_CHECKING:
    from echoseg.report.dicom import WrittenDicom

_SUFFIXES = ("sr.dcm", "png", "html", "json")  # json last: who finds it finds the others


@dataclass(frozen=True)
class StudyClip:
    """What a study keeps of one clip; its masks are not among it.

    Attributes:
        directory: of the clip's own results.
        record: its measurements.json.
        beats: its shapes at ED and ES; None when it has none.
        atrium: whether the left atrium was segmented.
        signals: what the clip says of its EF's certainty; None where masks have no scores.
        automatic: whether the model found the ventricle by its name.
        group: clips with equal values may make one study.
        subject: what the file says of the person.
        dicom: what was written of it in DICOM, if anything.
    """

    directory: Path
    record: Mapping[str, Any]
    beats: ViewBeats | None
    atrium: bool
    signals: Signals | None
    automatic: bool
    group: tuple[str, ...]
    subject: Subject
    dicom: WrittenDicom | None = None

    @property
    def view(self) -> str:
        return str(self.record["source"]["view"])


@dataclass(frozen=True)
class StudyResult:
    """What :func:`write_study` wrote.

    Attributes:
        record: the content of study.json.
        files: ``{file name: path}``.
        biplane: the measurement, or None when a view has no beat.
        flags: what a reader must know.
    """

    record: Mapping[str, Any]
    files: Mapping[str, Path]
    biplane: BiplaneFunction | None
    flags: tuple[Flag, ...]


def study_clip(source: object, result: RunResult) -> StudyClip | None:
    """The clip's part in a study; None for what cannot have one: no A4C or A2C clip with an LV, or a view that was only assumed or seen.

    Args:
        source: what was run, as it was given.
        result: of that run.
    """
    if result.view is None or result.analysis is None or result.view.name not in APICAL_VIEWS or not result.view.origin.told:
        return None
    segmentation, atrium = result.segmentation, object_named(result.segmentation, "LA")
    beats = None
    if result.analysis.beats:
        try:
            beats = view_beats(
                segmentation.masks == object_named(segmentation, "LV"),
                segmentation.geometry.spacing,
                result.analysis,
                None if atrium is None else segmentation.masks == atrium,
            )
        except MeasureError:  # a phase without a contour: as good as no beat
            beats = None
    return StudyClip(
        result.directory,
        result.measurements,
        beats,
        atrium is not None,
        lv_signals(segmentation, result.analysis),
        segmentation.automatic,
        _group(source, result),
        result.stated.subject,
        result.dicom,
    )


def write_study(
    out: str | Path,
    clips: Sequence[StudyClip],
    *,
    method: Method = "disks",
    subject: Subject | None = None,
    overwrite: bool = False,
    same_study: bool = False,
    earlier: str | Path | None = None,
) -> StudyResult:
    """Writes study.json, study.html and study.png beside the clips' folders, and study.sr.dcm where both clips were written in DICOM.

    Of several clips of a view the best is used: the one with beats, the least severe flags, the most complete beats and the highest
    predicted IoU, in this order. All are listed.

    Args:
        out: the folder that holds the clips' folders.
        clips: from :func:`study_clip`.
        method: ``disks`` (ASE/EACVI 2015), ``area-length`` or ``camus-2019``.
        subject: what the caller knows; the rest is what the files state.
        overwrite: replace an earlier study of any of these clips' folders; else a clash gets a numeric suffix.
        same_study: the caller vouches that files without a StudyInstanceUID belong together, wherever they lie.
        earlier: results of the same patient, a folder or JSON file; a study among them is compared with.

    Raises:
        SourceError, MeasureError: earlier results are not there, or not of one patient.
        StudyError: the clips belong to several studies, a view is not among them, or one clip's results replaced another's.
        OutputError: a file cannot be written.
    """
    before = () if earlier is None else earlier_records(earlier)
    _check_one_study(clips, same_study)
    _check_own_folders(clips)
    ordered = sorted(clips, key=lambda clip: (APICAL_VIEWS.index(clip.view), *_rank(clip)))
    chosen = best_clips(clips)
    biplane, why = None, ""
    if len(chosen) == len(APICAL_VIEWS):
        biplane = biplane_function([clip.beats for clip in chosen if clip.beats is not None], method)
    else:
        missing = " and ".join(view for view in APICAL_VIEWS if view not in {clip.view for clip in chosen})
        why = f"{NO_CYCLE} in any {missing} clip"
    known = subject or Subject()
    for clip in ordered:
        known = known.over(clip.subject)
    flags = tuple(_flags(chosen, ordered, biplane, why, known))
    entries = [clip_entry(clip.record, clip.directory.name, any(clip is other for other in chosen)) for clip in ordered]
    atrium, sure = any(clip.atrium for clip in chosen), None if biplane is None else _ef_interval(biplane, chosen)
    exam, made_by = joint_exam([clip.record for clip in chosen or ordered]), _provenance(ordered, method)
    record = study_record(entries, biplane, known, flags, made_by, atrium=atrium, why=why, ef_interval=sure, exam=exam)
    record = with_earlier(record, before)
    return StudyResult(record, _write(Path(out), record, chosen, overwrite, biplane is not None), biplane, flags)


def outdated_studies(out: str | Path, written: Sequence[Path]) -> dict[Path, tuple[str, ...]]:
    """The studies in ``out`` that list one of the result folders ``written``, with the folders of all their clips.

    A study that was made before its clips' results were written is out of date.
    """
    names = {folder.name for folder in written}
    listed = {path: listed_folders(path) for path in sorted(Path(out).glob("study*.json"))}
    return {path: folders for path, folders in listed.items() if names & set(folders)}


def best_clips(clips: Sequence[StudyClip]) -> list[StudyClip]:
    """The clip of each apical view that biplane values come from, see :func:`write_study`; A4C first. A view without beats is left out."""
    ordered = sorted((clip for clip in clips if clip.beats is not None), key=_rank)
    best = [next((clip for clip in ordered if clip.view == view), None) for view in APICAL_VIEWS]
    return [clip for clip in best if clip is not None]


def _ef_interval(biplane: BiplaneFunction, clips: Sequence[StudyClip]) -> tuple[float, float] | None:
    """The 90 % interval of biplane EF, where one is calibrated for what segmented both clips."""
    weights = [clip.record["provenance"]["model"]["weights_sha256"] for clip in clips]
    models = [calibration(clip.automatic, sha256, biplane.method, "biplane") for clip, sha256 in zip(clips, weights, strict=True)]
    signals = [clip.signals for clip in clips if clip.signals is not None]
    model = models[0] if models.count(models[0]) == len(models) else None
    return model.interval(biplane.ef, joint_signals(signals)) if model is not None and len(signals) == len(clips) else None


def _group(source: object, result: RunResult) -> tuple[str, ...]:
    if result.stated.uid:
        return ("study", result.stated.uid)
    if not isinstance(source, str | PathLike):
        return ("memory",)
    path = Path(source)
    named = view_in_name(str(result.measurements["source"]["name"]))
    guessed = result.view is not None and result.view.origin is ViewOrigin.GUESSED
    return ("folder", str((run_folder(path) or path).resolve().parent), named[1] if named and guessed else "")


def _check_one_study(clips: Sequence[StudyClip], same_study: bool) -> None:
    missing = [view for view in APICAL_VIEWS if view not in {clip.view for clip in clips}]
    if missing:
        raise StudyError(f"a study needs clips of A4C and A2C, and none of {' and '.join(missing)} is there")
    groups = {clip.group for clip in clips if not same_study or clip.group[0] == "study"}
    if len(groups) < 2:
        return
    studies = len({group for group in groups if group[0] == "study"})
    if studies > 1:
        raise StudyError(
            f"the clips do not belong to one study (they state {studies} StudyInstanceUIDs): give the clips of one study in one call"
        )
    why = "only some state a StudyInstanceUID" if studies else "they lie in several folders, or their names differ by more than the view"
    raise StudyError(
        f"nothing tells that the clips belong to one study ({why}): give the clips of one "
        "study in one call; if you know that an A4C and an A2C clip belong together, those two alone with --views A4C,A2C"
    )


def _check_own_folders(clips: Sequence[StudyClip]) -> None:
    folders = [clip.directory for clip in clips]
    if twice := next((folder for folder in folders if folders.count(folder) > 1), None):
        raise StudyError(f"two clips have their results in {twice}, so that the second replaced the first: run them without overwrite")


def clip_rank(quality: Quality, complete_beats: int, iou_score: float | None) -> tuple[int, int, float]:
    """Orders clips of one view that have beats, the best one first, see :func:`write_study`."""
    return quality.rank, -complete_beats, -(iou_score or 0.0)


def _rank(clip: StudyClip) -> tuple[bool, int, int, float]:
    complete = sum(not beat["partial"] for beat in clip.record["beats"])
    score = next((found["mean_iou_score"] for found in clip.record["objects"] if found["name"] == "LV"), None)
    return clip.beats is None, *clip_rank(Quality(clip.record["quality"]), complete, score)


def _flags(
    chosen: Sequence[StudyClip], clips: Sequence[StudyClip], biplane: BiplaneFunction | None, why: str, person: Subject
) -> list[Flag]:
    """Those on person and study, then what each used clip's reader must know, the most severe first."""
    flags = list(child_flags(person)) + ([] if biplane is None else list(biplane.flags))
    if biplane is None:
        again = " and ".join(view for view in APICAL_VIEWS if view not in {clip.view for clip in chosen})
        flags.append(Flag("no_biplane", f"{why}: no biplane values, repeat {again}", Severity.REJECT))
    for clip in chosen:
        name = clip.record["source"]["name"]
        flags += [
            Flag(flag["code"], f"{clip.view} ({name}): {flag['message']}", Severity(flag["severity"]))
            for flag in clip.record["flags"]
            if flag["code"] != "child" and (flag["severity"] != Severity.INFO or flag["code"] in ("view_guessed", "mirrored"))
        ]
    for view in APICAL_VIEWS:
        count = sum(clip.view == view for clip in clips)
        if count > 1:
            flags.append(Flag("several_clips", f"{count} clips of {view}: the best one is used, all are listed", Severity.INFO))
    return by_severity(flags)


def _provenance(clips: Sequence[StudyClip], method: Method) -> dict[str, Any]:
    made_by = clips[0].record["provenance"]
    known = {"study": "StudyInstanceUID", "folder": "folder and name"}
    by = known.get(clips[0].group[0], "the caller") if len({clip.group for clip in clips}) == 1 else "the caller"
    return provenance(
        model=made_by["model"]["name"],
        weights_sha256=made_by["model"]["weights_sha256"],
        weights=list({one["sha256"]: one for clip in clips for one in clip.record["provenance"].get("weights", ())}.values()),
        prompt=made_by["prompt"],
        options={"method": method, "clips_belong_together_by": by},
    )


def _write(out: Path, record: Mapping[str, Any], chosen: Sequence[StudyClip], overwrite: bool, biplane: bool) -> dict[str, Path]:
    pictures = {clip.view: {name: _bytes(clip.directory / f"{name}.png") for name in ("ed", "es", "curve")} for clip in chosen}
    contents = {
        "png": study_png(record, pictures),
        "html": study_html(record, pictures).encode(),
        "json": measurements_text(record).encode(),
    }
    stem, written = _free_stem(out, {clip["folder"] for clip in record["clips"]}, overwrite), {}
    report = out / f"{stem}.sr.dcm"
    if _write_dicom(report, record, chosen, biplane):
        written["study.sr.dcm"] = report
    else:  # of an earlier study in this place
        report.unlink(missing_ok=True)
    for suffix in contents:
        path = out / f"{stem}.{suffix}"
        with atomic_path(path) as temporary:
            temporary.write_bytes(contents[suffix])
        written[f"study.{suffix}"] = path
    return written


def _write_dicom(path: Path, record: Mapping[str, Any], chosen: Sequence[StudyClip], biplane: bool) -> bool:
    """Whether there is a report to write of biplane values, and it was written."""
    made = {clip.view: clip.dicom for clip in chosen if clip.dicom is not None}
    if not biplane or len(made) < len(APICAL_VIEWS):
        return False
    from echoseg.report.dicom import write_study_dicom

    return write_study_dicom(path, record, made, all(clip.automatic for clip in chosen))


def _free_stem(out: Path, folders: set[str], overwrite: bool) -> str:
    """``study``, or ``study-2``, ``study-3`` ... where that is taken and is no study of one of ``folders`` that may be overwritten."""
    stem, number = "study", 1
    while any((out / f"{stem}.{suffix}").exists() for suffix in _SUFFIXES):
        if overwrite and folders.intersection(listed_folders(out / f"{stem}.json")):
            return stem
        number += 1
        stem = f"study-{number}"
    return stem


def _bytes(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None
