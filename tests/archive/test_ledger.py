"""The ledger: items, results and failures, as another reader of SQLite sees them."""

import sqlite3

import pytest
from fake_clips import fake_row

from echoseg.archive.item import Item
from echoseg.archive.jobs import ClipResult
from echoseg.archive.ledger import NAME, open_ledger
from echoseg.archive.tables import write_tables
from echoseg.errors import ArchiveError, OutputError


@pytest.fixture
def ledger(tmp_path):
    with open_ledger(tmp_path, create=True) as opened:
        yield opened


def counts_elsewhere(tmp_path):
    with sqlite3.connect(tmp_path / NAME) as other:
        return other.execute("SELECT (SELECT count(*) FROM items WHERE state = 'done'), (SELECT count(*) FROM results)").fetchone()


def test_a_result_and_its_state_are_seen_together_or_not_at_all(ledger, tmp_path):
    with ledger.transaction():
        ledger.add([Item("1")])
    with pytest.raises(RuntimeError), ledger.transaction():
        ledger.finish(1, "k", ClipResult(fake_row(ef=50.0)), 1.0)
        raise RuntimeError
    assert counts_elsewhere(tmp_path) == (0, 0)
    with ledger.transaction():
        ledger.finish(1, "k", ClipResult(fake_row(ef=50.0)), 1.0)
    assert counts_elsewhere(tmp_path) == (1, 1)


def test_items_are_added_once_and_taken_again_when_the_source_says_something_else(ledger):
    with ledger.transaction():
        ledger.add([Item("1"), Item("2")])
        ledger.finish(1, "k", ClipResult(fake_row()), 1.0)
        ledger.add([Item("1"), Item("2")])
        assert ledger.counts() == {"pending": 1, "running": 0, "done": 1, "failed": 0}
        ledger.add([Item("1", view="A2C")])
    assert ledger.counts()["pending"] == 2


def test_items_that_failed_before_come_last(ledger):
    with ledger.transaction():
        ledger.add([Item("1"), Item("2")])
        run = ledger.start_run("local", 1)
        first = ledger.claim(run)
        ledger.fail(first.number, "crash", "died", final=False)
        assert [ledger.claim(run).item.path, ledger.claim(run).item.path] == ["2", "1"]
        assert ledger.claim(run) is None


def test_copies_share_a_row_under_the_first_path(ledger, tmp_path):
    with ledger.transaction():
        ledger.add([Item("z"), Item("a"), Item("m")])
        ledger.finish(1, "k", ClipResult(fake_row(ef=50.0)), 1.0)
        ledger.finish(2, "k", None, 0.0)
        ledger.finish(3, "other", ClipResult(fake_row(ef=60.0)), 1.0)
    found = list(ledger.results())
    assert [(each.item.path, each.copies, each.result.clip["ef"]) for each in found] == [("a", 1, 50.0), ("m", 0, 60.0)]


def test_many_results_come_in_pages_without_loss(ledger, tmp_path):
    with ledger.transaction():
        ledger.add(Item(f"{i:05}") for i in range(2500))
        for i in range(2500):
            ledger.finish(i + 1, f"k{i}", ClipResult(fake_row()), 1.0)
    assert [each.item.path for each in ledger.results()] == [f"{i:05}" for i in range(2500)]


def test_an_unwritable_ledger_says_so(ledger, tmp_path):
    with ledger.transaction():
        ledger.add([Item("1")])
    ledger._db.execute("PRAGMA max_page_count = 1")  # as on a full disk
    with pytest.raises(OutputError, match="ledger cannot be written"), ledger.transaction():
        ledger.add(Item(f"{i:09}" * 20) for i in range(5000))


def test_another_version_and_another_file_are_refused(ledger, tmp_path):
    with sqlite3.connect(tmp_path / NAME) as other:
        other.execute("UPDATE about SET value = '99' WHERE name = 'version'")
    with pytest.raises(ArchiveError, match="version 99"), open_ledger(tmp_path):
        pass
    elsewhere = tmp_path / "other"
    elsewhere.mkdir()
    with pytest.raises(ArchiveError, match="no archive run"), open_ledger(elsewhere):
        pass
    (elsewhere / NAME).write_text("not a database, but long enough to be one" * 50)
    with pytest.raises(ArchiveError, match="cannot be used"), open_ledger(elsewhere):
        pass


def test_tables_of_nothing_are_empty_tables(ledger, tmp_path):
    assert sorted(path.name for path in write_tables(ledger, tmp_path).values()) == [
        "beats.parquet",
        "clips.parquet",
        "errors.csv",
        "left_out.csv",
        "studies.parquet",
    ]
