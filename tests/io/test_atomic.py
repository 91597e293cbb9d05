import os

import pytest

from echoseg.errors import OutputError
from echoseg.io.atomic import atomic_path
from echoseg.io.draft import draft_file, sweep


def test_the_file_appears_when_the_block_ends_and_not_before(tmp_path):
    target = tmp_path / "result.json"
    with atomic_path(target) as temporary:
        temporary.write_text("new")
        assert not target.exists()
        assert temporary.parent == target.parent
    assert target.read_text() == "new"
    assert os.listdir(tmp_path) == ["result.json"]


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path):
    target = tmp_path / "result.json"
    target.write_text("old")
    with pytest.raises(ZeroDivisionError), atomic_path(target) as temporary:
        temporary.write_text("half")
        raise ZeroDivisionError
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["result.json"]


@pytest.mark.parametrize(("name", "suffix"), [("masks.nii.gz", ".nii.gz"), ("overlay.mp4", ".mp4"), ("plain", "")])
def test_the_temporary_name_keeps_the_suffixes(tmp_path, name, suffix):
    with atomic_path(tmp_path / name) as temporary:
        temporary.touch()
        assert temporary.name.endswith(suffix)


def test_a_missing_folder_is_an_output_error(tmp_path):
    with pytest.raises(OutputError, match="does not exist"), atomic_path(tmp_path / "no" / "a.txt"):
        pass


def test_a_block_that_writes_nothing_is_an_output_error(tmp_path):
    with pytest.raises(OutputError, match=r"a\.txt"), atomic_path(tmp_path / "a.txt"):
        pass


def test_a_full_disk_is_an_output_error(tmp_path):
    with pytest.raises(OutputError, match="space"), atomic_path(tmp_path / "a.txt"):
        raise OSError(28, "No space left on device")
    assert os.listdir(tmp_path) == []


def test_the_file_of_a_dead_process_is_swept_and_that_of_a_live_one_stays(tmp_path):
    live = draft_file(tmp_path / "errors.csv")
    dead = tmp_path / live.name.replace(f"-{os.getpid()}.", "-4194999.")
    foreign = tmp_path / ".0123456789ab.00000000-4194999.tmp.csv"
    for path in (live, dead, foreign, tmp_path / ".tmp.csv"):
        path.touch()
    sweep(tmp_path)
    assert sorted(os.listdir(tmp_path)) == sorted([live.name, foreign.name, ".tmp.csv"])
