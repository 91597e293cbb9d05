"""Progress in a log and on a terminal."""

import io

from rich.console import Console

from echoseg.cli import progress
from echoseg.cli.progress import job_progress


def test_a_log_gets_a_line_now_and_then_and_one_at_the_end(monkeypatch):
    clock = iter([0.0, 1.0, 5.0, 6.0, 10.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    text = io.StringIO()
    with job_progress("a.dcm", "frames", Console(file=text, width=200)) as report:
        for done in (10, 50, 60, 100):
            report(done, 100)
    assert text.getvalue().splitlines() == [
        "a.dcm: 50/100 frames, 10 frames/s, 5 s left",
        "a.dcm: 100/100 frames, 10 frames/s, 0 s left",
    ]


def test_the_log_of_a_weekend_has_a_line_a_minute_and_hours_left(monkeypatch):
    seconds = iter(range(0, 8 * 3600 + 2, 2))
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(seconds))
    text = io.StringIO()
    with job_progress("archive", "clips", Console(file=text, width=200)) as report:
        for done in range(1, 4 * 3600 + 1):
            report(done, 4 * 3600 * 10)
    lines = text.getvalue().splitlines()
    assert 450 < len(lines) < 600
    assert lines[0] == "archive: 3/144000 clips, 0.5 clips/s, 80 h left" and lines[-1].endswith("72 h left")


def test_a_log_of_unknown_length_has_no_time_left(monkeypatch):
    clock = iter([0.0, 8.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    text = io.StringIO()
    with job_progress("[live]", "steps", Console(file=text, width=200)) as report:
        report(16, None)
    assert text.getvalue() == "[live]: 16/? steps, 2 steps/s\n"


def test_a_terminal_gets_a_bar():
    text = io.StringIO()
    with job_progress("a[4c].dcm", "frames", Console(file=text, width=100, force_terminal=True)) as report:
        report(3, 12)
    assert "a[4c].dcm" in text.getvalue()
    assert "3/12" in text.getvalue()
