"""An engine without processes: one worker, in the test's own, so that it may take any model."""

from dataclasses import replace

import torch

from echoseg.archive.jobs import Event
from echoseg.archive.worker import Worker


class InlineEngine:
    name, slots = "inline", 1

    def __init__(self, spec, slots=1):
        # What limits a worker would limit every test after this one.
        self._worker = Worker(replace(spec, memory_bytes=None, threads=torch.get_num_threads()))
        self._events = [Event(0, self._worker.ready())]

    def submit(self, slot, job):
        self._events.append(Event(slot, self._worker.do(job)))

    def poll(self, seconds):
        events, self._events = self._events, []
        return events

    def kill(self, slot):
        raise AssertionError("no item here should take so long")

    def close(self):
        pass
