"""A folder of traced videos, run and evaluated at once: masks against the tracings, EF against that of ``FileList.csv``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from echoseg.cardiac import lv_ef
from echoseg.datasets.echonet import ListedVideo, traced_masks
from echoseg.errors import MeasureError, PromptError, SourceError
from echoseg.evaluation.agreement_files import remove_agreement, write_agreement
from echoseg.evaluation.ef_tables import PairedValues
from echoseg.evaluation.scores import Score, write_tables
from echoseg.io.open import open_source
from echoseg.io.source import Source
from echoseg.io.video.open import Reader
from echoseg.metrics.agreement import FEWEST, Agreement, ef_agreement
from echoseg.metrics.compare import TOLERANCE, compare_clips
from echoseg.metrics.overlap import dice
from echoseg.prompting.plan import Plan, auto_structures
from echoseg.prompting.tracings import tracing_choice, tracings_plan
from echoseg.results import Measured, object_named
from echoseg.types import BoolMask

Process = Callable[[Source, "str | Plan"], Measured]
"""Segments and measures a source with a prompt: :func:`echoseg.pipeline.analyse`, or ``run`` where files are wanted."""

HEADLINE = ("dice", "dice_ed", "dice_es", "hd95_px", "hd95_mm", "ef_error", "ef_abs_error", "ef_tracings_error", "ef_tracings_abs_error")
"""The measures worth a row; the others are in the files."""


def check_compared(prompt: str) -> None:
    """Raises PromptError for an ``auto`` prompt that does not ask for the LV, which alone is traced."""
    structures = auto_structures(prompt)
    if structures is not None and "LV" not in structures:
        raise PromptError(f"tracings are of the LV, which {prompt} does not ask for; give auto:LV,{','.join(structures)}")


def score_video(
    video: ListedVideo,
    prompt: str,
    process: Process,
    *,
    fps: float | None = None,
    spacing: tuple[float, float] | None = None,
    reader: Reader | None = None,
    tolerance: float = TOLERANCE,
) -> tuple[Score, list[str]]:
    """One video prompted, run, and scored; and notes on what could not be compared.

    Measures: those of :func:`~echoseg.metrics.compare.compare_clips` over the traced frames that were tracked and no prompt, ``dice_ed``
    and ``dice_es`` of those among them with the largest and the smallest traced cavity, where two or more were traced; ``ef`` of the clip,
    ``ef_reference`` of ``FileList.csv``, ``ef_tracings``, which echoseg's single-plane disks make of the tracings themselves, and the
    errors of the two against the reference (points).

    Args:
        video: from :func:`~echoseg.datasets.echonet.read_traced_folder`.
        prompt: ``auto``, ``auto:LV,LA``, or tracings as :func:`~echoseg.prompting.tracings.tracing_choice` reads them.
        process: what runs it.
        fps, spacing: in place of what the file says.
        reader: what decodes it, see :func:`echoseg.open_source`.
        tolerance: of the NSD.

    Raises:
        SourceError: a row of the video is malformed (it is named), its file is missing or unreadable, or a frame is traced that it lacks.
        PromptError: the tracings are to be the prompt and there are none, or one marks nothing.
        EchosegError: whatever ``process`` raises.
    """
    if video.fault is not None:
        raise SourceError(video.fault)
    if not video.path.is_file():
        raise SourceError(f"{video.path}: is named in row {video.row} of FileList.csv, but is not there")
    which = tracing_choice(prompt)
    with open_source(video.path, fps=fps, spacing=spacing, reader=reader) as source:
        traced = traced_masks(video.outlines, source, str(video.path))
        plan: str | Plan = prompt if which is None else tracings_plan(traced, which, str(video.path))
        measured = process(source, plan)
    prompted = set(plan.prompts[1]) if isinstance(plan, Plan) else set()
    setting = prompt if which is None else f"tracings:{which}"
    missed = [frame for frame in sorted(traced) if np.isnan(measured.segmentation.scores[frame]).all()]
    overlap = _overlap(measured, traced, prompted.union(missed), tolerance)
    function = _function(video, measured, traced)
    return Score(video.name, video.name, setting, "LV", overlap | function), _notes(video, measured, traced, missed)


def paired_ef(scores: Sequence[Score]) -> PairedValues:
    """EF of the clips and of the reference, of all that have both."""
    cases = [(score.case, score.measures["ef"], score.measures["ef_reference"]) for score in scores]
    whole = [case for case in cases if np.isfinite(case[1:]).all()]
    return PairedValues(
        keys=tuple(name for name, _, _ in whole),
        predicted=tuple(ef for _, ef, _ in whole),
        reference=tuple(ef for _, _, ef in whole),
        subjects=None,
        unpredicted=tuple(name for name, ef, reference in cases if np.isnan(ef) and np.isfinite(reference)),
        unreferenced=tuple(name for name, ef, reference in cases if np.isfinite(ef) and np.isnan(reference)),
        empty=tuple(name for name, ef, reference in cases if np.isnan(ef) and np.isnan(reference)),
    )


def agreement_of(paired: PairedValues) -> Agreement | None:
    """How EF agrees; None with fewer than three pairs."""
    return None if len(paired.keys) < FEWEST else ef_agreement(paired.predicted, paired.reference)


def write_traced_scores(folder: Path, scores: Sequence[Score]) -> list[Path]:
    """Writes ``cases.csv`` and ``summary.csv`` into ``folder``, and where three videos or more have both EFs, their agreement into ``ef/``;
    else removes that of an earlier evaluation.

    Raises:
        OutputError: a folder or file cannot be written.
    """
    written = write_tables(folder, scores)
    paired = paired_ef(scores)
    agreement = agreement_of(paired)
    if agreement is None:
        remove_agreement(folder / "ef")
        return written
    return [*written, *write_agreement(folder / "ef", agreement, paired)]


def _overlap(measured: Measured, traced: dict[int, BoolMask], passed_over: set[int], tolerance: float) -> dict[str, float]:
    segmentation = measured.segmentation
    lv = object_named(segmentation, "LV")
    if lv is None:
        raise PromptError("no LV was asked for: tracings are of the LV")
    found = segmentation.masks == lv
    truth, known = np.zeros(found.shape, bool), np.zeros(len(found), bool)
    for frame, mask in traced.items():
        truth[frame], known[frame] = mask, frame not in passed_over
    measures = compare_clips(found, truth, segmentation.geometry.spacing, tolerance, known)
    by_area = sorted(traced, key=lambda frame: int(traced[frame].sum()))
    if len(by_area) > 1:
        ends = {"dice_ed": by_area[-1], "dice_es": by_area[0]}
        measures |= {name: dice(found[frame], truth[frame]) for name, frame in ends.items() if known[frame]}
    return measures


def _function(video: ListedVideo, measured: Measured, traced: dict[int, BoolMask]) -> dict[str, float]:
    ef = measured.measurements["measures"].get("ef", {}).get("value")
    reference = np.nan if video.ef is None else video.ef
    found = {"ef": np.nan if ef is None else float(ef), "ef_tracings": _ef_of_tracings(measured, traced)}
    errors = {f"{name}_error": value - reference for name, value in found.items()}
    sizes = {f"{name}_abs_error": abs(value - reference) for name, value in found.items()}
    return {**found, "ef_reference": float(reference), **errors, **sizes}


def _ef_of_tracings(measured: Measured, traced: dict[int, BoolMask]) -> float:
    if len(traced) < 2:
        return float("nan")
    by_area = sorted(traced, key=lambda frame: int(traced[frame].sum()))
    spacing, view = measured.segmentation.geometry.spacing, "A4C" if measured.view is None else measured.view.name
    try:
        return lv_ef({view: (traced[by_area[-1]], spacing)}, {view: (traced[by_area[0]], spacing)}).ef
    except MeasureError:  # an outline without a base that could be found, or one that is no ventricle
        return float("nan")


def _notes(video: ListedVideo, measured: Measured, traced: dict[int, BoolMask], missed: Sequence[int]) -> list[str]:
    notes = [f"frame {frame} is traced, but the direction of tracking did not reach it: not compared" for frame in missed]
    if not traced:
        notes.append("not traced: its masks are compared with nothing")
    if video.ef is None:
        notes.append(f"row {video.row} of FileList.csv has no EF: it is not in the agreement")
    ef = measured.measurements["measures"].get("ef", {})
    if ef.get("value") is None:
        notes.append(f"no EF was measured: {ef.get('reason') or 'see its flags'}")
    return notes
