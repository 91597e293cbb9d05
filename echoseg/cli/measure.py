"""``echoseg measure``: label maps in, measures and pictures out, without a network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from echoseg.cli.console import print_error
from echoseg.cli.failures import ErrorsFile, Failure
from echoseg.cli.options import takes
from echoseg.cli.result_table import say_outdated, show_result, show_study
from echoseg.cli.run_views import input_views, vouches
from echoseg.errors import EchosegError

if TYPE_CHECKING:
    from echoseg.study import StudyClip

EPILOG = (
    "Two files whose names differ in ED and ES alone are the phases of one clip. Inputs of one study that show A4C and A2C also make "
    "OUT/study.json with biplane values. Exit codes: 0 all done; 1 some failed, each with its reason in OUT/errors.csv; 2 usage."
)


@takes(
    *("views", "method", "sex", "age", "height", "weight", "spacing", "fps", "overwrite", "identify", "earlier"),
    views={"help": "The view of each input, as in `echoseg run`; it makes the input a clip."},
)
def measure(
    ctx: typer.Context,
    masks: Annotated[
        list[Path],
        typer.Argument(metavar="MASKS", help="Label maps: NIfTI, MetaImage, NRRD, .npy, .npz, PNG folders; folders of `echoseg run`."),
    ],
    out: Annotated[Path, typer.Option(help="Folder of the results; each input gets a folder of its own in it.")],
    on: Annotated[Path | None, typer.Option(help="The clip or volume that the masks were drawn on; for one input.")] = None,
    labels: Annotated[
        str | None,
        typer.Option(
            metavar="LV=1,LA=3",
            help="What the labels are: LV, LA, RV, MYO or others  [default: as the run wrote beside the masks, else LV=1]",
        ),
    ] = None,
    kind: Annotated[
        Literal["clip", "volume"] | None, typer.Option(help="Whether the third axis is time or slices  [default: as the file says]")
    ] = None,
    **options: Any,
) -> None:
    """Measure masks from anywhere: corrected by hand, of another model, of a reference set."""
    from echoseg.masks import mask_inputs
    from echoseg.masks import measure as measure_masks
    from echoseg.study import study_clip

    inputs = mask_inputs(masks)
    if on is not None and len(inputs) > 1:
        raise typer.BadParameter(f"goes with one input, not with {len(inputs)}", param_hint="--on")
    names = None if labels is None else label_names(labels)
    errors, failures = ErrorsFile(out), list[Failure]()
    kept, written = [*masks, *([] if on is None else [on])], list[Path]()
    clips: list[StudyClip | None] = []
    view_of_input = input_views(options.pop("view"), [[str(path) for path in given.files] for given in inputs])
    try:
        for given, view in zip(inputs, view_of_input, strict=True):
            try:
                result = measure_masks(given, out, on=on, view=view, names=names, kind=kind, keep=[*kept, *written], **options)
                written.append(result.directory)
                show_result(given.name, result, overwrite=options["overwrite"])
                clips.append(study_clip(given.files[0], result))
            except Exception as error:  # one bad input must not take the others with it
                failures.append(_failed(str(given.files[0]), error, traceback=ctx.meta["debug"]))
    finally:  # also of a call that is stopped
        errors.write(failures)
    found = [clip for clip in clips if clip is not None]
    same_study = vouches(view_of_input, found)
    as_told = {name: options[name] for name in ("method", "subject", "overwrite", "earlier")}
    study = show_study(out, found, same_study=same_study, **as_told)
    say_outdated(out, written, study)
    if failures:
        raise typer.Exit(1)


def _failed(path: str, error: Exception, *, traceback: bool) -> Failure:
    """Tells of an input that failed, and keeps it for errors.csv."""
    reason = str(error) if isinstance(error, EchosegError) else f"unexpected {type(error).__name__}: {error}"
    print_error(reason if isinstance(error, EchosegError) else f"{path}: {reason}", traceback=traceback)
    return Failure(path, reason)


def label_names(text: str) -> dict[int, str]:
    """``LV=1,la=3`` as ``{1: "LV", 3: "LA"}``."""
    from echoseg.masks import structure_name

    names: dict[int, str] = {}
    for part in text.split(","):
        name, _, label = (piece.strip() for piece in part.partition("="))
        if not name or not label.isdecimal() or int(label) < 1 or int(label) in names:
            raise typer.BadParameter(f"{text!r} is not a list such as LV=1,LA=3 of names and labels from 1 on", param_hint="--labels")
        name = structure_name(name)
        if name in names.values():
            raise typer.BadParameter(f"{text!r} names {name} twice; a structure has one label", param_hint="--labels")
        names[int(label)] = name
    return names
