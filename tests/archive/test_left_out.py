"""What an archive finds adds up: it is done, failed or left out, and each has a reason."""

import csv
from pathlib import Path

from fake_run import fake_run
from hypothesis import given, settings
from hypothesis import strategies as st

from echoseg.archive.ledger import open_ledger
from echoseg.archive.report import write_cohort_report
from echoseg.archive.source import open_archive

NAMES = ("a.dcm", "b.avi", "notes.txt", "noise", ".hidden", "1.2.840.5", "deep/c.dcm", "deep/f.png", "x.zip", "empty")


def found(root, out="/nowhere"):
    return {item.path: item.left_out for item in open_archive(root, Path(out)).found()}


def bare_dicom():
    """The first elements of a data set without preamble, explicit little endian."""
    elements = ((8, 5, b"CS", b"ISO_IR 100"), (8, 8, b"CS", b"ORIGINAL"), (8, 0x16, b"UI", b"1.2.840.10008\0"), (8, 0x60, b"CS", b"US"))
    return b"".join(g.to_bytes(2, "little") + e.to_bytes(2, "little") + vr + len(v).to_bytes(2, "little") + v for g, e, vr, v in elements)


@settings(max_examples=20, deadline=None)
@given(names=st.sets(st.sampled_from(NAMES)))
def test_every_file_is_an_item_or_left_out_with_a_reason(tmp_path_factory, names):
    root = tmp_path_factory.mktemp("tree")
    for name in names:
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes(bare_dicom() if name == "1.2.840.5" else b"" if name == "empty" else b"x")
    told = found(root)
    assert set(told) == {name.replace("deep/f.png", "deep") for name in names}
    assert {name for name, reason in told.items() if reason} == names & {"notes.txt", "noise", ".hidden", "x.zip"}


def test_a_medium_has_its_images_and_its_index_is_left_out(make_tree):
    root = make_tree({"PT0/IM0.dcm": ""})
    (root / "DICOMDIR").write_bytes(bytes(128) + b"DICM" + bytes(400))
    assert found(root) == {"DICOMDIR": "the index of a medium", "PT0/IM0.dcm": None}


def test_a_preview_beside_dicom_is_left_out(make_tree):
    root = make_tree({"preview.jpg": ""})
    (root / "IM0").write_bytes(bare_dicom())
    assert found(root) == {"preview.jpg": "a picture beside DICOM files", "IM0": None}


def test_links_that_are_not_followed_are_said(make_tree):
    root = make_tree({"a/1.dcm": ""})
    (root / "again").symlink_to(root / "a")
    (root / "gone.dcm").symlink_to(root / "nothing")
    assert found(root) == {"again": "a link to a folder, which is not followed", "gone.dcm": "a link that leads nowhere", "a/1.dcm": None}


def test_videos_that_a_list_does_not_name_are_left_out(make_tree):
    root = make_tree({"FileList.csv": "FileName,EF,Split\n0X1,61.5,TRAIN\n", "Videos/0X1.avi": "", "Videos/0X2.avi": ""})
    told = found(root)
    assert (told["Videos/0X1.avi"], told["Videos/0X2.avi"]) == (None, "FileList.csv does not name it")


def test_counts_close_in_table_report_and_result(make_tree, tmp_path):
    tree, out = make_tree({"1.dcm": "ok 50", "2.dcm": "input", "notes.txt": "x", "read.me": "x"}), tmp_path / "out"
    done = fake_run(tree, out, workers=1)
    assert (done.counts["done"], done.counts["failed"], done.left_out) == (1, 1, 2)
    with (out / "left_out.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["path"] for row in rows] == ["notes.txt", "read.me"] and all(row["reason"] for row in rows)
    page = write_cohort_report(out).read_text()
    assert "files found" in page and ".txt: no format of clips: 1" in page
    with open_ledger(out) as ledger:
        assert dict(ledger.left_out()).keys() == {"notes.txt", "read.me"}


def test_a_tree_of_clips_leaves_nothing_out(make_tree, tmp_path):
    assert fake_run(make_tree({"1.dcm": "ok 50"}), tmp_path / "out", workers=1).left_out == 0
