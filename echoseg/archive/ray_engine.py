"""The Ray engine: an actor for each slot, on any machine of a cluster, with its own model.

Items go out as paths and come back as rows, so that the object store stays small; a slot holds one job, so that nothing queues up. Ray
restarts no actor and repeats no task here: the foreman does, and the ledger knows of it.
"""

from __future__ import annotations

import importlib.util
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from echoseg.archive.jobs import Answer, Died, Event, Job
from echoseg.archive.worker import WorkerSpec
from echoseg.errors import ArchiveError, EchosegError
from echoseg.io.scratch import empty, end_processes_in, own_folder

_STORE_BYTES = 100 * 2**20  # Ray would take 30 % of the memory


class RayEngine:
    """See :class:`echoseg.archive.jobs.Engine`.

    Args:
        spec: of the workers; its folders must be reachable under the same path from every machine.
        slots: actors.
        address: of a running cluster, or ``auto``; None: Ray is started on this machine, and ended with the run.
        gpus: GPU share of an actor, such as 0.25.

    Raises:
        ArchiveError: Ray is not installed, or there is no cluster at ``address``.
    """

    name = "ray"

    def __init__(self, spec: WorkerSpec, slots: int, *, address: str | None = None, gpus: float = 0.0) -> None:
        if importlib.util.find_spec("ray") is None:
            raise ArchiveError("the engine ray needs Ray: pip install 'echoseg[ray]', or use --engine local")
        if address is None:  # whoever reaches Ray's ports may run code: on one machine they are the loopback's. Read when Ray is imported
            os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
        import ray

        self._ray, self._spec, self.slots = ray, spec, slots
        self._own = not ray.is_initialized()
        self._folder: Path | None = None
        if self._own:
            os.environ.setdefault("RAY_worker_niceness", "0")  # Ray's default of 15 starves workers on a machine that is busy
            own_machine: dict[str, Any] = {"num_cpus": slots * spec.threads, "object_store_memory": _STORE_BYTES}
            # Sessions hold paths and reasons of failures, and Ray lets everybody read them. Unix sockets there allow no long path.
            self._folder = None if address else own_folder(Path("/tmp") if os.name == "posix" else None)
            own_machine |= {"include_dashboard": False, "_temp_dir": str(self._folder)}
            try:
                ray.init(address=address or "local", log_to_driver=False, logging_level=logging.ERROR, **({} if address else own_machine))
            except (ConnectionError, RuntimeError, ValueError) as error:
                raise ArchiveError(f"no Ray cluster could be used at {address or 'this machine'}: {error}") from error
        self._actor_class = ray.remote(num_cpus=spec.threads, num_gpus=gpus, max_restarts=0, max_task_retries=0)(_Actor)
        self._actors: dict[int, Any] = {}
        self._asked: dict[Any, int] = {}
        self._up: set[int] = set()
        for slot in range(slots):
            self._start(slot)

    def submit(self, slot: int, job: Job) -> None:
        self._asked[self._actors[slot].do.remote(job)] = slot

    def poll(self, seconds: float) -> Sequence[Event]:
        # One at a time, or all that are there: waiting for more would keep slots idle.
        ready, _ = self._ray.wait(list(self._asked), num_returns=1, timeout=seconds)
        if ready:
            ready, _ = self._ray.wait(list(self._asked), num_returns=len(self._asked), timeout=0)
        return [Event(slot, self._answer(reference, slot)) for reference in ready for slot in [self._asked.pop(reference)]]

    def kill(self, slot: int) -> None:
        self._asked = {reference: other for reference, other in self._asked.items() if other != slot}
        self._ray.kill(self._actors[slot])
        self._start(slot)

    def close(self) -> None:
        for actor in self._actors.values():
            self._ray.kill(actor)
        if self._own:
            self._ray.shutdown()
            if self._folder is not None:
                end_processes_in(self._folder)  # agents outlive the shutdown
                empty(self._folder)

    def _start(self, slot: int) -> None:
        self._up.discard(slot)
        self._actors[slot] = self._actor_class.remote(self._spec)
        self._asked[self._actors[slot].ready.remote()] = slot

    def _answer(self, reference: Any, slot: int) -> Answer:
        try:
            answer: Answer = self._ray.get(reference)
        except self._ray.exceptions.RayTaskError as error:  # of loading the model: it would fail everywhere
            if isinstance(error.cause, EchosegError):
                raise error.cause from error
            return self._gone(slot, str(error.cause))
        except self._ray.exceptions.RayError as error:
            return self._gone(slot, str(error).strip().splitlines()[0])
        self._up.add(slot)
        return answer

    def _gone(self, slot: int, reason: str) -> Died:
        was_up = slot in self._up
        self._start(slot)
        return Died(f"the worker died ({reason})", "crash", not was_up)


class _Actor:
    """A worker in a process of Ray's."""

    def __init__(self, spec: WorkerSpec) -> None:
        from echoseg.archive.worker import Worker, pin_threads

        pin_threads(spec.threads)
        self._worker = Worker(spec)

    def ready(self) -> Any:
        return self._worker.ready()

    def do(self, job: Job) -> Any:
        return self._worker.do(job)
