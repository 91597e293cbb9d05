"""``run_archive``: a source in, a folder of tables out, however often it is interrupted on the way."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from echoseg.archive.foreman import Foreman, Policy, Progress
from echoseg.archive.jobs import Engine
from echoseg.archive.ledger import Ledger, open_ledger
from echoseg.archive.local import LocalEngine
from echoseg.archive.review import REVIEWED, drawing_jobs
from echoseg.archive.settings import KEEPS, Keep, Settings, check_config
from echoseg.archive.source import ArchiveSource, open_archive
from echoseg.archive.worker import WorkerSpec
from echoseg.errors import ArchiveError, OutputError
from echoseg.io.draft import sweep
from echoseg.io.names import printable
from echoseg.io.scratch import sweep_scratch


@dataclass(frozen=True)
class ArchiveRun:
    """How a run ended. ``counts``: items by state. ``stopped``: why it ended early, or None. ``left_out``: found, and no items."""

    counts: Mapping[str, int]
    stopped: str | None
    left_out: int = 0


def run_archive(
    source: ArchiveSource,
    out: Path,
    make_engine: Callable[[], Engine],
    settings: Settings | None = None,
    policy: Policy | None = None,
    *,
    recompute: bool = False,
    keep: Keep = "rows",
    review: int = REVIEWED,
    progress: Progress | None = None,
) -> ArchiveRun:
    """Processes every item of ``source`` that is not done yet, and writes the tables and report to ``out``.

    Called again after any interruption it goes on; an item that failed for good stays so until it is retried.

    Args:
        source: from :func:`echoseg.archive.source.open_archive`.
        out: folder of the results, made when missing.
        make_engine: starts the workers.
        settings: how clips are processed.
        policy: what is done about failures.
        recompute: replace results that were computed with other settings, weights or code, or kept less than is asked for now; and list
            the items anew where ``source`` is another one.
        keep: what the workers of ``make_engine`` keep of every clip.
        review: how many of the worst clips get pictures.
        progress: see there.

    Raises:
        ArchiveError: another run works in ``out``, results there were computed differently, kept less or are of another source, or workers
            do not start.
        OutputError: ``out`` cannot be written.
        EchosegError: the model or its weights cannot be loaded.
    """
    settings, policy = settings or Settings(), policy or Policy()
    with _only_run(out), open_ledger(out, create=True) as ledger:
        _check_settings(ledger, settings, out, recompute)
        checked = _ConfigCheck(ledger, settings, out, recompute, keep)
        _check_source(ledger, source, out, recompute)
        engine = make_engine()
        try:
            with ledger.transaction():
                run = ledger.start_run(engine.name, engine.slots)
            foreman = Foreman(ledger, engine, source, policy, run, checked, progress)
            with _stopped_by_signals(foreman):
                try:
                    foreman.work()
                    if foreman.stop is None:
                        foreman.draw(drawing_jobs(ledger, source, out, review))
                except OutputError as error:
                    foreman.stop = str(error)
        finally:
            engine.close()
            sweep_scratch()  # of workers, which were killed
        return _finish(ledger, run, foreman.stop, out)


def archive_folder(source: str | Path, out: str | Path, settings: Settings | None = None, workers: int | None = None) -> ArchiveRun:
    """Processes every clip of a folder or manifest in worker processes on this machine, and writes tables and report.html to ``out``.

    Called again after any interruption it goes on. The calling script must not start it when it is imported: the workers import it.

    Args:
        source: see :func:`echoseg.archive.source.open_archive`.
        out: folder of the results, made when missing.
        settings: how clips are processed.
        workers: how many; default: one for each core that this process may use.

    Raises:
        EchosegError: as :func:`run_archive`, or the source is none.
    """
    from echoseg.archive.report import write_cohort_report  # here: it brings matplotlib

    settings, out = settings or Settings(), Path(out).absolute()
    spec = WorkerSpec(settings, str(out))
    done = run_archive(open_archive(source, out, settings.prompt), out, lambda: LocalEngine(spec, worker_count(workers)), settings)
    write_cohort_report(out)
    return done


def _check_settings(ledger: Ledger, settings: Settings, out: Path, recompute: bool) -> None:
    """Other settings are refused before anything is listed: what a source says of its items may depend on the prompt."""
    noted = ledger.config()
    if noted is not None and not recompute:
        mine = settings.config({})
        check_config({name: noted.get(name) for name in mine}, mine, str(out))


def _check_source(ledger: Ledger, source: ArchiveSource, out: Path, recompute: bool) -> None:
    """Paths are relative to the source's root: the same path below another root is another clip."""
    if source.root is None:
        return
    root, noted = printable(os.path.realpath(source.root)), ledger.note("root")
    if noted is not None and noted != root and not recompute:
        raise ArchiveError(
            f"{out}: its items lie in {noted}, not in {root}; use another --out, or --recompute to list them anew (where contents are the "
            "same, so are results: they are not computed again)"
        )
    if noted != root:
        with ledger.transaction():
            if noted is not None:
                ledger.forget_items()
            ledger.set_note("root", root)


class _ConfigCheck:
    """Compares a worker's fingerprint with what the results in the ledger were computed with, and what of clips is kept with what was."""

    def __init__(self, ledger: Ledger, settings: Settings, out: Path, recompute: bool, keep: Keep) -> None:
        self._ledger, self._settings, self._out, self._recompute, self._keep = ledger, settings, out, recompute, keep

    def __call__(self, fingerprint: Mapping[str, Any]) -> None:
        noted, config, kept = self._ledger.config(), self._settings.config(fingerprint), self._ledger.note("keep")
        less = kept is not None and KEEPS.index(kept) < KEEPS.index(self._keep)
        if noted is None or (self._recompute and (noted != config or less)):
            self._ledger.set_config(config)
            kept = None
        else:
            check_config(noted, config, str(self._out))
            if less:
                raise ArchiveError(
                    f"{self._out}: of its clips {kept} were kept, not {self._keep}; use another --out, or --recompute to compute them again"
                )
        self._ledger.set_note("keep", self._keep if kept is None else min(kept, self._keep, key=KEEPS.index))
        self._recompute = False  # from now on workers must agree with each other


@contextmanager
def _only_run(out: Path) -> Iterator[None]:
    """The system releases the lock with the process that holds it, however that ends."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        with FileLock(out / ".lock", timeout=0):
            sweep(out)
            yield
    except Timeout as error:
        raise ArchiveError(f"{out}: another archive run works in this folder; wait for it, or use another --out") from error
    except OSError as error:
        raise OutputError(f"{out}: cannot be written ({error.strerror}); check disk space and folder rights") from error


@contextmanager
def _stopped_by_signals(foreman: Foreman) -> Iterator[None]:
    """SIGTERM (a scheduler's notice) and SIGINT end the run cleanly. Only a main thread can hear them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: object) -> None:
        foreman.stop = f"stopped by {signal.Signals(number).name}"

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _finish(ledger: Ledger, run: int, stopped: str | None, out: Path) -> ArchiveRun:
    """Notes the end; on a full disk the ledger may refuse even that, and the next run sees that this one died."""
    from echoseg.archive.tables import write_tables  # here: what it needs takes longer to import than a run takes to go on

    try:
        with ledger.transaction():
            ledger.end_run(run, stopped)
        write_tables(ledger, out)
    except OutputError as error:
        stopped = stopped or str(error)
    return ArchiveRun(ledger.counts(), stopped, sum(count for _, count in ledger.left_out_counts()))


def worker_count(asked: int | None) -> int:
    """As asked, else one worker for each core that this process may use."""
    if asked is not None:
        return asked
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
