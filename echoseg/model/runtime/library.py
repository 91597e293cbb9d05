"""How ONNX Runtime is loaded: told not to tell, and without losing a Ctrl-C to it."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, ModuleType
from typing import cast


def silent_library() -> ModuleType:
    """ONNX Runtime, told not to tell.

    Wheels of it (1.32 is one) report sessions to their maker, and keep an identifier of the machine in the user's cache for it, unless this
    is set before the library is loaded. What it is set to elsewhere does not count: nothing of a patient's study leaves the machine.

    Raises:
        ImportError: it is not installed.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    with signals_waiting():
        import onnxruntime

    onnxruntime.disable_telemetry_events()  # somebody may have loaded it before
    return cast(ModuleType, onnxruntime)


@contextmanager
def signals_waiting() -> Iterator[None]:
    """SIGINT and SIGTERM that arrive inside are answered at the end.

    A module made by pybind11 turns whatever Python raises while it is loaded into "ImportError: initialization failed": a Ctrl-C in that
    tenth of a second would be taken for a library that cannot be used, and the command would go on. Python runs handlers in the main thread
    alone, so that elsewhere there is nothing to wait for.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    arrived: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        arrived.append(number)

    # None is a handler that was not set from Python and cannot be put back
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    held = {number: handler for number, handler in before.items() if handler is not None}
    for number in held:
        signal.signal(number, note)
    try:
        yield
    finally:
        for number, handler in held.items():
            signal.signal(number, handler)
        for late in arrived:
            signal.raise_signal(late)
