"""What counts as an item, in what order, and what the source says of it."""

import itertools
import threading
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fake_clips import TASK
from inline_engine import InlineEngine

from echoseg.archive.discovery import Discovery
from echoseg.archive.item import Item
from echoseg.archive.ledger import open_ledger
from echoseg.archive.manifest import read_manifest
from echoseg.archive.run import run_archive
from echoseg.archive.settings import Settings
from echoseg.archive.source import ArchiveSource, open_archive
from echoseg.archive.worker import WorkerSpec
from echoseg.errors import SourceError


def paths(root, out="/nowhere"):
    return [item.path for item in open_archive(root, Path(out)).items()]


def test_a_tree_gives_every_file_that_may_be_a_clip_in_order_and_broken_ones_too(make_tree):
    root = make_tree(
        {"b/2.dcm": "", "b/1.avi": "junk", "a/notes.txt": "x", "a/noise": "x", ".hidden/1.dcm": "", "c/.dot.dcm": "", "c/r.json": ""}
    )
    np.save(root / "a" / "clip", np.zeros((3, 32, 32), np.uint8))
    (root / "a" / "clip.npy").rename(root / "a" / "IM_0001")  # known by its content
    assert paths(root) == ["a/IM_0001", "b/1.avi", "b/2.dcm"]


def test_images_of_a_folder_are_one_clip(make_tree):
    assert paths(make_tree({"s/f/1.png": "", "s/f/2.png": "", "s/x.dcm": ""})) == ["s/x.dcm", "s/f"]


def test_results_within_the_source_are_left_out(make_tree):
    root = make_tree({"1.dcm": "", "out/clips/2.dcm": ""})
    assert paths(root, root / "out") == ["1.dcm"]


def test_the_walk_does_not_list_what_nobody_has_asked_for(make_tree, monkeypatch):
    root = make_tree({f"{i:03}/1.dcm": "" for i in range(50)})
    import os

    listed = []
    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", lambda folder: listed.append(folder) or scandir(folder))
    items = open_archive(root, Path("/nowhere")).items()
    listed.clear()
    assert len(list(itertools.islice(items, 3))) == 3
    assert len(listed) == 4  # the root, and three folders


def test_what_is_found_before_an_error_is_not_lost():
    def items():
        yield Item("1")
        yield Item("2")
        raise SourceError("the drive is gone")

    discovery, found = Discovery(items), []
    with pytest.raises(SourceError, match="gone"):
        while not discovery.finished:
            found += discovery.take()
    assert [item.path for item in found] == ["1", "2"]


def test_what_changes_about_an_item_while_it_is_worked_on_is_not_lost(make_tree, tmp_path):
    tree, out = make_tree({"1.dcm": "ok 50"}), tmp_path / "out"
    out.mkdir()
    given_out, listed = threading.Event(), threading.Event()

    def items():
        given_out.wait()
        yield Item("1.dcm", view="A4C")
        listed.set()

    class Waiting(InlineEngine):
        def submit(self, slot, job):
            super().submit(slot, job)
            given_out.set()

        def poll(self, seconds):
            if given_out.is_set():
                listed.wait()
            return super().poll(seconds)

    with open_ledger(out, create=True) as ledger, ledger.transaction():
        ledger.add([Item("1.dcm", view="A2C")])
    source = ArchiveSource("folder", tree, items)
    done = run_archive(source, out, lambda: Waiting(WorkerSpec(Settings(), str(out), task=TASK)), review=0)
    assert (done.stopped, done.counts["done"]) == (None, 1)
    with open_ledger(out) as ledger:
        assert [result.item for result in ledger.results()] == [Item("1.dcm", view="A4C")]


def test_manifests_in_csv_and_parquet_say_the_same(tmp_path):
    (tmp_path / "m.csv").write_text(
        "\ufeffPath,study,patient,view,sex,height,weight,prompt,EF,remark\na.dcm,s1,p1,4CH,female,170,60.5,auto:LV,55,x\nb.dcm,,,,,,,,,\n"
    )
    table = {"path": ["a.dcm", "b.dcm"], "study": ["s1", None], "patient": ["p1", None], "view": ["A4C", None], "sex": ["F", None]}
    table |= {"height_cm": [170.0, float("nan")], "weight_kg": [60.5, None], "prompt": ["auto:LV", None], "ef_truth": [55, None]}
    pq.write_table(pa.table(table), tmp_path / "m.parquet")
    expected = [Item("a.dcm", "s1", "p1", "A4C", "F", 170.0, 60.5, prompt="auto:LV", ef_truth=55.0), Item("b.dcm")]
    assert list(read_manifest(tmp_path / "m.csv")) == expected == list(read_manifest(tmp_path / "m.parquet"))


def test_a_box_in_columns_is_a_prompt(tmp_path):
    (tmp_path / "m.csv").write_text("path,x0,y0,x1,y1,prompt_frame\na,1,2,30.5,40,3\nb,1,2,30,40,\nc,,,,,\n")
    assert [item.prompt for item in read_manifest(tmp_path / "m.csv")] == ["box:1,2,30.5,40@3", "box:1,2,30,40@0", None]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,study\n,s\n", "row 2: no path"),
        ("study\ns\n", "no column 'path'"),
        ("path\na\na\n", "row 3: a is named twice"),
        ("path,height\na,-3\n", "row 2, height_cm: '-3' is not a positive number"),
        ("path,sex\na,x\n", "row 2, sex: 'x' is neither M nor F"),
        ("path,view\na,PLAX\n", "row 2, view: 'PLAX' is neither"),
        ("path,ef,EF_truth\na,3,4\n", "two columns mean ef_truth"),
        ("path,x0,y0,x1\na,3,4,5\n", "row 2: a box needs a number in each"),
        ("path,x0,y0,x1,y1,prompt_frame\na,1,2,3,4,0.5\n", "row 2: a box needs"),
        ("path,x0,y0,x1,y1,prompt\na,1,2,3,4,auto\n", "row 2: a prompt and a box"),
    ],
)
def test_an_unusable_manifest_names_row_and_column(tmp_path, text, message):
    (tmp_path / "m.csv").write_text(text)
    with pytest.raises(SourceError, match=message):
        list(read_manifest(tmp_path / "m.csv"))


def test_echonet_dynamic_is_recognised_with_its_truth(make_tree):
    root = make_tree({"FileList.csv": "FileName,EF,Split\n0X1,61.5,TRAIN\n0X2.avi,,TEST\n", "Videos/0X1.avi": "", "Videos/0X2.avi": ""})
    source = open_archive(root, Path("/nowhere"))
    assert source.kind == "EchoNet-Dynamic"
    assert list(source.items()) == [
        Item("Videos/0X1.avi", study="0X1", view="A4C", ef_truth=61.5),
        Item("Videos/0X2.avi", study="0X2", view="A4C"),
    ]


def test_camus_is_recognised_and_its_sequences_come_before_its_stills(make_tree):
    info = "Sex: F\nLVef: 63.2\n"
    names = ("2CH_half_sequence.nii.gz", "2CH_ED.nii.gz", "4CH_ED.nii.gz", "4CH_ES.nii.gz", "4CH_ED_gt.nii.gz")
    files = {f"patient0001/patient0001_{name}": "" for name in names} | {f"patient0001/Info_{v}.cfg": info for v in ("2CH", "4CH")}
    source = open_archive(make_tree(files), Path("/nowhere"))
    assert source.kind == "CAMUS"
    facts = [(item.path.removeprefix("patient0001/patient0001_"), item.view, item.kind, item.ef_truth) for item in source.items()]
    assert facts == [
        ("2CH_half_sequence.nii.gz", "A2C", "clip", 63.2),
        ("4CH_ED.nii.gz", "A4C", None, None),
        ("4CH_ES.nii.gz", "A4C", None, None),
    ]


def test_a_single_file_or_nothing_is_no_archive(tmp_path):
    (tmp_path / "clip.dcm").touch()
    with pytest.raises(SourceError, match="single file"):
        open_archive(tmp_path / "clip.dcm", tmp_path)
    with pytest.raises(SourceError, match="no such folder"):
        open_archive(tmp_path / "nothing", tmp_path)
