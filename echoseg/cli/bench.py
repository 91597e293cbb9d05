"""``echoseg bench``: speed and memory of the engine, and of what reads its input, on this machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from echoseg.cli.console import output
from echoseg.cli.options import takes

if TYPE_CHECKING:
    from echoseg.evaluation.memory import MemoryReport
    from echoseg.evaluation.readers import ReadersReport
    from echoseg.evaluation.run_speed import RunSpeed
    from echoseg.evaluation.speed import SpeedReport
    from echoseg.model import Model

app = typer.Typer(help="Speed and memory on this machine.", no_args_is_help=True)

_WEIGHTS = {"help": "Weights file; default: those that ship, else random ones."}
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("speed")
@takes("model", "weights", "device", weights=_WEIGHTS)
def speed(
    frames: Annotated[int, typer.Option("--frames", min=1, help="Tracked frames to measure.")] = 20,
    threads: Annotated[
        list[int] | None, typer.Option(min=1, help="CPU threads, more than once for several. Default: as torch has; compact: 1 and 2.")
    ] = None,
    clip: Annotated[Path | None, typer.Option(help="A clip to run, from file to results. Default for compact: the demo clip.")] = None,
    rounds: Annotated[int, typer.Option("--rounds", min=1, help="Turns of whole clips.")] = 3,
    as_json: JsonOption = False,
    **asked: Any,
) -> None:
    """Time a tracked frame with a full memory, part by part, through torch and ONNX Runtime in turn; and whole clips.

    Beside transformers where it is installed and has the model. Times need an idle machine; ratios are measured in turn.
    """
    from echoseg.evaluation.speed import bench_speed

    model = _loaded(**asked)
    counts = threads or _thread_counts(model)
    reports = [bench_speed(model, frames, threads=count) for count in counts]
    runs = list(_whole_clips(model, counts, clip, rounds))
    if as_json:
        typer.echo(json.dumps({"tracked": [asdict(report) for report in reports], "runs": [asdict(run) for run in runs]}, indent=2))
        return
    for report in reports:
        _print_speed(report)
    if runs:
        _print_runs(runs)


@app.command("memory")
@takes("model", "weights", "device", "memory_selection", weights=_WEIGHTS)
def memory(
    frames: Annotated[int, typer.Option("--frames", min=201, help="Frames of the stream.")] = 20_000,
    rereadable: Annotated[bool, typer.Option("--rereadable", help="A source that can be read again, not a live stream.")] = False,
    as_json: JsonOption = False,
    **asked: Any,
) -> None:
    """Stream a generated clip and watch resident memory; exit code 1 when it grows by 30 MB or more from frame 200 on."""
    from echoseg.evaluation.memory import bench_memory

    selection = asked.pop("memory_selection")
    report = bench_memory(_loaded(**asked), frames, rereadable=rereadable, memory_selection=selection)
    if as_json:
        typer.echo(json.dumps({**asdict(report), "growth_mb": report.growth_mb, "passed": report.passed}, indent=2))
    else:
        _print_memory(report)
    if not report.passed:
        raise typer.Exit(1)


@app.command("archive")
def archive(
    clips: Annotated[int, typer.Option("--clips", min=2, help="Simulated clips of a round.")] = 8,
    frames: Annotated[int, typer.Option("--frames", min=2, help="Frames of each.")] = 24,
    rounds: Annotated[int, typer.Option("--rounds", min=1, help="Turns of every way.")] = 3,
    ray: Annotated[bool, typer.Option("--ray", help="Also on Ray.")] = False,
    as_json: JsonOption = False,
) -> None:
    """What `echoseg archive` costs beside a bare loop, and what a second worker brings and Ray costs. Wall times need an idle machine."""
    from echoseg.archive.bench import bench_archive

    found = bench_archive(clips, frames, rounds=rounds, ray=ray)
    if as_json:
        typer.echo(json.dumps(asdict(found), indent=2))
        return
    table = Table("", "s a clip", "CPU s a clip")
    for name, spent in found.ways.items():
        table.add_row(name, f"{spent.wall / clips:.3f}", f"{spent.cpu / clips:.3f}")
    console = output()
    console.print(table)
    console.print(f"archive layer: {found.overhead_wall:+.1f} % wall time, {found.overhead_cpu:+.1f} % CPU time")
    alone = f"{found.speedup_cpu:.2f} by CPU time, if each has a core of its own"
    console.print(f"2 workers: {found.speedup_wall:.2f} times the throughput of 1; {alone}")
    if found.ray_overhead_wall is not None:
        console.print(f"Ray against the local engine: {found.ray_overhead_wall:+.1f} % wall time, {found.ray_overhead_cpu:+.1f} % CPU time")


@app.command("readers")
def readers(
    video: Annotated[
        Path | None, typer.Argument(metavar="[VIDEO]", help="A video file; default: the demo clip as H.264 and as motion JPEG.")
    ] = None,
    rounds: Annotated[int, typer.Option("--rounds", min=1, help="Turns of every reader.")] = 5,
    as_json: JsonOption = False,
) -> None:
    """Time the readers of video files (`--reader`) side by side; in brackets PyAV's time by theirs, above 1 where they are faster."""
    from echoseg.evaluation.readers import bench_readers, example_videos

    with nullcontext((video,)) if video is not None else example_videos() as videos:
        reports = [bench_readers(each, rounds) for each in videos]
    if as_json:
        typer.echo(json.dumps([asdict(report) for report in reports], indent=2))
        return
    for report in reports:
        _print_readers(report)


def _loaded(model: str, weights: Path | None, device: str) -> Model:
    from echoseg.evaluation.speed import model_to_time

    return model_to_time(model, None if weights is None else str(weights), device)


def _print_readers(report: ReadersReport) -> None:
    from echoseg.evaluation.readers import BATCH, TASKS

    tasks = ("open", "first to last, a frame", f"batches of {BATCH}, a frame", "seek, a frame")
    table = Table()
    for heading in ("", *(speed.reader for speed in report.speeds)):
        table.add_column(heading, justify="right" if heading else "left")
    for task, label in zip(TASKS, tasks, strict=True):
        for kind in ("wall", "cpu"):
            pairs = [(getattr(speed.ms[task], kind), getattr(speed.ratio[task], kind)) for speed in report.speeds]
            table.add_row(f"{label}, {kind.replace('cpu', 'CPU')} ms", *(f"{ms:.2f} ({ratio:.2f}x)" for ms, ratio in pairs))
    console = output()
    console.print(f"{report.video}: {report.frames} frames of {report.width} x {report.height}, {report.codec}; {report.rounds} rounds")
    console.print(table)
    for reader, reason in report.left_out.items():
        console.print(f"{reader} left out: {reason}", markup=False, soft_wrap=True)


def _thread_counts(model: Model) -> list[int]:
    import os

    import torch

    small = bool(model.config.structures) and model.execution.device.type == "cpu"
    return [1, 2] if small and (os.cpu_count() or 1) > 1 else [torch.get_num_threads()]


def _whole_clips(model: Model, counts: list[int], clip: Path | None, rounds: int) -> Iterator[RunSpeed]:
    """For models that find the ventricle by themselves: an array, and the demo clip where it is installed."""
    from echoseg.datasets.demo import demo_clip
    from echoseg.errors import SourceError
    from echoseg.evaluation.run_speed import bench_array, bench_file

    if model.config.structures:
        yield from (bench_array(model, count, rounds=rounds) for count in counts)
    if clip is None and model.config.structures:
        with suppress(SourceError):
            clip = demo_clip()
    if clip is not None:
        yield from (bench_file(model, count, clip, rounds=rounds) for count in counts)


def _print_speed(report: SpeedReport) -> None:
    table = Table()
    names = list(report.runtimes)
    headings = [f"{name}{unit}" for name in names for unit in (", ms", ", of peak")]
    for heading in ("part", "GFLOP", *headings):
        table.add_column(heading, justify="left" if heading == "part" else "right")
    for part, gflop in report.gflop.items():
        found = [(report.runtimes[name].parts[part], report.peak_share(name, part)) for name in names]
        table.add_row(part, f"{gflop:.3f}", *(cell for ms, share in found for cell in (f"{ms:.2f}", f"{100 * share:.0f} %")))
    table.add_row("everything else", "", *(cell for name in names for cell in (f"{report.runtimes[name].rest_ms:.2f}", "")))
    table.add_section()
    totals = (cell for name in names for cell in (f"{report.runtimes[name].total_ms:.2f}", ""))
    table.add_row("total", f"{sum(report.gflop.values()):.3f}", *totals)
    console = output()
    console.print(f"{report.model} ({report.weights}), {report.device}, {report.precision}, {report.threads} thread(s)")
    console.print(table)
    for name, runtime in report.runtimes.items():
        console.print(f"{name}: {runtime.fps:.1f} frames/s, {runtime.ratio:.2f} times torch")
    kept = f"{report.memories} memories and {report.pointers} object pointers"
    console.print(f"median of {report.frames} frames, {kept}; a matrix product reaches {report.peak_gflops:.1f} GFLOP/s")
    if report.peak_resident_mb is not None:
        console.print(f"peak resident memory {report.peak_resident_mb:.0f} MB")
    if report.transformers is not None:
        other = report.transformers
        console.print(f"transformers {other.version}: {other.ms:.2f} ms a frame on the same weights, {other.ratio:.2f} times our torch")
    else:
        console.print(f"not compared: {report.not_compared}")
    for note in report.notes:
        console.print(note, markup=False, soft_wrap=True)


def _print_runs(runs: list[RunSpeed]) -> None:
    table = Table("whole clips, frames/s", "threads", *runs[0].fps)
    for run in runs:
        table.add_row(run.what, str(run.threads), *(f"{fps:.1f} ({run.ratio[name]:.2f}x)" for name, fps in run.fps.items()))
    output().print(table)


def _print_memory(report: MemoryReport) -> None:
    from echoseg.evaluation.memory import BASELINE_FRAME, LIMIT_MB

    table = Table("frame", "resident MB")
    for frame, resident in report.resident.items():
        table.add_row(f"{frame:,}", f"{resident:.1f}")
    console = output()
    console.print(f"{report.model}, frames that can be read {'again' if report.source == 'rereadable' else 'once'}")
    console.print(table)
    verdict = "flat" if report.passed else "NOT flat"
    console.print(f"growth from frame {BASELINE_FRAME}: {report.growth_mb:+.1f} MB, {verdict} (limit {LIMIT_MB:g} MB)")
