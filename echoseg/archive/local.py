"""The local engine: worker processes on this machine, each with pinned threads, which die with their parent."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

import psutil

from echoseg.archive.jobs import Answer, Category, Died, Event, Job
from echoseg.archive.worker import Worker, WorkerSpec, die_with_parent, pin_threads
from echoseg.errors import EchosegError

_WATCH_S = 0.5
_GONE_S = 5.0  # a process that hangs in the kernel (a dead network drive) may outlive its kill


@dataclass
class _Slot:
    process: SpawnProcess
    pipe: Connection
    ready: bool = False


class LocalEngine:
    """See :class:`echoseg.archive.jobs.Engine`. Processes are spawned, not forked: torch and forks do not agree."""

    name = "local"

    def __init__(self, spec: WorkerSpec, slots: int) -> None:
        self._spec, self.slots = spec, slots
        self._context = multiprocessing.get_context("spawn")
        self._slots = {slot: self._started() for slot in range(slots)}

    def submit(self, slot: int, job: Job) -> None:
        try:
            self._slots[slot].pipe.send(job)
        except OSError:  # it has died since; the next poll says so
            return

    def poll(self, seconds: float) -> Sequence[Event]:
        by_pipe = {each.pipe: slot for slot, each in self._slots.items()}
        heard = [by_pipe[pipe] for pipe in wait(list(by_pipe), min(seconds, _WATCH_S)) if isinstance(pipe, Connection)]
        events = [Event(slot, self._heard(slot)) for slot in heard]
        events += [Event(slot, self._replaced(slot, "memory")) for slot in self._slots if slot not in heard and self._too_big(slot)]
        return events

    def kill(self, slot: int) -> None:
        self._replaced(slot)

    def pause(self) -> None:
        """Lets the workers stand still where they are, until they :meth:`go_on`."""
        self._each_process("suspend")

    def go_on(self) -> None:
        self._each_process("resume")

    def close(self) -> None:
        for each in self._slots.values():
            each.process.kill()
        for each in self._slots.values():
            each.process.join(_GONE_S)
            each.pipe.close()

    def _started(self) -> _Slot:
        here, there = self._context.Pipe()
        process = self._context.Process(target=_serve, args=(self._spec, there, os.getpid()), daemon=True)
        process.start()
        there.close()  # so that the pipe ends with the worker
        return _Slot(process, here)

    def _heard(self, slot: int) -> Answer:
        try:
            answer = self._slots[slot].pipe.recv()
        except (EOFError, OSError):
            return self._replaced(slot)
        if isinstance(answer, EchosegError):
            raise answer
        self._slots[slot].ready = True
        return answer

    def _too_big(self, slot: int) -> bool:
        allowed = self._spec.allowed_bytes()
        if allowed is None:
            return False
        try:
            return int(psutil.Process(self._slots[slot].process.pid).memory_info().rss) > allowed
        except psutil.Error:
            return False

    def _each_process(self, what: str) -> None:
        for each in self._slots.values():
            try:
                getattr(psutil.Process(each.process.pid), what)()
            except psutil.Error:  # it has died since; the next poll says so
                continue

    def _replaced(self, slot: int, category: Category = "crash") -> Died:
        """Starts another worker, and says how the old one ended."""
        old = self._slots[slot]
        if category != "crash":
            old.process.kill()
        else:
            old.process.join(0.2)
            old.process.kill()
        old.process.join(_GONE_S)
        code = old.process.exitcode
        old.pipe.close()
        self._slots[slot] = self._started()
        if category == "memory":
            return Died("used more memory than a worker may; give more with --memory-limit", "memory", not old.ready)
        return Died(f"the worker died ({_ending(code)})", "crash", not old.ready)


def _ending(code: int | None) -> str:
    if code is None:
        return "no exit code"
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


def _serve(spec: WorkerSpec, pipe: Connection, parent: int) -> None:
    """The life of a worker process."""
    pin_threads(spec.threads)
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the foreman, who ends the workers
    if os.getppid() != parent:  # died before the system was told to end us with it
        sys.exit(1)
    try:
        worker = Worker(spec)
    except EchosegError as error:
        pipe.send(error)
        return
    pipe.send(worker.ready())
    while True:
        try:
            job = pipe.recv()
        except EOFError:  # the parent is gone: where the system does not end us with it, this does
            return
        pipe.send(worker.do(job))
