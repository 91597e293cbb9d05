"""The Ray engine gives the local engine's tables, also when one of its workers is killed on the way."""

import importlib.util
import os
import signal
import sys
import threading
import time

import psutil
import pytest
from fake_run import fake_run

from echoseg.archive.ray_engine import RayEngine
from echoseg.errors import ArchiveError

TABLES = ("clips.parquet", "beats.parquet", "studies.parquet", "errors.csv")


def test_without_ray_the_engine_says_what_to_install(monkeypatch, make_tree, tmp_path):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ArchiveError, match=r"pip install 'echoseg\[ray\]'"):
        fake_run(make_tree({"1.dcm": "ok 50"}), tmp_path / "out", engine=RayEngine)


def ray_workers():
    """The processes that hold an actor."""
    return [child for child in psutil.Process().children(recursive=True) if "_Actor" in " ".join(child.cmdline())]


def addresses():
    """Where this process and those below it listen."""
    family = [psutil.Process(), *psutil.Process().children(recursive=True)]
    return {found.laddr.ip for process in family for found in process.net_connections("tcp") if found.status == psutil.CONN_LISTEN}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_tables_are_those_of_the_local_engine_and_a_killed_worker_loses_nothing(make_tree, tmp_path, monkeypatch):
    if importlib.util.find_spec("ray") is None:  # not imported here: the engine must be the first to do so
        pytest.skip("Ray is not installed: pip install 'echoseg[ray]'")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))  # where Ray's workers find the fake task
    tree = make_tree({f"clip{i:02}.dcm": f"ok {20 + i} 0.2" for i in range(24)} | {"x.dcm": "broken", "z.dcm": "segfault"})
    local, ray = tmp_path / "local" / "out", tmp_path / "ray" / "out"
    for out in (local, ray):
        out.parent.mkdir()
    fake_run(tree, local)
    killed, heard = [], set()

    def kill_one():
        while not (ray.parent / "attempts.log").exists():
            time.sleep(0.05)
        heard.update(addresses())
        worker = ray_workers()[0]
        os.kill(worker.pid, signal.SIGKILL)
        killed.append(worker.pid)

    thread = threading.Thread(target=kill_one, daemon=True)
    thread.start()
    done = fake_run(tree, ray, engine=RayEngine)
    thread.join(5)
    assert killed and done.counts == {"pending": 0, "running": 0, "done": 24, "failed": 2}
    assert heard <= {"127.0.0.1", "::ffff:127.0.0.1", "::1"}  # whoever reaches Ray may run code
    for name in TABLES[:3]:
        assert (ray / name).read_bytes() == (local / name).read_bytes(), name
    rows = [line.split(",")[:2] for line in (ray / "errors.csv").read_text().splitlines()]
    assert rows == [["path", "category"], ["x.dcm", "input"], ["z.dcm", "crash"]]
