"""``echoseg train``: train or fine-tune a model as a YAML file says."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def train(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="A YAML file such as those in configs/train/.")],
    out: Annotated[Path | None, typer.Option(help="Folder of checkpoints and logs, instead of the one in CONFIG.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint in that folder.")] = False,
) -> None:
    """Train a model as CONFIG says."""
    from echoseg.training import train as train_model

    train_model(config, out=out, resume=resume)
