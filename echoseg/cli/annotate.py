"""``echoseg annotate PROJECT ...``: an annotation project in rounds; people correct in the studio, on the same folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from echoseg.cli.console import output
from echoseg.cli.options import takes
from echoseg.cli.progress import job_progress

app = typer.Typer(
    help="Label in rounds: draft, correct in the studio, fine-tune, repeat; and see what each round saved.", no_args_is_help=True
)


@app.callback()
def project(context: typer.Context, folder: Annotated[Path, typer.Argument(metavar="PROJECT", help="Folder of the project.")]) -> None:
    context.obj = folder


@app.command()
@takes("model", "weights")
def init(
    context: typer.Context,
    inputs: Annotated[
        list[str], typer.Argument(metavar="INPUT...", help="Clips, volumes, folders of them, a manifest, a dicomweb:// address.")
    ],
    structure: Annotated[str, typer.Option(help="What is labelled and drafted.")] = "LV",
    licence: Annotated[str, typer.Option(help="Of the pictures, as SPDX names it; the weights that learn from them carry it.")] = "",
    citation: Annotated[str, typer.Option(help="What is to be cited for the pictures.")] = "",
    seed: Annotated[int, typer.Option(help="Of the order and of what rounds are judged by.")] = 0,
    **asked: Any,
) -> None:
    """Make a project; on one that is there, with the same settings, nothing happens."""
    from echoseg.annotate.settings import ProjectSettings, open_project, write_settings

    weights = None if asked["weights"] is None else Path(asked["weights"]).absolute()
    settings = ProjectSettings(
        inputs=tuple(inputs), model=asked["model"], weights=weights, structure=structure, licence=licence, citation=citation, seed=seed
    )
    write_settings(context.obj, settings)
    opened, _ = open_project(context.obj)
    output().print(f"{len(opened.items)} items; next: echoseg annotate {context.obj} draft", markup=False, soft_wrap=True)


@app.command()
@takes("device")
def draft(
    context: typer.Context,
    workers: Annotated[int, typer.Option(min=1, help="Processes, each with a copy of the model.")] = 1,
    **asked: Any,
) -> None:
    """Let the project's weights look at every item that nobody has decided; a run that was killed goes on."""
    from echoseg.annotate.drafts import draft_by_workers
    from echoseg.annotate.rounds import current_weights
    from echoseg.annotate.settings import open_project
    from echoseg.archive.settings import Settings
    from echoseg.model import load_model

    opened, settings = open_project(context.obj)
    path = current_weights(opened, settings)
    sha256 = load_model(settings.model, path, asked["device"]).weights.sha256
    weights = None if path is None else str(path)
    how = Settings(model=settings.model, weights=weights, device=asked["device"], prompt=f"auto:{settings.structure}")
    with job_progress("drafts", "items") as report:
        done = draft_by_workers(opened, how, sha256, workers, report)
    output().print(f"{done} drafted", markup=False)


@app.command("next")
def next_(
    context: typer.Context,
    how: Annotated[
        Literal["uncertain", "random", "given"],
        typer.Option("--order", help="What the weights are least sure of first, every fifth at random; or all at random, as a control."),
    ] = "uncertain",
    count: Annotated[int, typer.Option(min=1, help="How many.")] = 10,
    show_names: Annotated[bool, typer.Option("--show-names", help="Show names of files, which may hold patients' names.")] = False,
) -> None:
    """Say which items to label next."""
    from echoseg.annotate.ordering import ordered
    from echoseg.annotate.settings import open_project

    opened, settings = open_project(context.obj)
    states = opened.states()
    for item in ordered(opened, how, settings.seed)[:count]:
        unsure = states[item.id].uncertainty
        told = "not drafted" if unsure is None else f"uncertainty {unsure:.3f}"
        output().print(f"{item.id}  {item.name if show_names else f'clip {item.number}'}  {told}", markup=False, soft_wrap=True)


@app.command()
@takes("device")
def train(
    context: typer.Context,
    stills: Annotated[int, typer.Option(min=1, help="Steps on single frames.")] = 100,
    clips: Annotated[int, typer.Option(min=0, help="Steps on stretches of frames.")] = 40,
    rate: Annotated[float, typer.Option(min=0.0, help="Highest learning rate.")] = 4e-4,
    frozen: Annotated[bool, typer.Option("--frozen", help="Leave the image encoder as it is.")] = False,
    accept_worse: Annotated[
        bool, typer.Option("--accept-worse", help="Take the weights even if the hold-out says that they are worse.")
    ] = False,
    **asked: Any,
) -> None:
    """Fine-tune from the accepted labels; goes on with a round that was interrupted. Exit code 1 where the round is refused."""
    from echoseg.annotate.learning import Recipe, train_round
    from echoseg.annotate.settings import open_project

    opened, settings = open_project(context.obj)
    with job_progress("round", "steps") as report:
        made = train_round(
            opened, settings, Recipe(stills, clips, rate, frozen), device=asked["device"], accept_worse=accept_worse, progress=report
        )
    told = f"round {made.number}: {len(made.learned)} labels; Dice on {len(made.held)} held out {made.before:.3f} -> {made.after:.3f}"
    output().print(f"{told}; {made.weights} {made.sha256[:12]}", markup=False, soft_wrap=True)
    if not made.accepted:
        output().print("refused: worse than before. The project keeps its weights; --accept-worse takes such a round", markup=False)
        raise typer.Exit(1)


@app.command()
def back(context: typer.Context, to: Annotated[int, typer.Argument(metavar="ROUND", help="Its number; 0: before the first.")]) -> None:
    """Go back to the weights of an earlier round, or on to those of a later one; labels stay."""
    from echoseg.annotate.rounds import go_back
    from echoseg.annotate.settings import open_project

    opened, _ = open_project(context.obj)
    go_back(opened, to)
    output().print(f"the project has the weights of round {to}", markup=False)


@app.command()
def status(context: typer.Context) -> None:
    """Items by state, rounds, and the weights in use."""
    from echoseg.annotate.rounds import current_round, rounds_of
    from echoseg.annotate.settings import open_project

    opened, settings = open_project(context.obj)
    counts, states = opened.counts(), opened.states().values()
    drafted = sum(state.draft == "done" for state in states)
    output().print(f"{counts['all']} items: {counts['done']} done, {counts['todo']} to do, {drafted} drafted", markup=False)
    for each in rounds_of(opened):
        word = "taken" if each.accepted else "refused"
        output().print(
            f"round {each.number}: {len(each.learned)} labels, Dice {each.before:.3f} -> {each.after:.3f}, {word}, {each.sha256[:12]}",
            markup=False,
            soft_wrap=True,
        )
    now = current_round(opened)
    output().print(f"weights in use: {settings.model if now is None else f'round {now.number}'}", markup=False)


@app.command()
def report(
    context: typer.Context,
    out: Annotated[Path | None, typer.Option(help="Folder of the report  [default: PROJECT/report]")] = None,
    outline_s: Annotated[float, typer.Option(min=0.1, help="Seconds to trace a frame by hand, which savings are told against.")] = 54.0,
) -> None:
    """Write what each round cost and saved: rounds.html, items.parquet, items.csv, rounds.csv."""
    from echoseg.annotate.report import project_tables, write_report
    from echoseg.annotate.settings import open_project

    opened, _ = open_project(context.obj)
    rows, sums, tables, notes = project_tables(opened, outline_s)
    for path in write_report(out or context.obj / "report", "Annotation rounds", rows, sums, tables, notes):
        output().print(str(path), markup=False, soft_wrap=True)


@app.command()
def export(
    context: typer.Context,
    layout: Annotated[
        Literal["nifti", "medsam2", "training", "echonet", "dicom-seg", "dicom-sr"],
        typer.Argument(metavar="FORMAT", help="Layout of the labels."),
    ],
    out: Annotated[Path, typer.Option(help="Folder for echoseg-FORMAT.zip.")] = Path(),
) -> None:
    """Write the accepted labels as a zip file."""
    import tempfile

    from echoseg.annotate.export import zipped
    from echoseg.annotate.settings import open_project
    from echoseg.io.atomic import atomic_path

    opened, _ = open_project(context.obj)
    with tempfile.TemporaryDirectory(prefix="echoseg-export-") as folder:
        made = zipped(opened, layout, Path(folder))
        with atomic_path(out / made.name) as path:
            path.write_bytes(made.read_bytes())
    output().print(str(out / made.name), markup=False, soft_wrap=True)
