"""``echoseg weights``: which weights there are, where they come from, what they may be used for; and how to get them here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from echoseg.cli.console import output

if TYPE_CHECKING:
    from echoseg.model import SAM2Config, WeightsRecord

app = typer.Typer(help="Models and their weights.", no_args_is_help=True)


@app.callback()
def root() -> None:
    pass


@app.command("list")
def list_() -> None:
    """List the models: whether their weights are here, their licence, where they come from, and the sha256 of what is here."""
    from echoseg.model import REGISTRY, weights_folder

    table = Table.grid(padding=(0, 2))
    for config in REGISTRY.values():
        for number, (name, value) in enumerate(_facts(config)):
            table.add_row("" if number else config.name, name, Text(value, overflow="fold"))
    output().print(table)
    output().print(f"imported weights lie in {weights_folder()}", markup=False, soft_wrap=True)


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Weights: .safetensors, or .pt as published. Nothing in it is executed.")],
    model: Annotated[
        str | None, typer.Option(help="A name from `echoseg weights list`  [default: what the file's parameters and its name tell]")
    ] = None,
) -> None:
    """Copy FILE to the folder of weights: from then on `--model NAME` finds it."""
    from echoseg.model import import_weights

    _show(import_weights(file, model))


@app.command()
def pull(name: Annotated[str, typer.Argument(metavar="NAME", help="A name from `echoseg weights list`.")]) -> None:
    """Download the published weights of a model and import them. Without a network: says what to download by hand."""
    from echoseg.model import pull_weights

    _show(pull_weights(name))


@app.command()
def export(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="best.pt or last.pt of `echoseg train`; of several, their mean.")],
    out: Annotated[Path, typer.Option(help="The weights to write, NAME.safetensors.")],
    shares: Annotated[str | None, typer.Option(help="Share of each FILE in the mean, such as 1,1,2  [default: equal]")] = None,
) -> None:
    """Turn what was trained into weights for `--weights`, in half precision, with their story in the metadata."""
    from echoseg.training.export import export_weights

    if out.suffix != ".safetensors":
        raise typer.BadParameter(f"weights are written as .safetensors, not {out.suffix or 'without a suffix'}", param_hint="--out")
    try:
        parts = None if shares is None else [float(part) for part in shares.split(",")]
    except ValueError as error:
        raise typer.BadParameter(f"numbers with commas between them, such as 1,1,2, not {shares}", param_hint="--shares") from error
    written = export_weights(files, out, shares=parts)
    output().print(f"{written}, {_size(written.stat().st_size)}: --weights {written.name} uses it", markup=False, soft_wrap=True)


def _facts(config: SAM2Config) -> Iterator[tuple[str, str]]:
    """What there is to know of the weights of a model: ``(name, value)``."""
    from echoseg.errors import WeightsError
    from echoseg.model import installed_weights, shipped_weights
    from echoseg.model.checkpoint import sha256

    path, record = shipped_weights(config), None
    if path is not None:
        yield "weights", f"ship with echoseg: {path.name}, {_size(path.stat().st_size)}"
        yield "sha256", sha256(path)
    else:
        try:
            record = installed_weights(config.name)
        except WeightsError as error:  # the others are still worth a list
            yield "weights", f"damaged: {error}"
        else:
            get = "bring your own" if config.published is None else f"echoseg weights pull {config.name}"
            yield "weights", f"not here: {get}" if record is None else f"imported: {record.name}, {_size(record.size)}"
    if record is not None:
        yield "sha256", record.sha256
        yield "published", "this file" if record.as_published else _not_as_published(config)
    yield "licence", config.licence if record is None or record.as_published else _unknown_licence(config)
    if config.terms:
        yield "terms", config.terms
    if config.citation:
        yield "cite", config.citation
    if path is not None:
        yield from _helpers(config)
    yield "origin", config.origin if record is None else record.origin


def _helpers(config: SAM2Config) -> Iterator[tuple[str, str]]:
    """The smaller networks that ship to go with a model, and their licences."""
    from echoseg.model.view_net import view_weights
    from echoseg.model.volumetric_head import head_ships, head_weights, shipped_head_weights

    if config.structures:
        yield "view", f"told by {config.view_net}: {view_weights(config.view_net).licence}"
    if head_ships(config.name):
        head = shipped_head_weights()
        yield "cine MR", f"auto by {head.stem}: {head_weights(head).licence}"


def _show(record: WeightsRecord) -> None:
    from echoseg.model import model_config

    table = Table.grid(padding=(0, 2))
    for name, value in _recorded(record, model_config(record.model)):
        table.add_row(name, Text(value, overflow="fold"))
    output().print(table)


def _recorded(record: WeightsRecord, config: SAM2Config) -> Iterator[tuple[str, str]]:
    """What was recorded of weights: ``(name, value)``."""
    yield "model", record.model
    yield "file", f"{record.name}, {_size(record.size)}"
    yield "sha256", record.sha256
    if record.as_published:
        yield "licence", record.licence or ""
        yield "origin", f"{record.origin}, as published"
    else:
        yield "origin", record.origin
        yield "published", _not_as_published(config)
        yield "licence", _unknown_licence(config)
    if config.terms:
        yield "terms", config.terms
    yield "here", str(record.path)


def _not_as_published(config: SAM2Config) -> str:
    if config.published is not None and config.published.sha256 is None:
        return "cannot be told: echoseg does not know the sha256 of the published file"
    return "not this file"


def _unknown_licence(config: SAM2Config) -> str:
    return f"unknown; that of the published weights is {config.licence}"


def _size(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
