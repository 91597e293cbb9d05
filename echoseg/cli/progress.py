"""Progress of a long job: a bar with frames/s and time left on a terminal, a plain line now and then in a log."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from echoseg.cli.console import messages

Report = Callable[[int, int | None], None]
"""``report(done, total)``: frames done so far and their number, None when only the end tells."""

LOG_EVERY_S = 5.0


class _FramesPerSecond(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text("" if task.speed is None else f"{task.speed:.1f} frames/s")


@contextmanager
def frame_progress(name: str, console: Console | None = None) -> Iterator[Report]:
    """Shows the progress of one input while the block runs; gives the function that takes ``(done, total)``."""
    console = console or messages()
    if not console.is_terminal:
        yield _log_lines(name, console)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _FramesPerSecond(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(name, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _log_lines(name: str, console: Console) -> Report:
    start = last = time.monotonic()

    def report(done: int, total: int | None) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last < LOG_EVERY_S and done != total:
            return
        last = now
        rate = done / max(now - start, 1e-9)
        left = "" if total is None or done == 0 else f", {(total - done) / rate:.0f} s left"
        console.print(f"{name}: {done}/{'?' if total is None else total} frames, {rate:.1f} frames/s{left}", markup=False, soft_wrap=True)

    return report
