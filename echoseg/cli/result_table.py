"""The few lines that a finished run prints: the headline measures, the flags, the folder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from echoseg.cli.console import note, output
from echoseg.record.measures import MEASURES
from echoseg.report.rows import shown

if TYPE_CHECKING:  # brings numpy
    from echoseg.cine import CinePhase
    from echoseg.results import RunResult
    from echoseg.study import StudyClip, StudyResult
    from echoseg.types import Flag

PRINTED = [MEASURES[key] for key in ("ef", "edv", "esv", "la_volume", "hr")]
"""The measures that are printed; the others are in the files."""
CINE_PRINTED = [MEASURES[key] for key in ("ef", "edv", "esv", "lv_mass_stack", "rv_ef", "rv_edv", "rv_esv")]
"""The same of a cine MR."""

SEVERITY_STYLE = {"info": "dim", "review": "yellow", "reject": "bold red"}


def measure_text(key: str, measure: Mapping[str, Any]) -> str:
    """``ef``, ``{"value": 57.2, "unit": "%", "interval": [55.1, 59.0]}`` as ``57 % (55 to 59)``, rounded as on the page; no value as
    ``unknown`` and why."""
    decimals = MEASURES[key].shown
    value, interval = measure.get("value"), measure.get("interval")
    if value is None:
        reason = measure.get("reason")
        return f"unknown: {reason}" if reason else "unknown"
    text = f"{shown(value, decimals)} {measure.get('unit') or ''}".rstrip()
    return f"{text} ({shown(interval[0], decimals)} to {shown(interval[1], decimals)})" if interval else text


def result_table(name: str, measurements: Mapping[str, Any], flags: Iterable[Flag], directory: Path) -> Table:
    """One finished input as a small grid of names and values. ``measurements`` has the shape of measurements.json."""
    table = Table.grid(padding=(0, 2))
    table.add_row(Text(name, "bold"))
    measures = measurements.get("measures", {})
    for measure in PRINTED:
        if measure.key in measures:
            table.add_row(f"  {measure.short}", Text(measure_text(measure.key, measures[measure.key])))
    for found in measurements.get("objects", ()):
        if found.get("volume_ml") is not None:
            table.add_row(f"  {found['name']}", Text(f"{found['volume_ml']:.4g} mL"))
    for flag in flags:
        table.add_row("  flag", Text(f"{flag.code}: {flag.message}", SEVERITY_STYLE[flag.severity]))
    table.add_row("  folder", Text(str(directory)))
    return table


def study_table(record: Mapping[str, Any], flags: Iterable[Flag], path: Path) -> Table:
    """A finished study as a small grid. ``record`` has the shape of study.json, which lies at ``path``."""
    table = Table.grid(padding=(0, 2))
    table.add_row(Text("study, biplane", "bold"))
    for measure in PRINTED:
        if measure.key in record["measures"]:
            table.add_row(f"  {measure.short}", Text(measure_text(measure.key, record["measures"][measure.key])))
    table.add_row("  clips", Text(", ".join(f"{clip['view']} {clip['name']}" for clip in record["clips"] if clip["used"])))
    for flag in flags:
        table.add_row("  flag", Text(f"{flag.code}: {flag.message}", SEVERITY_STYLE[flag.severity]))
    table.add_row("  file", Text(str(path)))
    return table


def show_result(name: str, result: RunResult, *, overwrite: bool) -> None:
    """Prints the results of one input, and why earlier ones that may be overwritten were not."""
    output().print(result_table(name, result.measurements, result.flags, result.directory))
    if overwrite:
        _say_if_not_replaced(result)


def show_study(out: Path, clips: list[StudyClip], **options: Any) -> StudyResult | None:
    """Writes and prints the study that the clips make, if both views are there; says why when they are and make none."""
    if len({clip.view for clip in clips}) < 2:
        return None
    from echoseg.errors import StudyError
    from echoseg.study import write_study

    try:
        study = write_study(out, clips, **options)
    except StudyError as error:
        note(f"no biplane values: {error}")
        return None
    output().print(study_table(study.record, study.flags, study.files["study.json"]))
    return study


def show_cines(out: Path, phases: list[CinePhase], **options: Any) -> None:
    """Writes and prints each cine MR whose phases these are."""
    from echoseg.cine import write_cine

    for given in dict.fromkeys(phase.source for phase in phases):
        own = [phase for phase in phases if phase.source == given]
        if len(own) < 2:
            continue
        cine = write_cine(out, own, **options)
        table = Table.grid(padding=(0, 2))
        table.add_row(Text("cine MR, both ventricles", "bold"))
        for measure in CINE_PRINTED:
            table.add_row(f"  {measure.short}", Text(measure_text(measure.key, cine.record["measures"][measure.key])))
        for flag in cine.flags:
            table.add_row("  flag", Text(f"{flag.code}: {flag.message}", SEVERITY_STYLE[flag.severity]))
        table.add_row("  file", Text(str(cine.files["cine.json"])))
        output().print(table)


def _say_if_not_replaced(result: RunResult) -> None:
    """Says why results are in a folder with a number although earlier ones may be overwritten."""
    directory, name = result.directory, result.measurements["source"]["name"]
    if directory.name != name:
        kept = f"{directory.parent / name} holds an input, results of this call, files added or changed since, or no earlier result"
        note(f"results are in {directory}: {kept}, and --overwrite leaves it as it is")


def say_outdated(out: Path, written: Sequence[Path], study: StudyResult | None) -> None:
    """Names the studies in ``out`` whose clips have new results.

    Args:
        out: the folder of studies and results.
        written: folders of results of this call.
        study: that this call wrote, which is up to date.
    """
    from echoseg.study import outdated_studies

    renewed = None if study is None else study.files["study.json"]
    for path, folders in outdated_studies(out, written).items():
        if path != renewed:
            again = f"give all its clips ({', '.join(folders)}) in one call with --overwrite, or delete it"
            note(f"{path} is out of date, with its page and picture: results that it was made of have been replaced. To renew it, {again}")
