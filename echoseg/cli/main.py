"""The ``echoseg`` command: its sub-commands, and how an error reaches the user.

Exit codes: 0 done, 1 some inputs failed, 2 usage (for ``run`` also a prompt, model or weights that can serve no input).
Torch and the other heavy imports sit inside the commands, so that ``echoseg --help`` answers at once.
"""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from echoseg import __version__
from echoseg.cli import annotate, archive, bench, eval, simulate, weights
from echoseg.cli.compare import compare
from echoseg.cli.console import print_error
from echoseg.cli.demo import demo
from echoseg.cli.doctor import doctor
from echoseg.cli.info import info
from echoseg.cli.measure import EPILOG as MEASURE_EPILOG
from echoseg.cli.measure import measure
from echoseg.cli.run import EPILOG, run
from echoseg.cli.serve import serve
from echoseg.cli.train import train
from echoseg.errors import EchosegError


class EchosegGroup(TyperGroup):
    """A command group whose :class:`EchosegError` becomes one line and exit code 1; ``--debug`` counts anywhere on the line."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        # A user who has just seen an error appends --debug at the end of the command.
        wants_debug = "--debug" in args
        ctx.meta["debug"] = wants_debug
        return super().parse_args(ctx, [a for a in args if a != "--debug"])

    def invoke(self, ctx: Any) -> Any:
        # Read when a command loads torch: on a busy machine threads that spin for work make a frame cost 13 times as much.
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        if isinstance(sys.stdout, io.TextIOWrapper):  # names may hold bytes that are no characters
            sys.stdout.reconfigure(errors="backslashreplace")
        try:
            with terminated_like_interrupted():
                return super().invoke(ctx)
        except EchosegError as error:
            print_error(str(error), traceback=ctx.meta["debug"])
            raise typer.Exit(1) from error


@contextmanager
def terminated_like_interrupted() -> Iterator[None]:
    """SIGTERM, which a scheduler sends, ends a command as Ctrl-C does: what it was writing goes, and what it had fetched."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


app = typer.Typer(
    name="echoseg",
    cls=EchosegGroup,
    help="Promptable segmentation of medical sequences: an echo clip or a CT/MRI volume in, masks, measures and pictures out.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"echoseg {__version__}")
        raise typer.Exit


@app.callback()
def root(
    ctx: typer.Context,
    version: Annotated[bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and stop.")] = False,
    max_unpacked: Annotated[
        float | None, typer.Option(min=0.01, metavar="GIB", help="What a compressed input may unpack to; 2 by default.")
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error. May stand anywhere on the line.")] = False,
) -> None:
    if max_unpacked is not None:
        from echoseg.io.ceiling import ceiling

        ctx.with_resource(ceiling(max_unpacked))


app.command("run", epilog=EPILOG)(run)
app.command("measure", epilog=MEASURE_EPILOG)(measure)
app.command("compare")(compare)
app.command("demo")(demo)
app.command("serve")(serve)
app.command("info")(info)
app.command("doctor")(doctor)
app.command("train")(train)
app.add_typer(annotate.app, name="annotate")
app.add_typer(archive.app, name="archive")
app.add_typer(weights.app, name="weights")
app.add_typer(simulate.app, name="simulate")
app.add_typer(bench.app, name="bench")
app.add_typer(eval.app, name="eval")
