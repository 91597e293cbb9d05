"""Reading ahead: a background thread decodes the next frames while the caller works on the current one."""

from __future__ import annotations

import queue
import threading
import weakref
from collections.abc import Generator, Iterator
from typing import Generic, TypeVar

Item = TypeVar("Item")


def prefetch(items: Iterator[Item], depth: int = 4) -> Generator[Item, None, None]:
    """The items of ``items``, at most ``depth`` of them produced ahead by a background thread.

    An exception in ``items`` is raised here, after the items before it. The thread starts with the first item asked
    for, and ends when ``items`` ends, when this generator is closed, or when nobody holds it any more; ``items`` is
    then closed by the thread that ran it.

    Args:
        items: an iterator that no other thread uses.
        depth: how many items may wait; with the one in work this bounds memory at ``depth + 1`` items.
    """
    ready: queue.SimpleQueue[tuple[Item | None, BaseException | None]] = queue.SimpleQueue()
    room = threading.Semaphore(depth)
    stop = threading.Event()
    worker = threading.Thread(target=_produce, args=(items, ready, room, stop), name="echoseg-prefetch", daemon=True)
    worker.start()
    try:
        while True:
            item, error = ready.get()
            if isinstance(error, StopIteration):
                return
            if error is not None:
                raise error
            yield item  # type: ignore[misc]  # None only together with an error
            del item  # while the caller works, this frame must not count twice
            room.release()
    finally:
        stop.set()
        room.release()  # wakes a worker that waits for room
        worker.join()


def _produce(
    items: Iterator[Item],
    ready: queue.SimpleQueue[tuple[Item | None, BaseException | None]],
    room: threading.Semaphore,
    stop: threading.Event,
) -> None:
    try:
        while True:
            room.acquire()
            if stop.is_set():
                return
            ready.put((next(items), None))
    except BaseException as error:  # the reader is the one to tell, StopIteration included
        ready.put((None, error))
    finally:
        if hasattr(items, "close"):
            items.close()


class Readers(Generic[Item]):
    """The open readers of one source, so that closing the source ends their threads."""

    def __init__(self) -> None:
        self._open: weakref.WeakSet[Generator[Item, None, None]] = weakref.WeakSet()

    def ahead(self, items: Iterator[Item]) -> Iterator[Item]:
        """``items`` through :func:`prefetch`; ends at :meth:`close`."""
        reader = prefetch(items)
        self._open.add(reader)
        return reader

    def close(self) -> None:
        """End every reader still open. Idempotent."""
        for reader in list(self._open):
            reader.close()
        self._open.clear()
