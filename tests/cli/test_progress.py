"""Progress in a log and on a terminal."""

import io

from rich.console import Console

from echoseg.cli import progress
from echoseg.cli.progress import frame_progress


def test_a_log_gets_a_line_now_and_then_and_one_at_the_end(monkeypatch):
    clock = iter([0.0, 1.0, 5.0, 6.0, 10.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    text = io.StringIO()
    with frame_progress("a.dcm", Console(file=text, width=200)) as report:
        for done in (10, 50, 60, 100):
            report(done, 100)
    assert text.getvalue().splitlines() == [
        "a.dcm: 50/100 frames, 10.0 frames/s, 5 s left",
        "a.dcm: 100/100 frames, 10.0 frames/s, 0 s left",
    ]


def test_a_log_of_unknown_length_has_no_time_left(monkeypatch):
    clock = iter([0.0, 8.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    text = io.StringIO()
    with frame_progress("[live]", Console(file=text, width=200)) as report:
        report(16, None)
    assert text.getvalue() == "[live]: 16/? frames, 2.0 frames/s\n"


def test_a_terminal_gets_a_bar():
    text = io.StringIO()
    with frame_progress("a.dcm", Console(file=text, width=100, force_terminal=True)) as report:
        report(3, 12)
    assert "3/12" in text.getvalue()
