"""``echoseg bench``: speed and memory of the engine on this machine."""

from __future__ import annotations

import typer

app = typer.Typer(help="Speed and memory on this machine.", no_args_is_help=True)


@app.callback()
def root() -> None:
    pass
