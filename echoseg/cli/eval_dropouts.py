"""``echoseg eval dropouts``: what memory selection does for objects that are lost for a while."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from echoseg.cli.console import output, print_error
from echoseg.cli.eval_study import load
from echoseg.cli.options import takes
from echoseg.cli.progress import job_progress
from echoseg.cli.score_table import score_table
from echoseg.errors import EchosegError
from echoseg.options import memory_selection

if TYPE_CHECKING:
    from echoseg.evaluation.scores import Score


@takes("model", "weights", "device")
def dropouts(
    iou: Annotated[str, typer.Option(metavar="IOU,...", help="Thresholds of --memory-selection to try.")] = "0.5,0.7,0.8",
    lost: Annotated[int, typer.Option(min=1, help="Frames on which the ventricle is lost.")] = 8,
    count: Annotated[int, typer.Option(min=1, help="How many clips; each loses it in one of six ways, in turn.")] = 48,
    out: Annotated[Path | None, typer.Option(help="Folder for cases.csv and summary.csv.")] = None,
    **asked: Any,
) -> None:
    """Simulated clips that lose the ventricle for a while: Dice there and after its return, with and without memory selection."""
    thresholds = _thresholds(iou)
    loaded = load(**asked)
    from echoseg.evaluation.dropouts import dropped_clips, score_dropout

    scores: list[Score] = []
    failed = 0
    with job_progress("dropouts", "clips") as report:
        for done, clip in enumerate(dropped_clips(count, lost), start=1):
            try:
                scores += score_dropout(clip, loaded, thresholds)
            except EchosegError as error:
                print_error(f"{clip.reference.name}: {error}")
                failed += 1
            report(done, count)
    scores.sort(key=lambda score: score.label)
    together = [replace(score, label="all") for score in scores]
    if scores:
        output().print(score_table([*together, *scores]))
    if scores and out is not None:
        from echoseg.evaluation.scores import write_tables

        for path in write_tables(out, scores, together):
            output().print(str(path), markup=False, soft_wrap=True)
    if failed:
        raise typer.Exit(1)


def _thresholds(text: str) -> Sequence[float]:
    try:
        return [memory_selection(part).min_iou for part in text.split(",")]
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--iou") from error
