"""Drafts ahead of the annotators: one worker of the archive, that stands still while somebody works."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Literal

from echoseg.annotate.desk import Desk
from echoseg.annotate.draft_task import DRAFT_TASK
from echoseg.annotate.drafts import note_draft, note_failure
from echoseg.annotate.items import StudioItem
from echoseg.archive.jobs import Died, Failed, Finished, Job, Ready
from echoseg.archive.local import LocalEngine
from echoseg.archive.settings import Settings
from echoseg.archive.worker import WorkerSpec
from echoseg.errors import EchosegError

_POLL_S = 0.25


class Drafting:
    """Drafts the items of a desk's project in a thread of its own, in the user's order.

    Args:
        desk: whose sessions come first.
        settings: as of an archive run.
        make_engine: starts the worker.

    Attributes:
        current: the item in work.
    """

    def __init__(self, desk: Desk, settings: Settings, make_engine: Callable[[WorkerSpec], LocalEngine] | None = None) -> None:
        self._desk, self._spec = desk, WorkerSpec(settings, str(desk.project.folder), task=DRAFT_TASK)
        self._make_engine = make_engine or (lambda spec: LocalEngine(spec, 1))
        self._closed = threading.Event()
        self.current: str | None = None
        self._paused = False
        self._thread = threading.Thread(target=self._run, daemon=True, name="studio-drafting")

    def start(self) -> Drafting:
        self._thread.start()
        return self

    @property
    def state(self) -> Literal["running", "paused", "idle", "off"]:
        """What it does now."""
        if not self._thread.is_alive():
            return "off"
        if self._paused:
            return "paused"
        return "idle" if self.current is None else "running"

    def close(self) -> None:
        self._closed.set()
        if self._thread.is_alive():
            self._thread.join(10)

    def _run(self) -> None:
        engine: LocalEngine | None = None
        try:
            while not self._closed.wait(_POLL_S):
                if self._desk.busy:
                    self._paused = True
                    continue
                self._paused = False
                item = self._next()
                if item is None:
                    continue
                if engine is None:
                    engine = self._make_engine(self._spec)
                    if not self._ready(engine):
                        return
                self.current = item.id
                self._draft(engine, item)
                self.current = None
        except EchosegError:  # the model cannot be loaded by the worker either: the sessions say so
            return
        finally:
            self.current = None
            if engine is not None:
                engine.close()

    def _next(self) -> StudioItem | None:
        project, taken = self._desk.project, self._desk.project.log.leases()
        for item, state in project.queue("given"):
            if state.draft == "none" and state.decision is None and item.id not in taken:
                return item
        return None

    def _ready(self, engine: LocalEngine) -> bool:
        while not self._closed.is_set():
            for event in engine.poll(_POLL_S):
                if isinstance(event.answer, Ready):
                    return True
                if isinstance(event.answer, Died) and event.answer.starting:
                    return False
        return False

    def _draft(self, engine: LocalEngine, item: StudioItem) -> None:
        project, sha256 = self._desk.project, self._desk.model.weights.sha256
        engine.submit(0, Job("process", item.number, item.item, item.location))
        while not self._closed.is_set():
            paused = self._desk.busy
            if paused != self._paused:
                self._paused = paused
                engine.pause() if paused else engine.go_on()
            for event in engine.poll(_POLL_S):
                answer = event.answer
                if isinstance(answer, Finished) and answer.result is not None:
                    note_draft(project, item, answer.result, answer.seconds, sha256)
                    return
                if isinstance(answer, Failed | Died):
                    note_failure(project, item, answer.reason, sha256)
                    if isinstance(answer, Died) and not self._ready(engine):
                        self._closed.set()
                    return
