"""``echoseg eval study``, ``interval`` and ``short-axis``: ejection fraction against a truth in three dimensions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from echoseg.cli.console import output, print_error
from echoseg.cli.options import takes
from echoseg.cli.progress import job_progress
from echoseg.cli.score_table import measure_table
from echoseg.errors import DeviceError, EchosegError, ModelConfigError

if TYPE_CHECKING:
    from echoseg.evaluation.scores import Score
    from echoseg.model import Model

Count = Annotated[int, typer.Option(min=1, help="How many studies.")]
Start = Annotated[int, typer.Option(min=0, help="Index of the first study; the same index is the same heart.")]

HEADLINE = ("measured", "ef_abs_error", "ef_error", "edv_error_pct", "esv_error_pct", "ed_error_ms", "es_error_ms")
CALIBRATION_START = 10_000
"""Index of the first study to calibrate on, far from those of `echoseg eval study`."""


@takes("model", "weights", "device")
def study(
    masks: Annotated[Literal["truth", "auto"], typer.Option(help="Measure the true masks, or what the model finds by itself.")] = "truth",
    count: Count = 200,
    start: Start = 0,
    foreshortening: Annotated[float, typer.Option(min=0.0, max=60.0, help="Largest angle between plane and long axis, degrees.")] = 18.0,
    out: Annotated[Path | None, typer.Option(help="Folder for cases.csv and summary.csv.")] = None,
    **asked: Any,
) -> None:
    """Simulated biplane studies: EF, volumes and phases against the heart's own, known in 3D."""
    loaded = None if masks == "truth" else load(**asked)
    scores, failed = _scored(count, start, foreshortening, loaded)
    together = [replace(score, setting=f"{masks}, all") for score in scores]
    if scores:
        output().print(measure_table([*together, *scores], HEADLINE))
    if scores and out is not None:
        from echoseg.evaluation.scores import write_tables

        for path in write_tables(out, scores, together):
            output().print(str(path), markup=False, soft_wrap=True)
    if failed:
        raise typer.Exit(1)


@takes("model", "weights", "device")
def interval(
    out: Annotated[Path, typer.Option(help="Folder for ef-interval.json, cases.csv and calibration.png.")],
    count: Count = 100,
    start: Start = CALIBRATION_START,
    validate: Annotated[int, typer.Option(min=1, help="How many other studies the interval is tested on.")] = 60,
    validate_start: Annotated[int | None, typer.Option(min=0, help="Index of the first of them; none: behind those of --count.")] = None,
    camus: Annotated[Path | None, typer.Option(help="Calibrate on these CAMUS patients, and hold each fifth against the others.")] = None,
    **asked: Any,
) -> None:
    """Calibrate the 90 % interval of EF on patients or simulated studies, and test it on other simulated ones."""
    from typing import get_args

    from echoseg.cardiac.interval import Planes, models_text
    from echoseg.evaluation.intervals import cross_held, fitted, held, plot_calibration
    from echoseg.evaluation.scores import write_tables
    from echoseg.io.atomic import atomic_path

    first = start + count if validate_start is None else validate_start
    if first < start + count and start < first + validate:
        raise typer.BadParameter("the studies of the test must be others than those of the calibration", param_hint="--validate-start")
    loaded = load(**asked)
    if camus is not None:
        calibration = _patients(camus, loaded)
    else:
        calibration, _ = _scored(count, start, 18.0, loaded)
    others, _ = _scored(validate, first, 18.0, loaded)
    command = f"echoseg eval interval --model {asked['model']} " + ("--camus ROOT" if camus else f"--count {count} --start {start}")
    try:
        found = {planes: fitted(calibration, loaded.weights.sha256, command, planes=planes) for planes in get_args(Planes)}
        write_tables(out, [*calibration, *others])
        plot_calibration(out / "calibration.png", calibration, others)
        with atomic_path(out / "ef-interval.json") as temporary:
            temporary.write_text(models_text(found), encoding="utf-8")
    except EchosegError as error:
        print_error(str(error))
        raise typer.Exit(1) from error
    for planes, made in found.items():
        bounds, inside = held(made, others, planes)
        width = float((bounds[:, 1] - bounds[:, 0]).mean())
        if camus is not None:
            own, own_inside = cross_held(calibration, planes)
            half = float((own[:, 1] - own[:, 0]).mean() / 2)
            holds = f"{own_inside.sum()} of {len(own_inside)} of the patients, each by a calibration on others"
            output().print(f"{planes}: the 90 % interval holds the truth in {holds}; mean half-width {half:.1f} points")
        share = f"{inside.sum()} of {len(inside)} other {'studies' if planes == 'biplane' else 'clips'}"
        output().print(f"{planes}: the 90 % interval holds the truth in {share}; mean width {width:.1f} points")
    output().print(str(out / "ef-interval.json"), markup=False, soft_wrap=True)


@takes("model", "weights", "device")
def short_axis(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="PATH",
            help="A Sunnybrook patient (dicom/, i-contours/), or images/ and masks/ of stacks named as patient001_frame01, a phase each.",
        ),
    ],
    labels: Annotated[str, typer.Option(help="Of the masks in masks/, as ACDC numbers them.")] = "RV=1,MYO=2,LV=3",
    head: Annotated[Path | None, typer.Option(help="Weights of a head, in place of those that ship.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for cases.csv and summary.csv of stacks.")] = None,
    **asked: Any,
) -> None:
    """Cine MR without a prompt against experts: overlap and EF of stacks; of a Sunnybrook patient volumes and EF, also by a box a slice."""
    try:
        model = load(**asked).for_volumes
        if (path / "masks").is_dir():
            _stacks(path, labels, model, head, out)
        else:
            _sunnybrook(path, model, head)
    except EchosegError as error:
        print_error(str(error))
        raise typer.Exit(1) from error


def _stacks(path: Path, labels: str, model: Model, head: Path | None, out: Path | None) -> None:
    from echoseg.cli.measure import label_names
    from echoseg.cli.score_table import measure_table
    from echoseg.datasets.folders import folder_pairs
    from echoseg.evaluation.cine_mr import head_scores
    from echoseg.evaluation.scores import write_tables
    from echoseg.model.volumetric_head import load_head

    scores = list(head_scores(folder_pairs(path, label_names(labels)), model, load_head(model, head)))
    output().print(measure_table(scores, ("dice", "ef_error", "ef_abs_error")))
    if out is not None:
        for written in write_tables(out, scores):
            output().print(str(written), markup=False, soft_wrap=True)


def _sunnybrook(path: Path, model: Model, head: Path | None) -> None:
    from echoseg.datasets.sunnybrook import short_axis_cines
    from echoseg.evaluation.short_axis import drawn_ejection, expert_ejection, predicted_ejection
    from echoseg.model.volumetric_head import head_ships, load_head

    slices = list(short_axis_cines(path))
    found = {"experts": expert_ejection(slices), "model, one box a slice": predicted_ejection(slices, model)}
    if head is not None or head_ships(model.name):
        found["head, no prompt"] = drawn_ejection(slices, model, load_head(model, head))
    for name, each in found.items():
        output().print(f"{name}: EDV {each.edv_ml:.1f} mL, ESV {each.esv_ml:.1f} mL, EF {each.ef:.1f} %")


def _patients(root: Path, model: Model) -> list[Score]:
    """Scores of EF of the patients' clips."""
    from echoseg.evaluation.camus_table import camus_scores
    from echoseg.evaluation.intervals import clip_scores

    with job_progress("CAMUS", "views") as report:
        return clip_scores(list(camus_scores(root, model, report)))


def _scored(count: int, start: int, foreshortening: float, model: Model | None) -> tuple[list[Score], int]:
    """Scores of the studies, and how many failed."""
    from echoseg.evaluation.studies import score_study, simulated_studies

    scores: list[Score] = []
    failed = 0
    with job_progress("studies", "studies") as report:
        for done, one in enumerate(simulated_studies(count, start, foreshortening), start=1):
            try:
                scores += score_study(one, model)
            except EchosegError as error:
                print_error(f"{one.name}: {error}")
                failed += 1
            report(done, count)
    return scores, failed


def load(model: str, weights: Path | None, device: str) -> Model:
    import echoseg

    try:
        return echoseg.load_model(model, weights=weights, device=device)
    except (ModelConfigError, DeviceError) as error:
        raise typer.BadParameter(str(error)) from error
