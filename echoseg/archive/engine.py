"""What the foreman needs of whatever does the work: worker processes here, Ray actors elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from echoseg.archive.jobs import Event, Job


class Engine(Protocol):
    """A fixed number of slots, each with a worker that does one job at a time.

    A worker that dies is replaced by itself. Its slot answers :class:`~echoseg.archive.jobs.Ready` once its model is loaded, and takes no
    job before.
    """

    name: str
    slots: int

    def submit(self, slot: int, job: Job) -> None:
        """Gives a job to a ready slot that has none."""

    def poll(self, seconds: float) -> Sequence[Event]:
        """What happened since the last call; waits up to ``seconds`` for something to happen."""

    def kill(self, slot: int) -> None:
        """Ends the worker of a slot at once; no answer comes of its job, and it is replaced."""

    def close(self) -> None:
        """Ends all workers."""
