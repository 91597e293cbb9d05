"""A poisonous item costs itself only, and says why; what is wrong with the disk or the drive stops the run and nothing else."""

import csv
import shutil

import pytest
from fake_run import fake_run

from echoseg.archive.ledger import open_ledger
from echoseg.archive.local import LocalEngine
from echoseg.archive.run import run_archive
from echoseg.archive.settings import Settings
from echoseg.archive.source import open_archive
from echoseg.archive.worker import WorkerSpec
from echoseg.errors import ArchiveError

GOOD = {f"good{i}.dcm": f"ok {40 + i}" for i in range(4)}


def failures(out):
    with (out / "errors.csv").open(newline="") as file:
        return {row["path"]: row for row in csv.DictReader(file)}


def test_every_kind_of_poison_costs_itself_only(make_tree, tmp_path):
    poison = {"a_segfault.dcm": "segfault", "b_abort.dcm": "abort", "c_odd.dcm": "odd", "d_broken.dcm": "broken", "e_hang.dcm": "hang"}
    out = tmp_path / "out"
    done = fake_run(make_tree(GOOD | poison), out, time_limit=2.0)
    assert (done.counts["done"], done.counts["failed"], done.stopped) == (4, 5, None)
    found = failures(out)
    assert {path: row["category"] for path, row in found.items()} == {
        "a_segfault.dcm": "crash",
        "b_abort.dcm": "crash",
        "c_odd.dcm": "unexpected",
        "d_broken.dcm": "input",
        "e_hang.dcm": "hang",
    }
    assert "SIGSEGV" in found["a_segfault.dcm"]["reason"] and "SIGABRT" in found["b_abort.dcm"]["reason"]
    assert "within 2 s" in found["e_hang.dcm"]["reason"]
    assert found["d_broken.dcm"]["reason"] == "d_broken.dcm: the file is damaged; copy it again"
    assert {path: row["attempts"] for path, row in found.items()} == {path: "1" if "broken" in path else "2" for path in poison}


def test_an_item_that_takes_all_memory_fails_in_its_worker_before_the_machine_suffers(make_tree, tmp_path):
    out = tmp_path / "out"
    done = fake_run(make_tree(GOOD | {"big.dcm": "grow"}), out, memory=600 * 2**20, workers=1)
    assert (done.counts["done"], done.counts["failed"]) == (4, 1)
    assert failures(out)["big.dcm"]["category"] == "memory"


def test_what_fails_once_is_tried_again(make_tree, tmp_path):
    done = fake_run(make_tree({"flaky.dcm": "flaky"}), tmp_path / "out", workers=1)
    assert done.counts == {"pending": 0, "running": 0, "done": 1, "failed": 0}


def test_failed_items_stay_so_until_they_are_retried(make_tree, tmp_path):
    tree, out = make_tree({"1.dcm": "broken"}), tmp_path / "out"
    fake_run(tree, out, workers=1)
    (tree / "1.dcm").write_text("ok 50")
    assert fake_run(tree, out, workers=1).counts["failed"] == 1
    with open_ledger(out) as ledger, ledger.transaction():
        assert ledger.retry("crash") == 0 and ledger.retry("input") == 1
    assert fake_run(tree, out, workers=1).counts["done"] == 1
    assert failures(out) == {}


def test_a_full_disk_stops_the_run_and_blames_no_item(make_tree, tmp_path):
    tree, out = make_tree({"1.dcm": "ok 50", "2.dcm": "full", "3.dcm": "ok 60"}), tmp_path / "out"
    stopped = fake_run(tree, out, workers=1)
    assert stopped.stopped is not None and stopped.stopped.startswith("disk full")
    assert stopped.counts == {"pending": 2, "running": 0, "done": 1, "failed": 0}
    (tree / "2.dcm").write_text("ok 55")  # the disk has room again
    assert fake_run(tree, out, workers=1).counts["done"] == 3


def test_a_lost_drive_stops_the_run_and_blames_no_item(make_tree, tmp_path):
    tree, out = make_tree({f"{i}.dcm": f"ok {40 + i}" for i in range(6)}), tmp_path / "out"
    away = tmp_path / "away"

    items = list(open_archive(tree, out).items())
    shutil.move(tree, away)
    tree.mkdir()  # the mount point is there, and empty
    out.mkdir()
    with open_ledger(out, create=True) as ledger, ledger.transaction():
        ledger.add(items)
    stopped = fake_run(tree, out, workers=1)
    assert stopped.stopped is not None and stopped.stopped.startswith("source lost")
    assert stopped.counts == {"pending": 6, "running": 0, "done": 0, "failed": 0}
    tree.rmdir()
    shutil.move(away, tree)
    assert fake_run(tree, out, workers=1).counts["done"] == 6


def test_workers_that_cannot_start_are_an_error_and_not_a_loop(make_tree, tmp_path):
    tree, out = make_tree(GOOD), tmp_path / "out"
    spec = WorkerSpec(Settings(), str(out), task="nonsense_module:Task")
    with pytest.raises(ArchiveError, match="workers do not start"):
        run_archive(open_archive(tree, out), out, lambda: LocalEngine(spec, 1))
    with open_ledger(out) as ledger:
        assert ledger.counts()["failed"] == 0
