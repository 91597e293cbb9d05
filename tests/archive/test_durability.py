"""Killed at any moment, an archive run goes on and ends with what an uninterrupted one gives."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pyarrow.parquet as pq
import pytest
from fake_run import fake_run

from echoseg.archive.ledger import open_ledger
from echoseg.archive.source import open_archive
from echoseg.errors import ArchiveError

HERE = Path(__file__).parent
TABLES = ("clips.parquet", "beats.parquet", "studies.parquet", "errors.csv")
KILLS = 6


def start(source, out):
    return subprocess.Popen([sys.executable, HERE / "fake_run.py", source, out], stdout=subprocess.DEVNULL)


def wait_for(condition, seconds=60.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)


def done(out):
    try:
        with open_ledger(out) as ledger:
            return sum(ledger.counts()[state] for state in ("done", "failed"))
    except ArchiveError:
        return 0


@pytest.fixture
def clips():
    """Sixty items: forty-eight different good ones, six copies, six broken ones."""
    good = {f"s{i % 7}/clip{i:02}.dcm": f"ok {20 + i} 0.05" for i in range(48)}
    return good | {f"copies/{i}.dcm": f"ok {20 + i} 0.05" for i in range(6)} | {f"s{i}/broken.dcm": "broken" for i in range(6)}


@pytest.mark.timeout(300)
def test_killed_at_random_moments_it_ends_with_the_same_tables_and_repeats_only_what_was_in_flight(make_tree, clips, tmp_path):
    tree, straight, killed = make_tree(clips), tmp_path / "one" / "out", tmp_path / "two" / "out"
    for out in (straight, killed):
        out.parent.mkdir()
    assert fake_run(tree, straight).counts == {"pending": 0, "running": 0, "done": 54, "failed": 6}

    moments = random.Random(7)
    for _ in range(KILLS):
        before, process = done(killed), start(tree, killed)
        wait_for(lambda process=process, before=before: done(killed) > before + moments.randrange(6) or process.poll() is not None)
        time.sleep(moments.uniform(0, 0.1))
        process.kill()
        process.wait()
    assert fake_run(tree, killed).counts["done"] == 54

    for name in TABLES:
        assert (killed / name).read_bytes() == (straight / name).read_bytes(), name
    attempts = (killed.parent / "attempts.log").read_text().splitlines()
    different = 48 + 6  # a copy is never processed
    assert different <= len(attempts) <= different + 2 * KILLS  # two workers: two in flight at each kill


@pytest.mark.skipif(sys.platform != "linux", reason="the system ends workers with their parent on Linux")
def test_workers_die_with_their_parent(make_tree, tmp_path):
    tree, out = make_tree({f"{i}.dcm": f"ok {i} 30" for i in range(2)}), tmp_path / "out"
    process = start(tree, out)
    wait_for(lambda: out.exists() and (tmp_path / "attempts.log").exists() and len((tmp_path / "attempts.log").read_text().split()) == 2)
    workers = psutil.Process(process.pid).children(recursive=True)
    assert len(workers) >= 2
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert psutil.wait_procs(workers, timeout=10)[1] == []


def test_what_a_dead_run_held_is_taken_up_at_once(make_tree, tmp_path):
    tree, out = make_tree({"1.dcm": "ok 50"}), tmp_path / "out"
    out.mkdir()
    with open_ledger(out, create=True) as ledger, ledger.transaction():
        ledger.add(open_archive(tree, out).items())
        assert ledger.claim(ledger.start_run("local", 1)) is not None
    start_s = time.monotonic()
    assert fake_run(tree, out, workers=1).counts["done"] == 1
    assert time.monotonic() - start_s < 30


def test_sigterm_stops_cleanly_and_the_same_command_goes_on(make_tree, tmp_path):
    tree, out = make_tree({f"{i}.dcm": f"ok {i} 0.2" for i in range(8)}), tmp_path / "out"
    process = start(tree, out)
    wait_for(lambda: done(out) >= 2)
    process.terminate()
    assert process.wait(timeout=30) == 0
    with open_ledger(out) as ledger:
        assert ledger.counts()["running"] == 0 and ledger.runs()[0].stopped == "stopped by SIGTERM"
    assert pq.read_metadata(out / "clips.parquet").num_rows >= 2
    assert fake_run(tree, out).counts["done"] == 8


def test_another_run_in_the_same_folder_is_refused(make_tree, tmp_path):
    tree, out = make_tree({"1.dcm": "ok 50 30"}), tmp_path / "out"
    process = start(tree, out)
    try:
        wait_for((tmp_path / "attempts.log").exists)
        with pytest.raises(ArchiveError, match="another archive run"):
            fake_run(tree, out)
    finally:
        process.kill()
        process.wait()


def test_the_same_paths_in_another_source_are_not_taken_for_the_same_clips(make_tree, tmp_path):
    tree, out, other = make_tree({"1.dcm": "ok 50", "2.dcm": "ok 60"}), tmp_path / "out", tmp_path / "other"
    fake_run(tree, out, workers=1)
    shutil.copytree(tree, other)
    (other / "2.dcm").write_text("ok 70")
    with pytest.raises(ArchiveError, match="its items lie in .*tree, not in .*other"):
        fake_run(other, out, workers=1)
    fake_run(other, out, workers=1, recompute=True)
    assert pq.read_table(out / "clips.parquet")["ef"].to_pylist() == [50.0, 70.0]
    assert (tmp_path / "attempts.log").read_text().split() == ["1.dcm", "2.dcm", "2.dcm"]  # what is the same is not computed again


def test_asking_for_more_of_every_clip_than_was_kept_is_not_passed_over(make_tree, tmp_path):
    tree, out = make_tree({"1.dcm": "ok 50"}), tmp_path / "out"
    fake_run(tree, out, workers=1)
    with pytest.raises(ArchiveError, match="rows were kept, not frames"):
        fake_run(tree, out, workers=1, keep="frames")
    for keep in ("frames", "frames", "rows"):  # the same command goes on, and less is no trouble
        fake_run(tree, out, workers=1, keep=keep, recompute=True)
    assert len((tmp_path / "attempts.log").read_text().split()) == 2


def test_other_weights_are_noticed_and_never_mixed_in(make_tree, tmp_path):
    tree, out = make_tree({"1.dcm": "ok 50"}), tmp_path / "out"
    fake_run(tree, out, "a" * 64, workers=1)
    (tree / "2.dcm").write_text("ok 60")
    with pytest.raises(ArchiveError, match="weights_sha256 was aaaaaaaaaaaa..., now bbbbbbbbbbbb"):
        fake_run(tree, out, "b" * 64, workers=1)
    assert done(out) == 1
    again = fake_run(tree, out, "b" * 64, workers=1, recompute=True)
    assert again.counts["done"] == 2
    assert (tmp_path / "attempts.log").read_text().split().count("1.dcm") == 2
