"""A folder of results replaces earlier results of its name and nothing else."""

import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from echoseg.errors import OutputError
from echoseg.io.result_folder import result_folder, result_name


def results(folder, name="clip", schema="urn:echoseg:measurements:1"):
    folder.mkdir(parents=True)
    (folder / "measurements.json").write_text(json.dumps({"schema": schema, "source": {"name": name}}))
    (folder / "old.txt").write_text("old")
    for path in folder.iterdir():  # as they were published
        os.utime(path, ns=(10**18, 10**18))
    return folder


def published(out, keep=(), overwrite=True):
    with result_folder(out, "clip", overwrite, keep) as folder:
        (folder.draft / "measurements.json").write_text('{"schema": "urn:echoseg:measurements:1", "source": {"name": "clip"}}')
        return folder.publish()


def contents(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_earlier_results_of_the_name_are_replaced(tmp_path):
    results(tmp_path / "clip")
    assert published(tmp_path) == tmp_path / "clip"
    assert contents(tmp_path) == ["clip/measurements.json"]


def test_a_folder_that_holds_no_results_of_that_name_is_never_replaced(tmp_path):
    (tmp_path / "clip").mkdir()
    (tmp_path / "clip" / "frame.png").write_text("mine")
    assert published(tmp_path) == tmp_path / "clip-2"
    assert published(tmp_path) == tmp_path / "clip-2"  # these were results
    assert contents(tmp_path) == ["clip-2/measurements.json", "clip/frame.png"]


@pytest.mark.parametrize("record", [{"name": "clip-7"}, {"schema": "urn:other:measurements:1"}, {"schema": None}])
def test_results_of_another_name_or_program_are_never_replaced(tmp_path, record):
    results(tmp_path / "clip", **record)
    assert published(tmp_path) == tmp_path / "clip-2"
    assert (tmp_path / "clip" / "old.txt").exists()


@pytest.mark.parametrize("text", ["", "{", "[]", "5", '{"schema": "urn:echoseg:measurements:1"}', "\udcff"])
def test_a_folder_with_another_record_has_no_result_name(tmp_path, text):
    (tmp_path / "measurements.json").write_bytes(text.encode(errors="surrogateescape"))
    assert result_name(tmp_path) is None


@pytest.mark.parametrize("inside", ["", "masks.nii.gz", "frames/0.png", "gone.txt"])
def test_what_is_to_be_kept_is_not_replaced(tmp_path, monkeypatch, inside):
    monkeypatch.chdir(tmp_path)
    results(tmp_path / "out" / "clip")
    assert published(Path("out"), keep=["elsewhere", f"out/clip/{inside}"]) == Path("out/clip-2")
    assert (tmp_path / "out" / "clip" / "old.txt").exists()


def test_links_hide_nothing_that_is_to_be_kept(tmp_path):
    folder = results(tmp_path / "out" / "clip")
    (tmp_path / "film").write_text("frames")
    (tmp_path / "to_results").symlink_to(folder)
    (folder / "to_film").symlink_to(tmp_path / "film")
    assert published(tmp_path / "out", keep=[tmp_path / "to_results" / "old.txt"]).name == "clip-2"
    assert published(tmp_path / "out", keep=[folder / "to_film", tmp_path / "out" / "clip-2"]).name == "clip-3"


def test_a_link_in_the_place_of_results_is_not_followed(tmp_path):
    results(tmp_path / "elsewhere")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "clip").symlink_to(tmp_path / "elsewhere")
    assert published(tmp_path / "out").name == "clip-2"
    assert (tmp_path / "elsewhere" / "old.txt").exists()


@pytest.mark.parametrize("failure", [OSError("busy"), KeyboardInterrupt()])
def test_an_interruption_before_the_new_folder_is_in_place_leaves_the_old_one(tmp_path, monkeypatch, failure):
    results(tmp_path / "clip")
    rename = Path.rename
    monkeypatch.setattr("echoseg.io.result_folder.exchanged", lambda one, other: False)

    def fails(path, target):
        if path.name.startswith(".echoseg-clip-"):
            raise failure
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", fails)
    with pytest.raises((OutputError, KeyboardInterrupt)):
        published(tmp_path)
    assert contents(tmp_path) == ["clip/measurements.json", "clip/old.txt"]


def test_the_old_folder_is_deleted_only_once_the_new_one_is_in_place(tmp_path, monkeypatch):
    results(tmp_path / "clip")
    seen = []

    def rmtree(path, **_):
        seen.append(sorted(os.listdir(tmp_path / "clip")))

    monkeypatch.setattr(shutil, "rmtree", rmtree)
    published(tmp_path)
    assert seen[0] == ["measurements.json"]


@pytest.mark.parametrize("at_once", [True, False])
def test_results_change_places_in_one_step_or_two(tmp_path, monkeypatch, at_once):
    if not at_once:
        monkeypatch.setattr("echoseg.io.result_folder.exchanged", lambda one, other: False)
    results(tmp_path / "clip")
    assert published(tmp_path) == published(tmp_path) == tmp_path / "clip"
    assert os.listdir(tmp_path) == ["clip"]


def test_a_run_that_died_between_two_renames_is_recovered_by_the_next(tmp_path):
    results(tmp_path / "clip").rename(tmp_path / ".clip-replaced-0123abcd")
    results(tmp_path / "other")
    results(tmp_path / ".other-replaced-0123abcd", name="other")
    (tmp_path / ".mine-replaced-0123abcd").mkdir()
    with result_folder(tmp_path, "third", False):
        assert contents(tmp_path / "clip") == ["measurements.json", "old.txt"]
    assert sorted(os.listdir(tmp_path)) == [".mine-replaced-0123abcd", "clip", "other"]


@pytest.mark.parametrize("change", ["note", "mask", "link"])
def test_a_file_that_somebody_put_among_results_or_changed_is_kept(tmp_path, change):
    folder = results(tmp_path / "clip")
    if change == "note":
        (folder / "note.txt").write_text("look at the apex")
    elif change == "mask":
        (folder / "old.txt").write_text("corrected")
    else:
        (folder / "link").symlink_to(tmp_path)
    assert published(tmp_path) == tmp_path / "clip-2"
    assert published(tmp_path) == tmp_path / "clip-2"
    assert (folder / "old.txt").exists()


def test_a_draft_of_a_dead_run_goes_and_that_of_a_live_one_stays(tmp_path):
    (tmp_path / ".echoseg-clip-0123abcd").mkdir()
    (tmp_path / ".echoseg-clip-0123abcd" / "masks.nii.gz").write_text("half")
    (tmp_path / ".mine-0123abcd").mkdir()
    with result_folder(tmp_path, "one", False) as first, result_folder(tmp_path, "two", False) as second:
        assert sorted(os.listdir(tmp_path)) == sorted([first.draft.name, second.draft.name, ".mine-0123abcd"])
    assert os.listdir(tmp_path) == [".mine-0123abcd"]


def test_runs_that_overwrite_each_other_leave_one_result_and_nothing_else(tmp_path):
    results(tmp_path / "clip")
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: published(tmp_path), range(64))) == {tmp_path / "clip"}
    assert os.listdir(tmp_path) == ["clip"]


def test_a_pipe_in_the_place_of_a_record_is_no_result(tmp_path):
    (tmp_path / "clip").mkdir()
    os.mkfifo(tmp_path / "clip" / "measurements.json")
    assert result_name(tmp_path / "clip") is None
    assert published(tmp_path) == tmp_path / "clip-2"
