"""``echoseg eval view``: does the view classifier know a view when it sees one?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.table import Table

from echoseg.cli.console import output
from echoseg.cli.progress import job_progress

if TYPE_CHECKING:
    from echoseg.evaluation.views import SeenView
    from echoseg.io.source import Source


def view(
    clips: Annotated[list[str] | None, typer.Argument(metavar="[VIEW=CLIP]...", help="Clips and their views, as A4C=clip.dcm.")] = None,
    camus: Annotated[Path | None, typer.Option(help="A folder in CAMUS's layout.")] = None,
    count: Annotated[int, typer.Option(min=1, help="How many simulated clips, where none are given.")] = 400,
    start: Annotated[int, typer.Option(min=0, help="Index of the first simulated clip.")] = 0,
    weights: Annotated[Path | None, typer.Option(help="Weights of the classifier instead of those that ship (.safetensors).")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for views.csv.")] = None,
) -> None:
    """What the view classifier takes clips for, beside what they are."""
    from echoseg.cardiac.thresholds import SURE_OF_VIEW
    from echoseg.evaluation.scores import make_folder
    from echoseg.evaluation.views import camus_view_clips, seen_views, simulated_view_clips, view_accuracy, write_seen
    from echoseg.model.view_net import load_view_net

    network = load_view_net(weights)
    cases = camus_view_clips(camus) if camus else _opened(clips) if clips else simulated_view_clips(count, start)
    seen: list[SeenView] = []
    with job_progress("views", "clips") as report:
        for one in seen_views(cases, network):
            seen.append(one)
            report(len(seen), None)
    counted = view_accuracy(seen)
    output().print(_table(seen))
    sure = f"{counted.sure_and_wrong} of {int(counted.sure.sum())} sure answers (probability {SURE_OF_VIEW} or more) are wrong"
    output().print(f"{100 * counted.accuracy:.1f} % of {len(seen)} clips right; {sure}", markup=False, soft_wrap=True)
    if out is not None:
        make_folder(out)
        output().print(str(write_seen(out / "views.csv", seen)), markup=False, soft_wrap=True)


def _opened(clips: Sequence[str]) -> Iterator[tuple[str, str, Source]]:
    from echoseg.io.open import open_source
    from echoseg.model.view_net import VIEWS

    for text in clips:
        name, _, path = text.partition("=")
        if name not in VIEWS or not path:
            raise typer.BadParameter(
                f"{text!r}: give a view of {', '.join(VIEWS)}, = and a clip, such as A4C=clip.dcm", param_hint="VIEW=CLIP"
            )
        with open_source(path) as source:
            yield source.name, name, source


def _table(seen: Sequence[SeenView]) -> Table:
    """Clips by true view and likeliest view, sure answers in brackets."""
    from echoseg.evaluation.views import view_accuracy
    from echoseg.model.view_net import VIEWS

    counted = view_accuracy(seen)
    table = Table(box=box.SIMPLE_HEAD, caption="clips by true view (rows) and answer; of these, sure ones", caption_justify="left")
    for title in ("view", *VIEWS):
        table.add_column(title)
    for name, row, sure in zip(VIEWS, counted.confusion.tolist(), counted.sure.tolist(), strict=True):
        if sum(row):
            table.add_row(name, *(f"{n} [{s}]" if n else "" for n, s in zip(row, sure, strict=True)))
    return table
