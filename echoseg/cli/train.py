"""``echoseg train``: train or fine-tune a model as a YAML file says."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from echoseg.cli.console import output
from echoseg.cli.progress import job_progress


def train(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="A YAML file such as those in configs/train/.")],
    out: Annotated[Path | None, typer.Option(help="Folder of checkpoints and logs  [default: ~/.cache/echoseg/train/NAME]")] = None,
    resume: Annotated[
        bool | None,
        typer.Option("--resume/--restart", help="Where there is a run already: go on with it, or replace it."),
    ] = None,
) -> None:
    """Train a model as CONFIG says."""
    from echoseg import training
    from echoseg.training.heads import head_config, train_head
    from echoseg.training.views import train_views, view_config

    views, head = view_config(config), head_config(config)
    if views is not None or head is not None:
        if resume:
            raise typer.BadParameter("this trains in minutes, and always from the start", param_hint="--resume")
        with job_progress(config.stem, "steps") as report:
            if views is not None:
                trained = train_views(views, out or views.folder(), report)
            elif head is not None:
                trained = train_head(head, out or head.folder(), report)
        output().print(f"loss {trained.loss:.3f} at the end; {trained.weights}", markup=False, soft_wrap=True)
        return
    folder = out or training.load_config(config).folder()
    if resume is None and (folder / "last.pt").exists():
        raise typer.BadParameter(f"{folder} holds a run: --resume goes on with it, --restart replaces it", param_hint="--resume")
    with job_progress(config.stem, "steps") as report:
        result = training.train(config, out=out, resume=bool(resume), progress=lambda step, steps, _numbers: report(step, steps))
    output().print(f"{result.step} steps; checkpoints and logs in {result.folder}", markup=False, soft_wrap=True)
    made = result.folder / ("best.pt" if (result.folder / "best.pt").exists() else "last.pt")
    output().print(f"to use it: echoseg weights export {made} --out NAME.safetensors", markup=False, soft_wrap=True)
