"""Killed at random moments, by any signal: nothing is lost, and the next one finds nothing left behind that it does not remove.

A few kills of each kind by default; ``ECHOSEG_KILLS=40 pytest -m slow tests/archive/test_kills.py`` makes forty of each kind.
"""

import importlib.util
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from fake_run import fake_run

from echoseg.archive.ledger import open_ledger
from echoseg.errors import ArchiveError

KILLS = int(os.environ.get("ECHOSEG_KILLS", "3"))
SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
TABLES = ("clips.parquet", "beats.parquet", "studies.parquet", "errors.csv")
HERE = Path(__file__).parent
_OWNED = re.compile(r"(/\S*/echoseg-\d+/\.echoseg-r-[0-9a-f]{8})/")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(7200), pytest.mark.skipif(sys.platform != "linux", reason="Linux ends what is left")]


def killed(command, environment, ready, moments, longest):
    """Starts, waits until ``ready``, and up to ``longest`` seconds more, and ends it by one of the signals."""
    with subprocess.Popen(command, env={**os.environ, **environment}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        family = []
        while not ready() and process.poll() is None:
            time.sleep(0.02)
        time.sleep(moments.uniform(0, longest))
        if process.poll() is None:
            family = psutil.Process(process.pid).children(recursive=True)
            process.send_signal(moments.choice(SIGNALS))
    return family


def files_in(folder):
    return [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]


def orphans():
    """Processes that work in a folder whose owner has gone."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        owned = _OWNED.search(" ".join(process.info["cmdline"] or ()))
        if owned and not os.path.isdir(owned[1]):
            found.append(process)
    return found


def test_a_run_that_is_killed_keeps_its_results_and_leaves_nothing(tmp_path):
    clips = np.random.default_rng(0).integers(0, 255, (2, 12, 64, 64), dtype=np.uint8)
    for name, clip in zip("ab", clips, strict=True):
        np.save(tmp_path / f"{name}.npy", clip)
    out, temporary = tmp_path / "out", tmp_path / "tmp"
    temporary.mkdir()
    environment = {"TMPDIR": str(temporary)}
    command = [sys.executable, "-m", "echoseg", "run", tmp_path / "a.npy", tmp_path / "b.npy", "--out", out]
    command = [*map(str, command), "--overwrite", "--prompt", "box:9,9,50,50", "--device", "cpu"]
    subprocess.run(command, check=True, env={**os.environ, **environment}, capture_output=True)
    whole = sorted(files_in(out))
    moments = random.Random(3)
    for _ in range(KILLS):
        before = set(out.glob(".echoseg-*"))
        killed(command, environment, lambda before=before: set(out.glob(".echoseg-*")) - before, moments, 1.5)
        for name in "ab":
            assert json.loads((out / name / "measurements.json").read_text())["source"]["name"] == name
        assert sorted(path for path in files_in(out) if not path.startswith(".")) == whole
    subprocess.run(command, check=True, env={**os.environ, **environment}, capture_output=True)
    assert sorted(files_in(out)) == whole and sorted(os.listdir(out)) == ["a", "b"]
    assert files_in(temporary) == []


@pytest.mark.parametrize("engine", ["local", "ray"])
def test_an_archive_that_is_killed_ends_with_the_same_tables_and_leaves_nothing(make_tree, tmp_path, monkeypatch, engine):
    if engine == "ray" and importlib.util.find_spec("ray") is None:
        pytest.skip("Ray is not installed: pip install 'echoseg[ray]'")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(HERE), *sys.path]))
    count = 12 + 3 * KILLS
    tree = make_tree({f"{i:03}.dcm": f"ok {20 + i % 60} 0.3 {i}" for i in range(count)} | {"x.dcm": "broken"})
    straight, out = tmp_path / "one" / "out", tmp_path / "two" / "out"
    for folder in (straight, out):
        folder.parent.mkdir()
    fake_run(tree, straight)

    def done():
        try:
            with open_ledger(out) as ledger:
                return ledger.counts()["done"]
        except ArchiveError:
            return 0

    command = [sys.executable, str(HERE / "fake_run.py"), str(tree), str(out), *(["ray"] if engine == "ray" else [])]
    moments = random.Random(5)
    for _ in range(KILLS):
        before = done()
        family = killed(command, {}, lambda before=before: done() > before, moments, 0.6)
        assert psutil.wait_procs([process for process in family if "fake_run" in " ".join(_line(process))], timeout=20)[1] == []
    subprocess.run(command, check=True, capture_output=True)
    for name in TABLES:
        assert (out / name).read_bytes() == (straight / name).read_bytes(), name
    assert [name for name in os.listdir(out) if name.startswith(".") and name != ".lock"] == []
    end = time.monotonic() + 20
    while orphans() and time.monotonic() < end:
        time.sleep(0.2)
    assert orphans() == []


def _line(process):
    try:
        return process.cmdline()
    except psutil.Error:
        return []
