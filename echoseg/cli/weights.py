"""``echoseg weights``: the checkpoints that come with the package."""

from __future__ import annotations

import hashlib
from pathlib import Path

import typer
from rich.table import Table

import echoseg
from echoseg.cli.console import output

app = typer.Typer(help="Model weights.", no_args_is_help=True)


@app.callback()
def root() -> None:
    pass


@app.command("list")
def list_() -> None:
    """List the weights that come with the package: file, size, sha256."""
    table = Table("weights", "size", "sha256", box=None)
    for path in shipped_weights():
        table.add_row(path.name, f"{path.stat().st_size / 1e6:.1f} MB", sha256(path))
    output().print(table)


def shipped_weights() -> list[Path]:
    """The safetensors files of the package, by name."""
    return sorted((Path(echoseg.__file__).parent / "weights").glob("*.safetensors"))


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file, as ``sha256sum`` prints it."""
    with path.open("rb") as file:
        digest = hashlib.sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
