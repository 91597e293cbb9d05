"""``echoseg simulate``: synthetic clips with exact masks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from echoseg.cli.console import output

app = typer.Typer(help="Synthetic echo clips with exact masks.", no_args_is_help=True)


@app.callback()
def root() -> None:
    pass


@app.command()
def gallery(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="The picture to write (.png).")],
    views: Annotated[str, typer.Option(help="Views to draw from: A4C, A2C, A3C, PSAX.")] = "A4C,A2C",
    seed: Annotated[int, typer.Option(min=0, help="Of the first clip.")] = 0,
) -> None:
    """Write a contact sheet of simulated frames and their masks, to judge the simulator by eye."""
    from echoseg.simulate import SimulationError
    from echoseg.simulate.gallery import write_gallery

    try:
        write_gallery(path, seed=seed, views=tuple(view.strip().upper() for view in views.split(",")))
    except SimulationError as error:
        raise typer.BadParameter(str(error), param_hint="--views") from error
    output().print(f"{path}", markup=False, soft_wrap=True)
