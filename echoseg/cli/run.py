"""``echoseg run``: inputs in, a folder of results for each."""

from __future__ import annotations

from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from echoseg.cli.console import print_error
from echoseg.cli.failures import Aliases, ErrorsFile, Failure, check_outside
from echoseg.cli.options import chosen, declared, takes
from echoseg.cli.progress import job_progress
from echoseg.cli.result_table import say_outdated, show_cines, show_result, show_study
from echoseg.cli.run_views import input_views, vouches
from echoseg.cli.traced_folder import evaluated, show_evaluation
from echoseg.errors import EchosegError, PromptError, SeveralPhasesError, SourceError
from echoseg.options import Opening

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from echoseg.cine import CinePhase
    from echoseg.evaluation.scores import Score
    from echoseg.io.source import Source
    from echoseg.model import Model
    from echoseg.pipeline import RunResult
    from echoseg.prompting.plan import Plan
    from echoseg.study import StudyClip

EPILOG = (
    "Exit codes: 0 all inputs are done; 1 some failed, each with its reason in OUT/errors.csv; 2 usage: the options, the prompt, the model "
    "or its weights can serve no input, and none was touched."
)


CINE_PROMPT = "auto:LV,MYO,RV"
"""What ``auto`` finds in a cine MR: its report speaks of both ventricles."""

_OPENED = tuple(part.name for part in fields(Opening))


@takes(*declared(), config=True)
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
    aliases: Annotated[
        Path | None,
        typer.Option(help="With --deidentify: a CSV file outside of OUT that says which input has which number in messages."),
    ] = None,
    memory_limit: Annotated[float | None, typer.Option(min=0.1, metavar="GB", help="Default: 80 % of the machine's.")] = None,
    **options: Any,
) -> None:
    """Segment each INPUT and write masks, measures and pictures to OUT/<name>/.

    Clips of one study that show A4C and A2C also make OUT/study.json and study.html, with biplane values. The videos of a folder with
    FileList.csv and VolumeTracings.csv are also evaluated: OUT/evaluation.
    """
    from echoseg.datasets.echonet import is_traced_folder
    from echoseg.io.memory import memory_limited, memory_share
    from echoseg.prompting.parse import prompt_file

    view_of_input = input_views(options.pop("view"), [(given,) for given in inputs])
    named = prompt_file(options["prompt"])
    kept: list[str | Path] = [*inputs, *([] if named is None else [named[1]])]  # and what this call has written
    if options["overwrite"]:
        options["keep"] = kept
    called = Aliases(inputs, options["deidentify"])
    try:
        if aliases is not None:
            check_outside(aliases, out)
        model = _checked(options, inputs)
    except EchosegError as error:  # would fail every input alike
        print_error(str(error), traceback=ctx.meta["debug"])
        raise typer.Exit(2) from error

    if model.execution.device.type == "cpu":  # the driver of a GPU maps more address space than it uses
        ctx.with_resource(memory_limited(memory_share(1) if memory_limit is None else int(memory_limit * 1e9)))
    as_told = {name: options[name] for name in ("method", "subject", "overwrite")}
    others = chosen(options) | as_told
    errors, failures = ErrorsFile(out), list[Failure]()
    written: list[Path] = []
    clips: list[StudyClip | None] = []
    phases: list[CinePhase | None] = []
    scores: list[Score] = []

    def done(result: RunResult) -> RunResult:
        written.append(result.directory)
        kept.append(result.directory)
        return result

    def failed(given: str, source: str, error: Exception) -> None:
        name, reason = called.name(given, source), called.reason(given, error)
        # The message of an unreadable input names it already.
        print_error(reason if name in reason else f"{name}: {reason}", traceback=ctx.meta["debug"] and not called.hidden)
        failures.append(Failure(name, reason))

    try:
        for given, view in zip(inputs, view_of_input, strict=True):
            try:
                if is_traced_folder(Path(given)):
                    tell = partial(failed, given)
                    scores += _traced(Path(given), out, model, view, options, done, tell)
                    continue
                sources, cine = _sources(given, options, model)
                asked = others | ({"prompt": CINE_PROMPT} if cine and others.get("prompt", "auto") == "auto" else {})
            except Exception as error:  # one bad input must not take the others with it
                failed(given, given, error)
                continue
            for source in sources:
                try:
                    result = run_one(source, out, model=model, view=view, called=called.of_input.get(given), **asked)
                    from echoseg.study import study_clip  # here, as all that measures: the first frame does not wait for it

                    clips.append(study_clip(given, done(result)))
                    if cine or options["part"] == "phase":
                        from echoseg.cine import cine_phase

                        phases.append(cine_phase(given, result))
                except Exception as error:
                    failed(given, source if isinstance(source, str) else given, error)
                    if cine and isinstance(error, PromptError):  # what the first phase is, all are
                        break
    finally:  # also of a run that is stopped
        errors.write(failures)
        if aliases is not None:
            called.write(aliases, out)
    show_evaluation(scores, out / "evaluation")
    found = [clip for clip in clips if clip is not None]
    study = show_study(out, found, same_study=vouches(view_of_input, found), earlier=options["earlier"], **as_told)
    if options["store"] is not None and study is not None and "study.sr.dcm" in study.files:
        from echoseg.io.dicom.web import store_instances

        store_instances(options["store"], [study.files["study.sr.dcm"]])
    say_outdated(out, written, study)
    show_cines(out, [phase for phase in phases if phase is not None], subject=as_told["subject"], overwrite=as_told["overwrite"])
    if failures:
        raise typer.Exit(1)


def run_one(source: str | Source, out: Path, called: str | None = None, **options: Any) -> RunResult:
    """Runs the pipeline on one input, shows its progress, prints its results; ``called``: in place of its name."""
    from echoseg import pipeline
    from echoseg.io.names import printable

    name = called or printable(Path(source).name if isinstance(source, str) else source.name)
    if not isinstance(source, str):  # opened with them already
        options = {option: value for option, value in options.items() if option not in _OPENED}
    with job_progress(name) as report:
        result = pipeline.run(source, out=out, progress=report, **options)
    show_result(name, result, overwrite=options.get("overwrite", False))
    return result


def _checked(options: dict[str, Any], inputs: Sequence[str]) -> Model:
    """Reads the prompt, loads the model, and refuses what can serve no input."""
    import echoseg
    from echoseg.io.dicom.web_address import parse_address
    from echoseg.io.video.open import check_reader
    from echoseg.io.volume.files import volume_choice
    from echoseg.prompting.tracings import checked_prompt

    options["prompt"] = checked_prompt(options["prompt"], inputs, options["frame_index"])
    model = echoseg.load_model(options.pop("model"), **{name: options.pop(name) for name in ("weights", "device", "runtime")})
    _check_auto(options["prompt"], model)
    volume_choice(options["series"], options["part"], options["axis"], options["window"])
    if options["reader"] is not None:
        check_reader(options["reader"])
    if options["store"] is not None:
        parse_address(options["store"])
    return model


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
    others = {name: value for name, value in chosen(options).items() if name != "prompt"}

    def process(source: Source, prompt: str | Plan) -> RunResult:
        return done(run_one(source, out, model=model, view=view or folder_view(root), prompt=prompt, **others))

    opening = {option: options[option] for option in ("fps", "spacing", "reader")}
    return evaluated(root, options["prompt"], process, failed, **opening)


def _sources(given: str, options: dict[str, Any], model: Model) -> tuple[list[str] | list[Source], bool]:
    """The input itself, or all its slices or phases, or the sources of a study in a PACS; and whether it is taken for a cine MR.

    That is what slices at several moments are when structures are asked for by name.
    """
    from echoseg.io.dicom.web_address import is_dicomweb

    opening = {option: options[option] for option in _OPENED}
    reader = opening.pop("reader")
    if options["part"] in ("slice", "phase"):
        from echoseg.io.open import open_parts

        if reader is not None:
            raise SourceError(f"{given}: a reader is chosen for video files, which have no slices or phases; leave --reader out")
        return list(open_parts(given, **opening)), False
    if not is_dicomweb(given):
        if options["part"] is None and reader is None and _may_be_cine(given, options["prompt"], opening, model):
            from echoseg.io.open import open_parts

            as_acquired = {"part": "phase", "axis": opening["axis"] or "stored"}  # short-axis slices lie oblique to those of the body
            return list(open_parts(given, **opening | as_acquired)), True
        return [given], False
    from echoseg.io.dicom.web import sources_at

    return sources_at(given), False


def _may_be_cine(given: str, prompt: str | Plan, opening: dict[str, Any], model: Model) -> bool:
    """Whether an input holds slices at several moments, and a head finds the structures of ``prompt`` in each of them."""
    from echoseg.io.open import open_source
    from echoseg.prompting.plan import auto_structures
    from echoseg.prompting.short_axis import head_ships

    if auto_structures(prompt) is None or not head_ships(model.for_volumes_name):
        return False
    try:
        open_source(given, **opening).close()
    except SeveralPhasesError as several:
        return several.in_time
    except EchosegError:  # said when it is run
        return False
    return False


def _check_auto(prompt: str | Plan, model: Model) -> None:
    """Raises PromptError when ``auto:NAME`` names a structure that the model cannot find."""
    from echoseg.model import model_config
    from echoseg.model.volumetric_head import CLASSES, head_ships
    from echoseg.prompting.auto import check_structures
    from echoseg.prompting.plan import auto_structures

    structures = auto_structures(prompt)
    if structures is not None and not (head_ships(model.for_volumes_name) and set(structures) <= set(CLASSES)):
        # A model without structures of its own is seeded by compact or compact-sim, which know the same.
        check_structures(structures, model.config if model.config.structures else model_config("compact"))
