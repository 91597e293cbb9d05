"""What an archive has seen of a file is asked again: when it is found anew, and after the work; and names of any bytes are carried."""

import csv
import os
import sqlite3

import pyarrow.parquet as pq
import pytest
from fake_run import fake_run

from echoseg.archive.jobs import Failed, Finished, Job
from echoseg.archive.ledger import open_ledger
from echoseg.archive.settings import Settings
from echoseg.archive.source import open_archive
from echoseg.archive.worker import Worker, WorkerSpec
from echoseg.errors import ArchiveError


def rows(out, name="errors.csv"):
    with (out / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def ef(out):
    return {row["path"]: row["ef"] for row in pq.read_table(out / "clips.parquet").to_pylist()}


def test_a_file_that_was_replaced_or_deleted_after_it_was_done_is_noticed(make_tree, tmp_path):
    tree, out = make_tree({"a.dcm": "ok 50", "b.dcm": "ok 60", "c.dcm": "ok 70"}), tmp_path / "out"
    fake_run(tree, out, workers=1)
    (tree / "a.dcm").write_text("ok 31")
    (tree / "b.dcm").unlink()
    assert fake_run(tree, out, workers=1).counts["done"] == 3
    assert ef(out) == {"a.dcm": 31.0, "b.dcm": 60.0, "c.dcm": 70.0}
    assert [(row["path"], row["category"]) for row in rows(out)] == [("b.dcm", "gone")]
    assert "b.dcm" in (out / "errors.csv").read_text() and "result is kept" in rows(out)[0]["reason"]
    (tree / "b.dcm").write_text("ok 60")
    fake_run(tree, out, workers=1)
    assert rows(out) == []


def test_an_empty_mount_point_makes_nothing_gone(make_tree, tmp_path):
    tree, out = make_tree({"a.dcm": "ok 50"}), tmp_path / "out"
    fake_run(tree, out, workers=1)
    (tree / "a.dcm").unlink()
    fake_run(tree, out, workers=1)
    assert rows(out) == []


@pytest.mark.parametrize("what", ["changed", "deleted", "same"])
def test_a_result_of_a_file_that_changed_while_it_was_read_is_none(make_tree, tmp_path, what):
    tree = make_tree({"a.dcm": "ok 50"})
    source = open_archive(tree, tmp_path / "out")
    (item,) = source.items()
    worker = Worker(WorkerSpec(Settings(), str(tmp_path / "out"), task="fake_clips:FakeTask"))
    if what == "changed":
        (tree / "a.dcm").write_text("ok 99 0")
    job = source.job("process", 1, item, "key")
    if what == "deleted":
        worker._task.ok = lambda *_: os.unlink(tree / "a.dcm")
    answer = worker.do(job)
    assert isinstance(answer, Finished if what == "same" else Failed)
    assert what == "same" or (answer.category == "changed" and answer.reason.startswith("a.dcm: the file was changed"))
    assert isinstance(job, Job)


def test_a_link_out_of_the_source_is_left_out_and_one_within_is_read(make_tree, tmp_path):
    tree, out = make_tree({"a.dcm": "ok 50", "b/c.dcm": "ok 60"}), tmp_path / "out"
    (tmp_path / "secret.dcm").write_text("ok 99")
    (tree / "out.dcm").symlink_to(tmp_path / "secret.dcm")
    (tree / "in.dcm").symlink_to(tree / "b" / "c.dcm")
    fake_run(tree, out, workers=1)
    assert sorted(ef(out).values()) == [50.0, 60.0]
    assert [(row["path"], row["reason"]) for row in rows(out, "left_out.csv")] == [
        ("out.dcm", "a link that leads out of the source, which is not followed")
    ]


def test_names_of_any_bytes_are_carried(make_tree, tmp_path):
    tree, out = make_tree({"=a.dcm": "broken", "ok.dcm": "ok 60"}), tmp_path / "out"
    base = os.fsencode(tree)
    for name, text in ((b"M\xfcller.dcm", b"ok 40"), (b"br\xf6ken\x1b.dcm", b"broken"), (b"\xff.txt", b"")):
        with open(base + b"/" + name, "wb") as file:
            file.write(text)
    counts = {"pending": 0, "running": 0, "done": 2, "failed": 2}
    assert fake_run(tree, out, workers=1).counts == counts
    assert ef(out) == {"M\\xfcller.dcm": 40.0, "ok.dcm": 60.0}
    assert sorted(row["path"] for row in rows(out)) == ["'=a.dcm", "br\\xf6ken\\x1b.dcm"]
    assert [row["path"] for row in rows(out, "left_out.csv")] == ["\\xff.txt"]
    assert fake_run(tree, out, workers=1).counts == counts
    with open_ledger(out) as ledger:
        assert "M\udcfcller.dcm" in [result.item.path for result in ledger.results()]


def test_the_database_of_another_program_is_no_ledger_and_stays_as_it_is(make_tree, tmp_path):
    (tmp_path / "out").mkdir()
    with sqlite3.connect(tmp_path / "out" / "ledger.sqlite") as other:
        other.execute("CREATE TABLE patients (name TEXT)")
    before = (tmp_path / "out" / "ledger.sqlite").read_bytes()
    with pytest.raises(ArchiveError, match="another program"):
        fake_run(make_tree({"a.dcm": "ok 50"}), tmp_path / "out")
    assert (tmp_path / "out" / "ledger.sqlite").read_bytes() == before


@pytest.mark.parametrize("kind", ["pipe", "folder", "text", "no version"])
def test_what_is_no_ledger_says_so(tmp_path, kind):
    path = tmp_path / "ledger.sqlite"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "text":
        path.write_text("no database, but some text that is longer than a header of one would be, which is a hundred bytes long")
    else:
        with open_ledger(tmp_path, create=True) as ledger, ledger.transaction():
            ledger._db.execute("DELETE FROM about")
    with pytest.raises(ArchiveError, match="ledger"), open_ledger(tmp_path):
        pass
