"""What a process keeps outside of its results is its user's alone, and goes with it however it ends."""

import os
import signal
import stat
import subprocess
import sys
import time

import psutil
import pytest

from echoseg.io.scratch import own_folder, scratch_folder, sweep_scratch

CHILD = """
import subprocess, sys, time
from echoseg.io.scratch import own_folder, scratch_folder
(scratch_folder() / "000001.dcm").write_text("DOE^JOHN")
left = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", f"{own_folder()}/session"])
print(left.pid, flush=True)
time.sleep(600 if sys.argv[1] == "wait" else 0)
if sys.argv[1] != "wait":
    left.kill()
"""


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    yield tmp_path
    monkeypatch.undo()
    import tempfile

    tempfile.tempdir = None


def test_it_is_the_users_alone_and_a_folder_is_empty_and_new(temporary):
    one, other = scratch_folder(), scratch_folder()
    assert one != other and one.parent == other.parent == own_folder()
    for folder in (one, own_folder(), own_folder().parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_folder_that_somebody_else_made_there_is_not_used(temporary):
    (temporary / f"echoseg-{os.getuid()}").mkdir(mode=0o777)
    os.chmod(temporary / f"echoseg-{os.getuid()}", 0o777)
    assert own_folder().parent != temporary / f"echoseg-{os.getuid()}"
    assert stat.S_IMODE(own_folder().parent.stat().st_mode) == 0o700


def test_what_a_killed_process_left_goes_with_the_next_and_so_do_processes_that_worked_there(temporary):
    with subprocess.Popen([sys.executable, "-c", CHILD, "wait"], stdout=subprocess.PIPE, text=True) as child:
        worker = int(child.stdout.readline())
        mine = scratch_folder()
        assert len(list(temporary.rglob("*.dcm"))) == 1  # alive: it stays
        child.send_signal(signal.SIGKILL)
    sweep_scratch()
    assert list(temporary.rglob("*.dcm")) == [] and mine.is_dir()
    end = time.monotonic() + 10
    while psutil.pid_exists(worker) and psutil.Process(worker).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_process_that_ends_takes_it_with_it(temporary):
    subprocess.run([sys.executable, "-c", CHILD, "end"], check=True, capture_output=True)
    assert [path for path in temporary.rglob("*") if path.is_file() or ".echoseg" in path.name] == []
