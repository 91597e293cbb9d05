"""The log is only added to, outlives its process, and gives an item to one person."""

import sqlite3
import threading

import numpy as np
import pytest

from echoseg.annotate.frame_mask import FrameMask
from echoseg.annotate.log import EventLog
from echoseg.errors import OutputError


def test_events_are_read_back_as_they_were_added(log):
    masks = [FrameMask.of(2, 1, np.eye(4, dtype=bool), 0.5, 3.0)]
    made = log.append("a", "ana", "prompt", {"frame": 2, "data": [1.5]}, masks)
    log.append("b", "bo", "decision", {"decision": "skip"})
    log.close()
    again = EventLog(log.path)
    assert again.of("a") == [made]
    assert [event.item for event in again.of_kinds(["decision", "prompt"])] == ["a", "b"]
    assert again.of_kinds(["decision", "prompt"], after=made.id)[0].body == {"decision": "skip"}


def test_no_event_can_be_changed_or_deleted(log):
    log.append("a", "ana", "prompt", {})
    other = sqlite3.connect(log.path)
    for statement in ("UPDATE events SET user = 'bo'", "DELETE FROM events"):
        with pytest.raises(sqlite3.IntegrityError, match="only added"):
            other.execute(statement)


def test_a_log_of_a_later_version_is_left_alone(tmp_path):
    EventLog(tmp_path / "x.sqlite").close()
    db = sqlite3.connect(tmp_path / "x.sqlite")
    db.execute("PRAGMA user_version=99")
    db.close()
    with pytest.raises(OutputError, match="later version"):
        EventLog(tmp_path / "x.sqlite")
    (tmp_path / "text.sqlite").write_text("no database, " * 100)
    with pytest.raises(OutputError, match="cannot be opened"):
        EventLog(tmp_path / "text.sqlite")


def test_two_people_never_hold_one_item(log):
    assert log.lease("a", "ana", 60) is None
    held = log.lease("a", "bo", 60)
    assert held is not None
    assert held[0] == "ana"
    assert log.lease("a", "ana", 60) is None
    log.release("a", "bo")  # not his
    assert log.leases() == {"a": "ana"}
    log.release("a", "ana")
    assert log.lease("a", "bo", 60) is None


def test_a_lease_that_has_ended_is_free(log):
    assert log.lease("a", "ana", -1) is None
    assert log.leases() == {}
    assert log.lease("a", "bo", 60) is None


def test_of_many_at_once_through_two_processes_doors_one_gets_the_item(log):
    other = EventLog(log.path)
    got = []
    barrier = threading.Barrier(8)

    def ask(number):
        barrier.wait()
        if (log, other)[number % 2].lease("a", f"user {number}", 60) is None:
            got.append(number)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 1
    other.close()
