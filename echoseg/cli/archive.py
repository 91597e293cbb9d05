"""``echoseg archive``: a whole archive in, one table out; and its status, retry, export and report."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from typer.core import TyperGroup

from echoseg.archive.settings import Settings
from echoseg.cli.console import messages, output, print_error
from echoseg.cli.options import takes
from echoseg.cli.progress import job_progress

if TYPE_CHECKING:
    from collections.abc import Callable

    from echoseg.archive.jobs import Engine
    from echoseg.archive.worker import WorkerSpec

EPILOG = (
    "SOURCE may also be called like a sub-command if written as a path (./status). Exit codes: 0 everything is done; 1 some items failed, "
    "each with its reason in OUT/errors.csv, or the run was stopped and can be resumed by the same command; 2 usage."
)


class ArchiveGroup(TyperGroup):
    """``echoseg archive SOURCE`` is short for ``echoseg archive run SOURCE``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] != "--help":
            args = ["run", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=ArchiveGroup,
    help="Process a whole archive: `echoseg archive SOURCE --out DIR`. The same command goes on after any interruption.",
    no_args_is_help=True,
    epilog=EPILOG,
)

OutArgument = Annotated[Path, typer.Argument(metavar="DIR", help="The --out of an archive run; it may be running.")]


@app.command(epilog=EPILOG)
@takes(
    *(part.name for part in fields(Settings)),
    config=True,
    prompt={"help": "See `echoseg run`; a manifest may give one for each clip."},
)
def run(
    ctx: typer.Context,
    source: Annotated[str, typer.Argument(help="Folder tree, CSV or Parquet manifest, EchoNet-Dynamic or CAMUS folder, dicomweb://...")],
    out: Annotated[Path, typer.Option(help="Folder of the tables and the ledger.")],
    engine: Annotated[Literal["local", "ray"], typer.Option(help="Processes on this machine, or actors of a Ray cluster.")] = "local",
    ray_address: Annotated[str | None, typer.Option(help="Of a Ray cluster, or auto; default: Ray on this machine.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Default: one for each core.")] = None,
    threads: Annotated[int, typer.Option(min=1, help="Threads of each worker.")] = 1,
    gpus_per_worker: Annotated[float, typer.Option(min=0, help="GPU share of a Ray actor, such as 0.25.")] = 0.0,
    time_limit: Annotated[float, typer.Option(min=1, metavar="S", help="Seconds that one item may take.")] = 900.0,
    memory_limit: Annotated[float | None, typer.Option(min=0.1, metavar="GB", help="Of a worker; default: its share of 80 %.")] = None,
    attempts: Annotated[int, typer.Option(min=1, help="Tries of an item whose worker died, hung or ran out of memory.")] = 2,
    keep: Annotated[Literal["rows", "frames", "all"], typer.Option(help="Of every clip: rows; per-frame table too; all files.")] = "rows",
    review: Annotated[int, typer.Option(min=0, help="How many of the worst clips get pictures for the report.")] = 12,
    recompute: Annotated[bool, typer.Option("--recompute", help="Replace results of other settings, weights or code.")] = False,
    **options: Any,
) -> None:
    """Process every clip of SOURCE once; go on where an earlier run ended."""
    from echoseg.archive.foreman import Policy
    from echoseg.archive.report import write_cohort_report
    from echoseg.archive.run import run_archive, worker_count
    from echoseg.archive.source import open_archive
    from echoseg.archive.worker import WorkerSpec
    from echoseg.errors import EchosegError
    from echoseg.io.memory import memory_share
    from echoseg.io.video.open import check_reader
    from echoseg.prompting.parse import located_prompt

    options["prompt"] = located_prompt(options["prompt"], Path.cwd())
    weights = options.pop("weights")
    settings = Settings(**options, weights=None if weights is None else str(Path(weights).absolute()))
    slots = worker_count(workers)
    abroad = engine == "ray" and ray_address is not None  # the machines of a cluster are not this one, and its workers are spread over them
    limit: int | Literal["share"] = int(memory_limit * 1e9) if memory_limit is not None else "share" if abroad else memory_share(slots)
    spec = WorkerSpec(settings, str(out.absolute()), keep, threads=threads, memory_bytes=limit)
    try:
        if settings.reader is not None:
            check_reader(settings.reader)
        found = open_archive(source, out, settings.prompt)
    except EchosegError as error:  # would fail every item alike
        print_error(str(error), traceback=ctx.meta["debug"])
        raise typer.Exit(2) from error
    messages().print(f"{found.kind} {source}: {slots} workers ({engine})", markup=False, soft_wrap=True)
    with job_progress("archive", "clips") as report:
        done = run_archive(
            found,
            out,
            _engine(engine, spec, slots, ray_address, gpus_per_worker),
            settings,
            Policy(attempts, time_limit),
            recompute=recompute,
            keep=keep,
            review=review,
            progress=report,
        )
    if done.stopped is None:
        write_cohort_report(out)
    _print_counts(out, done.counts, done.left_out)
    if done.stopped is not None:
        print_error(f"{done.stopped}. Nothing is lost: the same command goes on")
    if done.stopped is not None or done.counts["failed"]:
        raise typer.Exit(1)


@app.command()
def status(folder: OutArgument) -> None:
    """How far an archive run is; also while it runs."""
    from echoseg.archive.status import archive_status

    found = archive_status(folder)
    _print_counts(folder, found.counts, found.left_out)
    console = output()
    console.print(f"a run is {'working' if found.alive else 'not working'} here", markup=False)
    if found.clips_per_hour is not None:
        console.print(f"{found.clips_per_hour:.0f} clips/h; {found.hours_left:.1f} h left for those found so far", markup=False)
    for category, count in found.failures:
        console.print(f"failed ({category}): {count}", markup=False)
    for number, seconds in found.in_flight:
        console.print(f"in flight: item {number}, {seconds:.0f} s", markup=False)


@app.command()
def retry(
    folder: OutArgument,
    category: Annotated[
        Literal["input", "unexpected", "crash", "memory", "hang", "changed"] | None, typer.Option(help="Only items that failed so.")
    ] = None,
) -> None:
    """Let failed items be tried again by the next run."""
    from echoseg.archive.ledger import open_ledger

    with open_ledger(folder) as ledger, ledger.transaction():
        count = ledger.retry(category)
    output().print(f"{count} items are to be tried again: give the command of the run", markup=False)


@app.command()
def export(folder: OutArgument) -> None:
    """Write clips.parquet, beats.parquet, studies.parquet, errors.csv and left_out.csv as far as the run is."""
    from echoseg.archive.ledger import open_ledger
    from echoseg.archive.tables import write_tables

    with open_ledger(folder) as ledger:
        for path in write_tables(ledger, folder).values():
            output().print(str(path), markup=False, soft_wrap=True)


@app.command()
def report(folder: OutArgument) -> None:
    """Write the tables and report.html as far as the run is."""
    from echoseg.archive.ledger import open_ledger
    from echoseg.archive.report import write_cohort_report
    from echoseg.archive.tables import write_tables

    with open_ledger(folder) as ledger:  # the page leads to the tables
        write_tables(ledger, folder)
    output().print(str(write_cohort_report(folder)), markup=False, soft_wrap=True)


def _engine(kind: str, spec: WorkerSpec, slots: int, ray_address: str | None, gpus: float) -> Callable[[], Engine]:
    if kind == "ray":
        from echoseg.archive.ray_engine import RayEngine

        return lambda: RayEngine(spec, slots, address=ray_address, gpus=gpus)
    from echoseg.archive.local import LocalEngine

    return lambda: LocalEngine(spec, slots)


def _print_counts(folder: Path, counts: Any, left_out: int) -> None:
    told = ", ".join(f"{count} {state}" for state, count in counts.items())
    told += f", {left_out} left out (left_out.csv says why): {sum(counts.values()) + left_out} found"
    output().print(f"{folder}: {told}", markup=False, soft_wrap=True)
