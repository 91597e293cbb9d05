"""What the archive layer costs: the same clips in a bare loop, by one worker, by two, and on Ray, one after the other in turns."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
import psutil
import torch

from echoseg.archive.clip_task import ClipTask
from echoseg.archive.foreman import Foreman, Policy
from echoseg.archive.jobs import Engine, Event, Job, Ready
from echoseg.archive.ledger import open_ledger
from echoseg.archive.local import LocalEngine
from echoseg.archive.ray_engine import RayEngine
from echoseg.archive.settings import Settings
from echoseg.archive.source import ArchiveSource, open_archive
from echoseg.archive.worker import WorkerSpec
from echoseg.simulate.clip import random_clip

_SETTLE_S = 3.0  # the start of an engine, Ray's own processes included, is not part of what a clip costs


@dataclass(frozen=True)
class Spent:
    """Seconds for all clips, models loaded before: ``wall``, and ``cpu`` of all processes of this machine that took part."""

    wall: float
    cpu: float


@dataclass(frozen=True)
class ArchiveBench:
    """Result of :func:`bench_archive`.

    Attributes:
        clips, frames: per round. ``rounds``: of each way.
        ways: medians over the rounds.
        overhead_wall, overhead_cpu: of one worker against the bare loop, percent of either time.
        speedup_wall: throughput of two workers against one.
        speedup_cpu: the same if both had had a core of their own all the time: what is left is how far they slow each other down.
        ray_overhead_wall, ray_overhead_cpu: of one Ray actor against one local worker, percent; None when Ray was not asked for. Ray's own
            processes count.

    Ratios are of the times in one round, and medians over the rounds. Wall times only mean something on a machine that does nothing else.
    """

    clips: int
    frames: int
    rounds: int
    ways: dict[str, Spent]
    overhead_wall: float
    overhead_cpu: float
    speedup_wall: float
    speedup_cpu: float
    ray_overhead_wall: float | None
    ray_overhead_cpu: float | None


def bench_archive(clips: int = 8, frames: int = 24, size: int = 112, rounds: int = 3, *, ray: bool = False) -> ArchiveBench:
    """Measures on simulated clips of ``size`` pixels, every way in turns, there and back: a machine that slows down favours none."""
    torch.set_num_threads(1)
    with TemporaryDirectory() as folder:
        root = Path(folder) / "clips"
        root.mkdir()
        for seed in range(clips):
            np.save(root / f"{seed}_a4c.npy", random_clip(seed, size, frames, ("A4C",)).frames)
        source = open_archive(root, Path(folder))
        task = ClipTask(Settings(device="cpu"), folder, "rows")
        spec = WorkerSpec(Settings(device="cpu"), folder)
        ways: dict[str, Callable[[], Spent]] = {
            "bare loop": lambda: _bare(task, source),
            "1 worker": lambda: _archived(lambda: LocalEngine(spec, 1), source, Path(folder)),
            "2 workers": lambda: _archived(lambda: LocalEngine(spec, 2), source, Path(folder)),
        }
        if ray:
            ways["1 Ray actor"] = lambda: _archived(lambda: RayEngine(spec, 1), source, Path(folder))
        _bare(task, source)  # the first pass over anything is slower
        found: dict[str, list[Spent]] = {name: [] for name in ways}
        for turn in range(rounds):
            for name in list(ways)[:: -1 if turn % 2 else 1]:
                found[name].append(ways[name]())

    def ratio(one: str, other: str, what: str) -> float:
        return median(getattr(a, what) / getattr(b, what) for a, b in zip(found[one], found[other], strict=True))

    return ArchiveBench(
        clips,
        frames,
        rounds,
        {name: Spent(median(each.wall for each in spent), median(each.cpu for each in spent)) for name, spent in found.items()},
        overhead_wall=100 * (ratio("1 worker", "bare loop", "wall") - 1),
        overhead_cpu=100 * (ratio("1 worker", "bare loop", "cpu") - 1),
        speedup_wall=ratio("1 worker", "2 workers", "wall"),
        speedup_cpu=2 * ratio("1 worker", "2 workers", "cpu"),
        ray_overhead_wall=100 * (ratio("1 Ray actor", "1 worker", "wall") - 1) if ray else None,
        ray_overhead_cpu=100 * (ratio("1 Ray actor", "1 worker", "cpu") - 1) if ray else None,
    )


class _Warm:
    """An engine whose workers have all loaded their models before the clock starts."""

    def __init__(self, engine: Engine) -> None:
        self.name, self.slots, self._engine, self._first = engine.name, engine.slots, engine, [*_ready(engine)]

    def submit(self, slot: int, job: Job) -> None:
        self._engine.submit(slot, job)

    def poll(self, seconds: float) -> Sequence[Event]:
        first, self._first = self._first, []
        return first or self._engine.poll(seconds)

    def kill(self, slot: int) -> None:
        self._engine.kill(slot)

    def close(self) -> None:
        self._engine.close()


def _ready(engine: Engine) -> list[Event]:
    events: list[Event] = []
    while len(events) < engine.slots:
        events += [event for event in engine.poll(1.0) if isinstance(event.answer, Ready)]
    return events


def _bare(task: ClipTask, source: ArchiveSource) -> Spent:
    wall, cpu = time.perf_counter(), time.process_time()
    for item in source.items():
        job = source.job("process", 0, item)
        task.process(job.item, job.location, "")
    return Spent(time.perf_counter() - wall, time.process_time() - cpu)


def _archived(make_engine: Callable[[], Engine], source: ArchiveSource, folder: Path) -> Spent:
    with TemporaryDirectory(dir=folder) as out, open_ledger(Path(out), create=True) as ledger:
        engine = _Warm(make_engine())
        time.sleep(_SETTLE_S)
        try:
            with ledger.transaction():
                run = ledger.start_run(engine.name, engine.slots)
            foreman = Foreman(ledger, engine, source, Policy(), run, check=lambda fingerprint: None)
            wall, cpu = time.perf_counter(), _cpu()
            foreman.work()
            return Spent(time.perf_counter() - wall, _cpu() - cpu)
        finally:
            engine.close()


def _cpu() -> float:
    """CPU seconds of this process and all below it that live."""
    this = psutil.Process()
    times = [process.cpu_times() for process in (this, *this.children(recursive=True))]
    return sum(each.user + each.system for each in times)
