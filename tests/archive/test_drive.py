"""A drive that is gone is told from files that are."""

import os
from types import SimpleNamespace

from echoseg.archive import drive
from echoseg.archive.drive import Place, is_gone, place_of


def test_deleted_files_and_folders_are_no_lost_drive(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    place = place_of(str(tmp_path / "a" / "b" / "clip.dcm"))
    assert place is not None and not is_gone(place)
    (tmp_path / "a" / "b").rmdir()
    (tmp_path / "a").rmdir()
    assert not is_gone(place)


def test_what_is_left_on_another_device_is_a_mount_point_without_its_drive(tmp_path):
    here = os.stat(tmp_path).st_dev
    assert is_gone(Place(str(tmp_path), here + 1))
    assert is_gone(Place(str(tmp_path / "study" / "1"), here + 1))


def test_a_stale_drive_is_gone(monkeypatch):
    def stale(path):
        raise OSError(116, "Stale file handle")

    monkeypatch.setattr(drive, "os", SimpleNamespace(stat=stale, path=os.path))
    assert is_gone(Place("/nas/study", 1)) and place_of("/nas/study/clip.dcm") is None
