"""A worker: one model, one job at a time, every error turned into an answer. The same for a process and for a Ray actor."""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import import_module
from typing import Literal

from echoseg.archive.jobs import Answer, Blocked, Failed, Finished, Identified, Job, Ready
from echoseg.archive.settings import Keep, Settings
from echoseg.archive.stamp import stamp_of
from echoseg.errors import EchosegError, OutputError
from echoseg.io.ceiling import GIB, ceiling, most_bytes
from echoseg.io.memory import is_out_of_memory, limit_memory, memory_share

CLIP_TASK = "echoseg.archive.clip_task:ClipTask"
_FULL = (errno.ENOSPC, errno.EDQUOT)
_LOST = (errno.EIO, errno.ESTALE, errno.ENOTCONN, errno.ENODEV, errno.ENXIO, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ETIMEDOUT)
_PR_SET_PDEATHSIG = 1
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


@dataclass(frozen=True)
class WorkerSpec:
    """What a worker is made of.

    Attributes:
        settings, out, keep: for the task. ``task``: ``module:Class``, called with these three.
        threads: of its arithmetic.
        memory_bytes: what it may allocate; ``share``: its part of the machine that it finds itself on; None: no limit.
        unpacked_bytes: what a compressed input may unpack to.
    """

    settings: Settings
    out: str
    keep: Keep = "rows"
    task: str = CLIP_TASK
    threads: int = 1
    memory_bytes: int | Literal["share"] | None = None
    unpacked_bytes: int = field(default_factory=most_bytes)

    def allowed_bytes(self) -> int | None:
        """``memory_bytes`` as a number, on the machine of the worker that asks."""
        if self.memory_bytes == "share":
            return memory_share(max(1, (os.cpu_count() or 1) // self.threads))
        return self.memory_bytes


class Worker:
    """Loads the task, then does jobs.

    Raises:
        EchosegError: of the model or its weights.
    """

    def __init__(self, spec: WorkerSpec) -> None:
        module, _, name = spec.task.partition(":")
        self._unpacked_gib = spec.unpacked_bytes / GIB
        self._task = getattr(import_module(module), name)(spec.settings, spec.out, spec.keep)
        _limit_threads(spec.threads)
        # The driver of a GPU maps more address space than it uses.
        allowed = spec.allowed_bytes()
        if allowed is not None and self._task.fingerprint().get("device", "cpu") == "cpu":
            limit_memory(allowed)

    def ready(self) -> Ready:
        return Ready(self._task.fingerprint())

    def do(self, job: Job) -> Answer:
        """The answer to a job; never raises an :class:`Exception`."""
        with ceiling(self._unpacked_gib):
            return self._done(job)

    def _done(self, job: Job) -> Answer:
        start = time.perf_counter()
        try:
            if job.what == "identify":
                answer: Answer = Identified(self._task.identify(job.item, job.location))
            else:
                result = getattr(self._task, job.what)(job.item, job.location, job.key)
                answer = Finished(result, time.perf_counter() - start)
            # A result must be that of the content that was identified: from when it was found until now nothing may have happened to it.
            return answer if job.item.stamp is None or stamp_of(job.location) == job.item.stamp else _changed(job)
        except Exception as error:
            return _answer(error, job)


def pin_threads(threads: int) -> None:
    """To be called before torch is imported."""
    for name in _THREADS:
        os.environ[name] = str(threads)
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def die_with_parent() -> None:
    """Lets the system end this process with its parent (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _limit_threads(threads: int) -> None:
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(threads)


def _changed(job: Job) -> Failed:
    told = "the file was changed, or went away, while it was read; the same command does it again once it rests"
    return Failed("changed", f"{job.item.path}: {told}")


def _answer(error: Exception, job: Job) -> Failed | Blocked:
    reason = str(error).replace(job.location, job.item.path)
    numbers = {each.errno for each in _chain(error) if isinstance(each, OSError)}
    if numbers & {*_FULL}:
        return Blocked("disk full", reason)
    if isinstance(error, OutputError):
        return Blocked("output", reason)
    if numbers & {*_LOST}:
        return Blocked("source lost", reason)
    if any(map(is_out_of_memory, _chain(error))):
        return Failed("memory", f"{job.item.path}: needs more memory than a worker may use; give more with --memory-limit")
    if isinstance(error, EchosegError):
        return Failed("input", reason if job.item.path in reason else f"{job.item.path}: {reason}")
    return Failed("unexpected", f"{job.item.path}: unexpected {type(error).__name__}: {reason}")


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
