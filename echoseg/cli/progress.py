"""Progress of a long job: a bar with pace and time left on a terminal, a plain line now and then in a log."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from echoseg.cli.console import messages

Report = Callable[[int, int | None], None]
"""``report(done, total)``: how many units are done and how many there are; None when only the end tells."""

LOG_EVERY_S, LOG_AT_LEAST_EVERY_S = 5.0, 60.0
"""Seconds between lines of a log: at first, and of a long job in the end."""
_SLOWER = 20


class _Pace(ProgressColumn):
    def __init__(self, unit: str) -> None:
        super().__init__()
        self.unit = unit

    def render(self, task: Task) -> Text:
        return Text("" if task.speed is None else f"{task.speed:.3g} {self.unit}/s")


@contextmanager
def job_progress(name: str, unit: str = "frames", console: Console | None = None) -> Iterator[Report]:
    """Shows the progress of one job while the block runs; gives the function to call with ``(done, total)``."""
    console = console or messages()
    if not console.is_terminal:
        yield _log_lines(name, unit, console)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Pace(unit), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(escape(name), total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _duration(seconds: float) -> str:
    """In the unit that a reader would take."""
    for unit, length in (("s", 1), ("min", 60)):
        if seconds < 120 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds / 3600:.0f} h"


def _log_lines(name: str, unit: str, console: Console) -> Report:
    start = last = time.monotonic()

    def report(done: int, total: int | None) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last < min(max(LOG_EVERY_S, (now - start) / _SLOWER), LOG_AT_LEAST_EVERY_S) and done != total:
            return
        last = now
        pace = done / max(now - start, 1e-9)
        left = "" if total is None or done == 0 else f", {_duration((total - done) / pace)} left"
        console.print(f"{name}: {done}/{'?' if total is None else total} {unit}, {pace:.3g} {unit}/s{left}", markup=False, soft_wrap=True)

    return report
