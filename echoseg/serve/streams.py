"""Propagation as a stream of JSON lines, from a thread of its own: who stops listening stops it, who listens slowly delays nobody."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

from echoseg.annotate.desk import Sitting
from echoseg.errors import EchosegError
from echoseg.serve.answers import error_answer, told

_EVERY = 10
_SHARE = 0.2  # of the time, at most, goes into measures on the way


def line(value: dict[str, Any]) -> bytes:
    """One line of an ``application/x-ndjson`` body."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def mask_lines(sitting: Sitting, first: int, stop: int | None) -> Iterator[bytes]:
    """The masks that stand on frames ``first`` up to ``stop``."""
    live = sitting.live
    size = live.looking.source.size
    for (frame, _), mask in sorted(live.state.masks.items()):
        if first <= frame and (stop is None or frame < stop):
            yield line({"type": "mask", **mask.sent(size)})
    yield line({"type": "done", "masks_version": live.version})


async def spread_lines(sitting: Sitting, visible: int) -> AsyncIterator[bytes]:
    """The masks of a propagation as they are found, measures on the way, and an end."""
    loop, lines, stop = asyncio.get_running_loop(), asyncio.Queue[bytes | None](), threading.Event()

    def put(value: bytes | None) -> None:
        try:
            loop.call_soon_threadsafe(lines.put_nowait, value)
        except RuntimeError:  # the server is closing
            stop.set()

    threading.Thread(target=_work, args=(sitting, visible, put, stop), daemon=True, name="studio-spread").start()
    try:
        while (value := await lines.get()) is not None:
            together = [value]
            while not lines.empty() and len(together) < 64:
                more = lines.get_nowait()
                if more is None:
                    yield b"".join(together)
                    return
                together.append(more)
            yield b"".join(together)
    finally:
        stop.set()


def _work(sitting: Sitting, visible: int, put: Any, stop: threading.Event) -> None:
    try:
        for value in _lines(sitting, visible, stop):
            put(line(value))
    except EchosegError as error:
        body = json.loads(bytes(error_answer(error, (sitting.item.location, sitting.item.name)).body))
        put(line({"type": "error", **body["error"]}))
    except Exception as error:  # a client must hear of an end, whatever happened
        put(line({"type": "error", "code": "internal", "message": f"unexpected {type(error).__name__}"}))
        raise
    finally:
        put(None)


def _lines(sitting: Sitting, visible: int, stop: threading.Event) -> Iterator[dict[str, Any]]:
    live = sitting.live
    size, begun = live.looking.source.size, time.perf_counter()
    count, cost, last = 0, 0.0, begun
    masks = live.spread(sitting.user, visible)
    try:
        for mask in masks:
            yield {"type": "mask", **mask.sent(size)}
            count += 1
            now = time.perf_counter()
            if count % _EVERY == 0 and (now - last) * _SHARE >= cost:
                yield {"type": "measure", "measures": live.measures()}
                last = time.perf_counter()
                cost = last - now
            if stop.is_set():
                break
    finally:
        masks.close()  # type: ignore[attr-defined]
    if not stop.is_set():
        measures = live.measures()
        yield {"type": "measure", "measures": measures}
        seconds = round(time.perf_counter() - begun, 3)
        cancelled = live.history.state().stale
        yield {"type": "done", "cancelled": cancelled, "frames": count, "seconds": seconds, "session": told(sitting), "measures": measures}
