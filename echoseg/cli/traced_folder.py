"""Folders of traced videos (EchoNet's layout) on the command line: every video run and evaluated, then the tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from echoseg.cli.console import note, output
from echoseg.cli.eval_ef import confusion_table, statistics_table
from echoseg.cli.score_table import measure_table

if TYPE_CHECKING:
    from echoseg.evaluation.scores import Score
    from echoseg.evaluation.tracings import Process


def evaluated(
    root: Path,
    prompt: str,
    process: Process,
    failed: Callable[[str, Exception], None],
    *,
    split: str | None = None,
    count: int | None = None,
    **options: Any,
) -> list[Score]:
    """Scores of the videos of a folder; ``failed`` is told of those that have none, notes go to stderr.

    Args:
        split: of ``FileList.csv``; None: all. ``count``: at most so many.
        options: of :func:`~echoseg.evaluation.tracings.score_video`.

    Raises:
        SourceError: a table cannot be read.
        PromptError: the prompt does not ask for what is traced.
    """
    from echoseg.datasets.echonet import read_traced_folder
    from echoseg.errors import SourceError
    from echoseg.evaluation.tracings import check_compared, score_video

    check_compared(prompt)
    folder = read_traced_folder(root)
    if folder.unlisted:
        note(f"{len(folder.unlisted)} videos are traced but not in FileList.csv, such as {folder.unlisted[0]}: left out")
    videos = [video for video in folder.videos if split is None or video.split == split][:count]
    if not videos:
        raise SourceError(f"{root}: FileList.csv lists no video" + ("" if split is None else f" of split {split}"))
    scores = []
    for video in videos:
        try:
            score, notes = score_video(video, prompt, process, **options)
        except Exception as error:  # one bad video must not take the others with it
            failed(str(video.path), error)
            continue
        scores.append(score)
        for text in notes:
            note(f"{video.name}: {text}")
    return scores


def show_evaluation(scores: Sequence[Score], out: Path | None) -> None:
    """Prints masks and EF against the references, and writes them to ``out``."""
    from echoseg.evaluation.tracings import HEADLINE, agreement_of, paired_ef, write_traced_scores

    if not scores:
        return
    output().print(measure_table(scores, HEADLINE))
    paired = paired_ef(scores)
    agreement = agreement_of(paired)
    if agreement is None:
        note(f"{len(paired.keys)} videos have an EF and one to compare it with: agreement needs three")
    else:
        output().print(statistics_table(agreement))
        output().print(confusion_table(agreement))
    if out is not None:
        for path in write_traced_scores(out, scores):
            output().print(str(path), markup=False, soft_wrap=True)
