"""``echoseg run``: inputs in, a folder of results for each."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from echoseg.cli.console import messages, output, print_error
from echoseg.cli.failures import Failure, write_failures
from echoseg.cli.memory_option import MEMORY_HELP, METAVAR, parse_memory_selection
from echoseg.cli.overwriting import say_if_not_replaced, say_outdated
from echoseg.cli.progress import job_progress
from echoseg.cli.result_table import result_table, study_table
from echoseg.cli.run_views import input_views, vouches
from echoseg.cli.traced_folder import evaluated, show_evaluation
from echoseg.cli.video_options import READER_HELP, Reader
from echoseg.cli.volume_options import (
    AXIS_HELP,
    EACH_HELP,
    FORMAT_HELP,
    RECIPE_HELP,
    SERIES_HELP,
    STOP_HELP,
    WINDOW_HELP,
    ZOOM_HELP,
    Axis,
    Format,
)
from echoseg.errors import EchosegError, SourceError

if TYPE_CHECKING:
    from collections.abc import Callable

    from echoseg.evaluation.scores import Score
    from echoseg.io.source import Source
    from echoseg.model import Model
    from echoseg.pipeline import RunResult
    from echoseg.prompting.plan import Plan
    from echoseg.study import StudyClip, StudyResult

PROMPT_HELP = (
    "auto | auto:LV,LA | box:x0,y0,x1,y1@frame | points:x,y,+;x,y,-@frame | mask:FILE@frame | recist:x0,y0,x1,y1@frame | FILE.json; "
    "in volumes also box:x0,y0,z0,x1,y1,z1 | point:x,y,z | recist:FILE.npz, and recist-points: in place of recist:. "
    "In source pixels; x1, y1 are edges. For a folder of traced videos: tracings | tracings:ES | tracings:all."
)
INPUT_HELP = "Video or DICOM files, volumes, folders of images, .npy arrays, dicomweb://HOST/studies/UID[/series/UID]."
OVERWRITE_HELP = "Replace earlier results of the same name, never a folder that holds an input; else a new folder."
EPILOG = (
    "Exit codes: 0 all inputs are done; 1 some failed, each with its reason in OUT/errors.csv; 2 usage: the options, the prompt, the model "
    "or its weights can serve no input, and none was touched."
)


_OPENING = ("spacing", "fps", "series", "part", "axis", "window")
_OPENED = (*_OPENING, "reader")


def run(
    ctx: typer.Context,
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT",
            help="Video or DICOM files, volumes, folders of images, .npy arrays, dicomweb:// addresses, EchoNet-Dynamic's folder.",
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder of the results; each input gets a folder of its own in it.")],
    prompt: Annotated[str, typer.Option(help=PROMPT_HELP)] = "auto",
    model: Annotated[str, typer.Option(help="A name from `echoseg weights list`.")] = "compact",
    weights: Annotated[Path | None, typer.Option(help="Checkpoint to use instead of the model's own (.pt or .safetensors).")] = None,
    direction: Annotated[Literal["forward", "backward", "both"], typer.Option(help="Where to track from the prompted frame.")] = "both",
    frame_index: Annotated[int | None, typer.Option(min=0, help="Frame of a prompt that names none.")] = None,
    memory_selection: Annotated[str | None, typer.Option(metavar=METAVAR, help=MEMORY_HELP)] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")] = "auto",
    spacing: Annotated[str | None, typer.Option(metavar="ROW,COL", help="Pixel spacing in mm, when the file has none.")] = None,
    fps: Annotated[float | None, typer.Option(min=0.001, help="Frames per second, when the file does not say.")] = None,
    views: Annotated[
        str | None, typer.Option(metavar="A4C,A2C|CSV", help="The view of each input, in order, or a CSV file with columns file, view.")
    ] = None,
    method: Annotated[
        Literal["disks", "area-length", "camus-2019"], typer.Option(help="LV volume; camus-2019 is biplane, one clip alone gets disks.")
    ] = "disks",
    sex: Annotated[Literal["M", "F"] | None, typer.Option(help="For reference ranges  [default: as the DICOM file says]")] = None,
    height: Annotated[float | None, typer.Option(min=20, max=250, metavar="CM", help="With --weight, for indexed values.")] = None,
    weight: Annotated[float | None, typer.Option(min=0.3, max=400, metavar="KG", help="With --height, for indexed values.")] = None,
    series: Annotated[str | None, typer.Option(metavar="NUMBER|UID", help=SERIES_HELP)] = None,
    part: Annotated[str | None, typer.Option(metavar="slice[:N]|phase[:N]", help=EACH_HELP)] = None,
    axis: Annotated[Axis | None, typer.Option(help=AXIS_HELP)] = None,
    window: Annotated[str | None, typer.Option(metavar="NAME|LEVEL,WIDTH", help=WINDOW_HELP)] = None,
    reader: Annotated[Reader | None, typer.Option(help=READER_HELP)] = None,
    recipe: Annotated[Literal["mask", "box"], typer.Option(help=RECIPE_HELP)] = "mask",
    stop: Annotated[bool, typer.Option("--stop/--no-stop", help=STOP_HELP)] = True,
    zoom: Annotated[bool | None, typer.Option("--zoom/--no-zoom", help=ZOOM_HELP)] = None,
    format: Annotated[Format | None, typer.Option(help=FORMAT_HELP)] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help=OVERWRITE_HELP)] = False,
    dicom: Annotated[bool, typer.Option("--dicom", help="Also write DICOM SEG and SR, for DICOM inputs.")] = False,
    fractional: Annotated[bool, typer.Option("--fractional", help="As --dicom, with the probabilities as one more SEG.")] = False,
    deidentify: Annotated[bool, typer.Option("--deidentify", help="As --dicom, without what identifies the patient.")] = False,
    store: Annotated[str | None, typer.Option(metavar="URL", help="As --dicom, and send them to the PACS at dicomweb://HOST/PATH.")] = None,
    config: Annotated[Path | None, typer.Option(help="YAML file with these options; the command line wins.")] = None,
) -> None:
    """Segment each INPUT and write masks, measures and pictures to OUT/<name>/.

    Clips of one study that show A4C and A2C also make OUT/study.json and study.html, with biplane values. The videos of a folder with
    FileList.csv and VolumeTracings.csv are also evaluated: OUT/evaluation.
    """
    options: dict[str, Any] = {
        "prompt": prompt,
        "model": model,
        "weights": weights,
        "direction": direction,
        "frame_index": frame_index,
        "memory_selection": memory_selection,
        "device": device,
        "spacing": None if spacing is None else parse_spacing(spacing),
        "fps": fps,
        "views": views,
        "method": method,
        "sex": sex,
        "height": height,
        "weight": weight,
        "series": series,
        "part": part,
        "axis": axis,
        "window": window,
        "reader": reader,
        "recipe": recipe,
        "stop": stop,
        "zoom": zoom,
        "format": format,
        "overwrite": overwrite,
        "dicom": dicom or None,
        "fractional": fractional or None,
        "deidentify": deidentify or None,
        "store": store,
    }
    if config is not None:
        from echoseg.cli.run_config import read_run_config

        options |= {name: value for name, value in read_run_config(config).items() if not _given(ctx, name)}
    if options["memory_selection"] is not None:
        options["memory_selection"] = parse_memory_selection(str(options["memory_selection"]))
    view_of_input = input_views(options.pop("views"), [(given,) for given in inputs])

    import echoseg
    from echoseg.archive.prompt_files import prompt_file
    from echoseg.datasets.echonet import is_traced_folder
    from echoseg.io.dicom.web_address import parse_address
    from echoseg.io.video.open import check_reader
    from echoseg.io.volume.files import volume_choice
    from echoseg.prompting.tracings import checked_prompt
    from echoseg.prompting.volume import STOP_RULES, VolumeOptions
    from echoseg.types import Subject

    followed = VolumeOptions(options.pop("recipe"), STOP_RULES if options.pop("stop") else None, options.pop("zoom"))
    options["volume"] = None if followed == VolumeOptions() else followed
    options["subject"] = Subject(options.pop("sex"), options.pop("height"), options.pop("weight"))
    named = prompt_file(str(options["prompt"]))
    kept: list[str | Path] = [*inputs, *([] if named is None else [named[1]])]  # and what this call has written
    options["keep"] = kept if options["overwrite"] else None
    try:
        options["prompt"] = checked_prompt(options["prompt"], inputs, options["frame_index"])
        loaded = echoseg.load_model(options.pop("model"), weights=options.pop("weights"), device=options.pop("device"))
        _check_auto(options["prompt"], loaded)
        volume_choice(options["series"], options["part"], options["axis"], options["window"])
        if options["reader"] is not None:
            check_reader(options["reader"])
        if options["store"] is not None:
            parse_address(options["store"])
    except EchosegError as error:  # would fail every input alike
        print_error(str(error), traceback=ctx.meta["debug"])
        raise typer.Exit(2) from error

    failures: list[Failure] = []
    written: list[Path] = []
    clips: list[StudyClip | None] = []
    scores: list[Score] = []

    def done(result: RunResult) -> RunResult:
        written.append(result.directory)
        kept.append(result.directory)
        return result

    def failed(source: str, error: Exception) -> None:
        reason = str(error) if isinstance(error, EchosegError) else f"unexpected {type(error).__name__}: {error}"
        # The message of an unreadable input names it already.
        print_error(reason if source in reason else f"{source}: {reason}", traceback=ctx.meta["debug"])
        failures.append(Failure(source, reason))

    for given, view in zip(inputs, view_of_input, strict=True):
        try:
            if is_traced_folder(Path(given)):
                scores += _traced(Path(given), out, loaded, view, options, done, failed)
                continue
            sources = _sources(given, options)
        except EchosegError as error:
            failed(given, error)
            continue
        for source in sources:
            try:
                result = run_one(source, out, model=loaded, view=view, **{k: v for k, v in options.items() if v is not None})
                clips.append(_part_of_study(given, done(result)))
            except Exception as error:  # one bad input must not take the others with it
                failed(source if isinstance(source, str) else given, error)
    write_failures(out, failures)
    show_evaluation(scores, out / "evaluation")
    found = [clip for clip in clips if clip is not None]
    as_told = {"method": options["method"], "subject": options["subject"], "overwrite": options["overwrite"]}
    study = show_study(out, found, same_study=vouches(view_of_input, found), **as_told)
    say_outdated(out, written, study)
    if failures:
        raise typer.Exit(1)


def run_one(source: str | Source, out: Path, **options: Any) -> RunResult:
    """Runs the pipeline on one input, shows its progress, prints its results."""
    from echoseg import pipeline

    name = Path(source).name if isinstance(source, str) else source.name
    if not isinstance(source, str):  # opened with them already
        options = {option: value for option, value in options.items() if option not in _OPENED}
    with job_progress(name) as report:
        result = pipeline.run(source, out=out, progress=report, **options)
    output().print(result_table(name, result.measurements, result.flags, result.directory))
    if options.get("overwrite"):
        say_if_not_replaced(result)
    return result


def _traced(
    root: Path,
    out: Path,
    model: Model,
    view: str | None,
    options: dict[str, Any],
    done: Callable[[RunResult], RunResult],
    failed: Callable[[str, Exception], None],
) -> list[Score]:
    """Runs every video of a traced folder, tells of each that is done or has failed; their scores."""
    from echoseg.datasets.echonet import folder_view
    from echoseg.io.volume.files import volume_choice

    if unused := volume_choice(*(options[name] for name in ("series", "part", "axis", "window"))).given:
        raise SourceError(f"{root}: {', '.join(unused)} can be chosen in volumes and DICOM series; a folder of traced videos holds none")
    chosen = {name: value for name, value in options.items() if value is not None and name not in (*_OPENING, "prompt")}

    def process(source: Source, prompt: str | Plan) -> RunResult:
        return done(run_one(source, out, model=model, view=view or folder_view(root), prompt=prompt, **chosen))

    opening = {option: options[option] for option in ("fps", "spacing", "reader")}
    return evaluated(root, options["prompt"], process, failed, **opening)


def _sources(given: str, options: dict[str, Any]) -> list[str] | list[Source]:
    """The input itself, or all its slices or phases, or the sources of a study in a PACS."""
    from echoseg.io.dicom.web_address import is_dicomweb

    if options["part"] in ("slice", "phase"):
        from echoseg.io.open import open_parts

        if options["reader"] is not None:
            raise SourceError(f"{given}: a reader is chosen for video files, which have no slices or phases; leave --reader out")
        return list(open_parts(given, **{option: options[option] for option in _OPENING}))
    if not is_dicomweb(given):
        return [given]
    from echoseg.io.dicom.web import sources_at

    return sources_at(given)


def _given(ctx: typer.Context, name: str) -> bool:
    source = ctx.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _part_of_study(given: str, result: RunResult) -> StudyClip | None:
    from echoseg.study import study_clip

    return study_clip(given, result)


def show_study(out: Path, clips: list[StudyClip], **options: Any) -> StudyResult | None:
    """Writes and prints the study that the clips make, if both views are there; says why when they are and make none."""
    if len({clip.view for clip in clips}) < 2:
        return None
    from echoseg.errors import StudyError
    from echoseg.study import write_study

    try:
        study = write_study(out, clips, **options)
    except StudyError as error:
        messages().print(f"no biplane values: {error}", markup=False, soft_wrap=True)
        return None
    output().print(study_table(study.record, study.flags, study.files["study.json"]))
    return study


def _check_auto(prompt: str | Plan, model: Model) -> None:
    """Raises PromptError when ``auto:NAME`` names a structure that the model cannot find."""
    from echoseg.model import model_config
    from echoseg.prompting.auto import check_structures
    from echoseg.prompting.plan import auto_structures

    structures = auto_structures(prompt)
    if structures is not None:
        # A model without structures of its own is seeded by compact.
        check_structures(structures, model.config if model.config.structures else model_config("compact"))


def parse_spacing(text: str) -> tuple[float, float]:
    """``ROW,COL`` in mm, for options of that kind."""
    try:
        row, col = (float(part) for part in text.split(","))
    except ValueError:
        row = col = float("nan")
    if not (0 < row < float("inf") and 0 < col < float("inf")):
        raise typer.BadParameter(f"{text!r} is not two positive numbers such as 0.51,0.51", param_hint="--spacing")
    return row, col
