"""``echoseg weights``: the models there are, and the weights that come with the package."""

from __future__ import annotations

import typer
from rich.table import Table

from echoseg.cli.console import output

app = typer.Typer(help="Models and their weights.", no_args_is_help=True)


@app.callback()
def root() -> None:
    pass


@app.command("list")
def list_() -> None:
    """List the models, and for each whether its weights come with the package or are yours to bring (--weights FILE)."""
    from echoseg.model import REGISTRY, shipped_weights
    from echoseg.model.checkpoint import sha256

    table = Table("model", "input", "weights", "origin", "sha256", box=None)
    for config in REGISTRY.values():
        path = shipped_weights(config)
        have = "bring your own" if path is None else f"{path.name}, {path.stat().st_size / 1e6:.1f} MB"
        table.add_row(config.name, f"{config.image_size} px", have, config.origin, "" if path is None else sha256(path))
    output().print(table)
