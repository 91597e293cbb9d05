"""``echoseg eval``: how good masks, models and prompts are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from echoseg.cli import eval_study
from echoseg.cli.console import messages, output, print_error
from echoseg.cli.eval_camus import camus
from echoseg.cli.eval_dropouts import dropouts
from echoseg.cli.eval_ef import ef
from echoseg.cli.eval_rounds import rounds
from echoseg.cli.eval_study import load
from echoseg.cli.eval_view import view
from echoseg.cli.options import takes
from echoseg.cli.progress import job_progress
from echoseg.cli.score_table import measure_table, score_table
from echoseg.cli.traced_folder import evaluated, show_evaluation
from echoseg.errors import EchosegError

if TYPE_CHECKING:
    from echoseg.datasets.case import Case
    from echoseg.datasets.volume_sets import VolumeSet
    from echoseg.evaluation.scores import Score
    from echoseg.io.source import Source
    from echoseg.model import Model
    from echoseg.prompting.plan import Plan
    from echoseg.results import Measured

    SetScore = Callable[[VolumeSet, Case, Model], Iterable[Score]]

app = typer.Typer(help="Accuracy: of masks, of a model on a reference set, of its answers to prompts.", no_args_is_help=True)
app.command()(camus)
app.command()(eval_study.study)
app.command()(eval_study.interval)
app.command("short-axis")(eval_study.short_axis)
app.command()(ef)
app.command()(dropouts)
app.command()(view)
app.command()(rounds)

Out = Annotated[Path | None, typer.Option(help="Folder for cases.csv, summary.csv and a picture.")]
Tolerance = Annotated[float, typer.Option(min=0.0, help="Tolerance of the NSD in mm (pixels where the spacing is unknown).")]
Count = Annotated[int | None, typer.Option(min=1, help="At most so many cases (volumes)  [default: all; 20 simulated]")]
Split = Annotated[Literal["TRAIN", "VAL", "TEST"], typer.Option(help="Which part of echonet.")]


@app.command()
def seg(
    pred: Annotated[Path, typer.Argument(metavar="PRED", help="A label map (NIfTI, MetaImage, NRRD, PNG, .npy, .npz) or a folder.")],
    gt: Annotated[Path, typer.Argument(metavar="GT", help="The reference: likewise; folders are matched by name.")],
    out: Out = None,
    tolerance_mm: Tolerance = 2.0,
    kind: Annotated[
        Literal["clip", "volume"] | None, typer.Option(help="Compare frame by frame, or in 3D  [default: as the files say]")
    ] = None,
) -> None:
    """Compare label maps with a reference: Dice, IoU, NSD, HD95, ASSD, and how steady clips are."""
    from echoseg.evaluation.labelmaps import paired_files, score_files

    scores: list[Score] = []
    failed = 0
    for name, found, reference in paired_files(pred, gt):
        try:
            if found is None:
                raise EchosegError(f"{name}: no prediction of that name in {pred}")
            scores += score_files(name, found, reference, kind, tolerance_mm)
        except EchosegError as error:  # one bad pair must not take the others with it
            print_error(str(error))
            failed += 1
    _show(scores, out)
    _exit(failed)


@app.command()
@takes("model", "weights", "device")
def dataset(
    name: Annotated[
        Literal["camus", "echonet", "sunnybrook", "npz", "folders", "simulated", "simulated-volumes"],
        typer.Argument(metavar="NAME", help="A public set's layout, npz (MedSAM2's files), folders (your own), or the simulator's."),
    ],
    path: Annotated[Path | None, typer.Argument(metavar="PATH", help="Folder of the set; none for simulated ones.")] = None,
    prompt: Annotated[
        Literal["box", "auto", "all", "tracings"],
        typer.Option(help="Exact box, structures by name, or both; of echonet also the tracing at ED, with EF compared."),
    ] = "all",
    out: Out = None,
    tolerance_mm: Tolerance = 2.0,
    count: Count = None,
    split: Split = "TEST",
    **asked: Any,
) -> None:
    """Run a model on a reference set and score it, beside what the prompt gives without a model."""
    if prompt == "tracings":
        _tracings(name, path, split, count, load(**asked), out, tolerance_mm)
        return
    references = _references(name, path, count, split, stills=True)
    loaded = load(**asked)
    from echoseg.evaluation.dataset import score_reference

    prompts: Sequence[Literal["box", "auto"]] = ("box", "auto") if prompt == "all" else (prompt,)
    scores, failed = _score_all(name, references, lambda reference: score_reference(reference, loaded, prompts, tolerance_mm))
    _show(scores, out)
    _exit(failed)


@app.command()
@takes("model", "weights", "device")
def prompts(
    path: Annotated[
        Path | None, typer.Argument(metavar="PATH", help="Folder of the set; of volumes a YAML file of sets; none for simulated.")
    ] = None,
    dataset: Annotated[Literal["camus", "echonet", "simulated", "volumes"], typer.Option(help="The reference set.")] = "simulated",
    structure: Annotated[str, typer.Option(help="LV, LA, MYO or RV, where the set has it.")] = "LV",
    out: Out = None,
    count: Count = None,
    split: Split = "TEST",
    **asked: Any,
) -> None:
    """Clicks to reach Dice 0.9, and what sloppy boxes and other seed frames cost; of volumes what clicks anywhere add to a box."""
    if dataset == "volumes":
        from echoseg.evaluation.volume_clicks import score_volume_clicks

        if path is None:
            raise typer.BadParameter("volumes needs a YAML file of sets", param_hint="PATH")
        _volume_sets([path], load(**asked), out, score_volume_clicks, count)
        return
    references = _references(dataset, path, count, split, stills=False)
    loaded = load(**asked)
    from echoseg.evaluation.prompts import HEADLINE, score_prompts, write_prompt_scores

    scores, failed = _score_all("prompts", references, lambda reference: score_prompts(reference, loaded, structure))
    if not scores and not failed:
        raise typer.BadParameter(f"{dataset} shows no {structure}", param_hint="--structure")
    if scores:
        output().print(measure_table(scores, HEADLINE))
    if scores and out is not None:
        _list(write_prompt_scores(out, scores))
    _exit(failed)


@app.command()
@takes("model", "weights", "device")
def volumes(
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="CASE...", help="MedSAM2's .npz files, folders of them or of images/ and masks/, IMAGE=LABELS, or a YAML file of sets."
        ),
    ],
    every: Annotated[bool, typer.Option("--every-prompt", help="Also 3D boxes, RECIST lines and single clicks.")] = False,
    out: Out = None,
    tolerance_mm: Tolerance = 2.0,
    count: Annotated[int | None, typer.Option(min=1, help="At most so many cases of each set in a YAML file  [default: all]")] = None,
    **asked: Any,
) -> None:
    """Objects of volumes from one box, by both recipes, with and without stop rules, beside the copied ellipse; of sets as in use alone."""
    loaded = load(**asked)
    if Path(paths[0]).suffix in (".yaml", ".yml"):
        from echoseg.evaluation.volume_sets import score_in_set

        _volume_sets([Path(path) for path in paths], loaded, out, score_in_set, count)
        return
    from dataclasses import replace

    from echoseg.datasets.volume_sets import volume_references
    from echoseg.evaluation.volumes import score_volume

    def score(reference: Case) -> list[Score]:
        return score_volume(reference, loaded, every_prompt=every, tolerance=tolerance_mm)

    scores, failed = _score_all("volumes", volume_references(paths), score)
    if scores:  # labels mean something else in every case
        output().print(score_table([replace(item, label="objects") for item in scores]))
    if scores and out is not None:
        from echoseg.evaluation.scores import write_tables

        _list(write_tables(out, scores))
    _exit(failed)


def _volume_sets(paths: Sequence[Path], model: Model, out: Path | None, score: SetScore, count: int | None = None) -> None:
    """Every set of the files, by set and label; at most ``count`` cases of each."""
    from itertools import islice

    from echoseg.datasets.volume_sets import read_volume_sets
    from echoseg.evaluation.scores import write_tables

    scores: list[Score] = []
    failed = 0
    for one in [one for path in paths for one in read_volume_sets(path)]:
        found, wrong = _score_all(one.name, islice(one.read(), count), lambda case, one=one: list(score(one, case, model)))  # type: ignore[misc]
        scores, failed = scores + found, failed + wrong
    if scores:
        output().print(score_table(scores))
    if scores and out is not None:
        _list(write_tables(out, scores))
    _exit(failed)


def _tracings(name: str, path: Path | None, split: str, count: int | None, model: Model, out: Path | None, tolerance: float) -> None:
    """Videos of EchoNet prompted by the tracing at ED, without a file each: for those `echoseg run FOLDER --prompt tracings`."""
    from echoseg.pipeline import analyse

    if name != "echonet" or path is None:
        raise typer.BadParameter("tracings are the prompt for echonet PATH", param_hint="--prompt")
    failures: list[str] = []

    def failed(source: str, error: Exception) -> None:
        if not isinstance(error, EchosegError):
            raise error
        print_error(str(error))
        failures.append(source)

    def process(source: Source, prompt: str | Plan) -> Measured:
        return analyse(source, prompt, model, view="A4C")

    scores = evaluated(path, "tracings", process, failed, split=split, count=count, tolerance=tolerance)
    show_evaluation(scores, out)
    _exit(len(failures))


def _score_all(title: str, references: Iterable[Case], score: Callable[[Case], list[Score]]) -> tuple[list[Score], int]:
    """The scores of all cases, and how many failed. A set that cannot be read further ends there, with what was scored so far."""
    scores: list[Score] = []
    failed = 0
    with job_progress(title, "cases") as report:
        try:
            for done, reference in enumerate(references, start=1):
                try:
                    scores += score(reference)
                except EchosegError as error:
                    print_error(f"{reference.name}: {error}")
                    failed += 1
                report(done, None)
        except EchosegError as error:
            print_error(str(error))
            failed += 1
    return scores, failed


def _exit(failed: int) -> None:
    if failed:
        messages().print(f"{failed} failed and are not in the means", markup=False)
        raise typer.Exit(1)


def _references(name: str, path: Path | None, count: int | None, split: str, stills: bool) -> Iterable[Case]:
    from itertools import islice

    if name.startswith("simulated"):
        if path is not None:
            raise typer.BadParameter(f"{name} takes no PATH", param_hint="PATH")
        from echoseg.datasets.simulated import COUNT, simulated_clips, simulated_volumes

        return simulated_clips(count or COUNT) if name == "simulated" else simulated_volumes(count or COUNT)
    if path is None:
        raise typer.BadParameter(f"{name} needs the folder of the set", param_hint="PATH")
    from echoseg.datasets.camus import camus_stills, camus_views
    from echoseg.datasets.echonet import echonet_clips
    from echoseg.datasets.folders import folder_pairs
    from echoseg.datasets.medsam2 import npz_volumes
    from echoseg.datasets.sunnybrook import short_axis_cines

    match name:
        case "camus":
            references = camus_stills(path) if stills else camus_views(path)
        case "echonet":
            references = echonet_clips(path, split)
        case "folders":
            references = folder_pairs(path)
        case "sunnybrook":
            references = short_axis_cines(path)
        case _:
            references = npz_volumes(path)
    return islice(references, count)


def _show(scores: Sequence[Score], out: Path | None) -> None:
    if not scores:
        return
    output().print(score_table(scores))
    if out is not None:
        from echoseg.evaluation.plots import plot_scores
        from echoseg.evaluation.scores import write_tables

        tables = write_tables(out, scores)
        plot_scores(out / "dice.png", scores)
        _list([*tables, out / "dice.png"])


def _list(paths: Iterable[Path]) -> None:
    for path in paths:
        output().print(str(path), markup=False, soft_wrap=True)
