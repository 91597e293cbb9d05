"""Items are found in a thread of its own: a slow drive keeps no worker waiting, and ten million files are not listed first."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator

from echoseg.archive.item import Item

_AHEAD = 10_000
_BATCH = 1_000


class Discovery:
    """Runs ``items`` in a thread.

    Attributes:
        finished: every item has been taken.
    """

    def __init__(self, items: Callable[[], Iterator[Item]]) -> None:
        self.finished = False
        self._found: queue.Queue[Item | Exception | None] = queue.Queue(_AHEAD)
        self._stop = threading.Event()
        threading.Thread(target=self._run, args=(items,), daemon=True, name="archive-discovery").start()

    def take(self) -> list[Item]:
        """What has been found since, up to a batch.

        Raises:
            EchosegError: of the source, once everything found before has been taken.
        """
        batch: list[Item] = []
        while len(batch) < _BATCH and not self.finished:
            try:
                found = self._found.get_nowait()
            except queue.Empty:
                break
            if isinstance(found, Exception):
                if batch:
                    self._found.put(found)  # there is room: nothing comes after it
                    break
                self.finished = True
                raise found
            if found is None:
                self.finished = True
            else:
                batch.append(found)
        return batch

    def close(self) -> None:
        self._stop.set()

    def _run(self, items: Callable[[], Iterator[Item]]) -> None:
        try:
            for item in items():
                self._put(item)
                if self._stop.is_set():
                    return
            self._put(None)
        except Exception as error:  # raised where the items are taken
            self._put(error)

    def _put(self, found: Item | Exception | None) -> None:
        while not self._stop.is_set():
            try:
                self._found.put(found, timeout=0.5)
                return
            except queue.Full:
                continue
