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
def gallery(path: Annotated[Path, typer.Argument(metavar="PATH", help="The picture to write (.png).")]) -> None:
    """Write a contact sheet of simulated frames and their masks, to judge the simulator by eye."""
    from echoseg.simulate.gallery import write_gallery

    write_gallery(path)
    output().print(f"{path}", markup=False, soft_wrap=True)
