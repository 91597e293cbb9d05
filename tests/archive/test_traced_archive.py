"""What an archive run shares with ``echoseg run``: tracings as prompts, the reader of video files, memory selection."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from fake_run import fake_run
from inline_engine import InlineEngine
from typer.testing import CliRunner

from echoseg.archive import clip_task, local
from echoseg.archive.clip_task import ClipTask
from echoseg.archive.item import Item
from echoseg.archive.ledger import open_ledger
from echoseg.archive.run import run_archive
from echoseg.archive.settings import Settings
from echoseg.archive.source import open_archive
from echoseg.cli.main import app
from echoseg.datasets.echonet import cavity, read_traced_folder
from echoseg.errors import ArchiveError, PromptError, SourceError
from echoseg.options import MemorySelection
from echoseg.pipeline import analyse
from echoseg.prompting.tracings import tracings_plan
from tests.evaluation.traced_folders import traced_frames, write_traced

FRAMES, SIZE = 16, 64


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder and its two clips; a third video without EF and tracing (a copy of the first), a fourth traced beyond its end, and a fifth
    of which line 2 of the tracings is malformed."""
    root = tmp_path_factory.mktemp("sets") / "echonet"
    clips = write_traced(root, 2, FRAMES, SIZE)
    for name in ("BARE", "LATE", "BROKEN"):
        (root / "Videos" / f"{name}.avi").write_bytes((root / "Videos" / "SIM0.avi").read_bytes())
    with (root / "FileList.csv").open("a") as file:
        file.write("BARE,,VAL\nLATE,50,VAL\nBROKEN,50,VAL\n")
    header, *rows = (root / "VolumeTracings.csv").read_text().splitlines()
    late = [f"LATE.avi,1,{y},9,{y},{FRAMES}" for y in (1, 1, 5)]
    (root / "VolumeTracings.csv").write_text("\n".join([header, "BROKEN.avi,1,1,?,1,0", *rows, *late, ""]))
    return root, clips


@pytest.fixture
def inline(monkeypatch):
    """The worker is in this process."""
    monkeypatch.setattr(local, "LocalEngine", InlineEngine)


@pytest.fixture
def any_model(inline, monkeypatch, micro_model):
    """Every name loads the micro model."""
    monkeypatch.setattr(clip_task, "load_model", lambda *names, **chosen: micro_model)


def echoseg(*words):
    return CliRunner().invoke(app, ["archive", *[str(word) for word in words]])


def items(root, prompt):
    return {Path(item.path).stem: item for item in open_archive(root, Path("/nowhere"), prompt).items()}


def plan(root, number=0, which="ED"):
    video = read_traced_folder(root).videos[number]
    return tracings_plan({frame: cavity(outline, (SIZE, SIZE)) for frame, outline in video.outlines.items()}, which)


def test_each_clip_is_segmented_from_its_own_tracing_and_has_its_ef_beside_the_folder_s(made, tmp_path, inline):
    root, clips = made
    words = ("--prompt", "tracings", "--reader", "opencv", "--memory-selection", "0.4,-1", "--keep", "all", "--review", 0)
    done = echoseg(root, "--out", tmp_path, *words)
    assert done.exit_code == 1, done.output
    rows = pq.read_table(tmp_path / "clips.parquet").to_pylist()
    assert [row["path"] for row in rows] == ["Videos/SIM0.avi", "Videos/SIM1.avi"]
    assert [row["ef_truth"] for row in rows] == pytest.approx([clip.truth.ef for clip in clips], abs=1e-3)
    selection = MemorySelection(0.4, -1.0)
    measured = [analyse(root / row["path"], plan(root, number), view="A4C", memory_selection=selection) for number, row in enumerate(rows)]
    expected = [found.measurements["measures"]["ef"]["value"] for found in measured]
    assert [row["ef"] for row in rows] == expected and None not in expected
    for row, clip in zip(rows, clips, strict=True):
        (file,) = (tmp_path / "clips" / row["clip_id"]).glob("*/measurements.json")
        provenance = json.loads(file.read_text())["provenance"]
        assert list(provenance["prompt"]["1"]) == [str(traced_frames(clip)[0])]
        assert provenance["options"]["reader"] == "opencv"
        assert provenance["options"]["memory_selection"] == {"min_iou": 0.4, "min_object_score": -1.0}
    with (tmp_path / "errors.csv").open(newline="") as file:
        failed = {row["path"]: (row["category"], row["reason"]) for row in csv.DictReader(file)}
    assert failed == {
        "Videos/BARE.avi": ("input", "Videos/BARE.avi: there is no tracing of it to prompt with; --prompt auto needs none"),
        "Videos/BROKEN.avi": ("input", "Videos/BROKEN.avi: VolumeTracings.csv, row 2: X2 is '?', which is no number"),
        "Videos/LATE.avi": ("input", "Videos/LATE.avi: frame 16 is traced, but the video has only 16, counted from 0"),
    }


def test_tracings_belong_to_an_item_only_where_they_are_the_prompt(made):
    traced, untraced = items(made[0], "tracings:all"), items(made[0], "auto")
    assert list(traced) == list(untraced)
    assert untraced == {name: replace(item, outlines=None, fault=None) for name, item in traced.items()}
    item = traced["SIM0"]
    assert {int(frame) for frame in item.outlines or {}} == set(traced_frames(made[1][0]))
    assert Item.from_facts(item.path, item.facts()) == item


def test_another_tracing_is_another_result(made):
    root, item = made[0], items(made[0], "tracings")["SIM0"]
    moved = {frame: [[x + 1, y] for x, y in corners] for frame, corners in item.outlines.items()}
    location = str(root / item.path)
    assert ClipTask.identify(None, item, location) == ClipTask.identify(None, replace(item, path="Videos/copy.avi"), location)
    assert ClipTask.identify(None, item, location) != ClipTask.identify(None, replace(item, outlines=moved), location)
    with pytest.raises(SourceError, match="row 2"):
        ClipTask.identify(None, items(root, "tracings")["BROKEN"], location)


@pytest.mark.parametrize(("prompt", "frames"), [("tracings:ES", 1), ("tracings:all", 2)])
def test_the_choice_of_tracings_is_that_of_run(made, tmp_path, any_model, prompt, frames):
    task, item = ClipTask(Settings(prompt), str(tmp_path), "rows"), items(made[0], prompt)["SIM0"]
    location = str(made[0] / item.path)
    with task._opened(item, location) as source:
        given = task._prompt(item, location, source)
    assert given.prompts == plan(made[0], which=prompt.removeprefix("tracings:")).prompts and len(given.prompts[1]) == frames


def test_a_folder_named_for_a_view_shows_that_view(make_tree):
    root = make_tree({"psax/FileList.csv": "FileName,EF\n1.mp4,60\n", "psax/Videos/1.mp4": ""})
    assert list(open_archive(root / "psax", root).items()) == [Item("Videos/1.mp4", study="1", view="PSAX", ef_truth=60.0)]


def test_tracings_are_refused_where_there_are_none_and_one_box_for_all_videos_too(made, make_tree):
    tree = make_tree({"1.dcm": ""})
    with pytest.raises(PromptError, match=r"tree: tracings are the prompt for a folder with FileList\.csv"):
        open_archive(tree, tree, "tracings")
    with pytest.raises(PromptError, match="prompted by auto or by tracings"):
        open_archive(made[0], tree, "box:1,2,3,4")


def test_the_reader_is_for_the_video_files_among_the_clips(made, tmp_path, any_model):
    task = ClipTask(Settings(reader="opencv"), str(tmp_path), "rows")
    np.save(tmp_path / "clip.npy", np.zeros((3, 32, 32), np.uint8))
    with task._opened(Item("clip.npy"), str(tmp_path / "clip.npy")) as source:
        assert "reader" not in source.details
    with task._opened(Item("SIM0.avi"), str(made[0] / "Videos" / "SIM0.avi")) as source:
        assert source.details["reader"] == "opencv"


def test_the_default_is_the_same_setting_whether_said_or_not():
    assert Settings(reader="pyav").config({}) == Settings().config({})
    assert Settings("tracings").config({}) == Settings("Tracings:ed").config({}) != Settings("tracings:ES").config({})


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (Settings("tracings"), "prompt was auto, now tracings:ED"),
        (Settings(reader="decord"), "reader was nothing, now decord"),
        (Settings(memory_selection=MemorySelection(0.7)), r"memory_selection was nothing, now \{'min_iou': 0.7"),
    ],
)
def test_other_settings_are_refused_before_the_ledger_is_touched(make_tree, tmp_path, settings, said):
    tree, out = make_tree({"1.dcm": "ok 50"}), tmp_path / "out"
    fake_run(tree, out, engine=InlineEngine)
    (tree / "2.dcm").write_text("ok 60")
    before = (out / "ledger.sqlite").read_bytes()
    with pytest.raises(ArchiveError, match=said):
        run_archive(open_archive(tree, out), out, lambda: pytest.fail("no worker is needed to see it"), settings)
    assert (out / "ledger.sqlite").read_bytes() == before


def test_settings_in_the_ledger_are_those_that_the_same_command_has_again(tmp_path):
    settings = Settings("tracings", reader="opencv", memory_selection=MemorySelection(0.4, float("-inf")))
    with open_ledger(tmp_path, create=True) as ledger, ledger.transaction():
        ledger.set_config(settings.config({}))
        assert ledger.config() == settings.config({})


def test_another_prompt_is_taken_up_on_demand_and_the_first_one_again(made, tmp_path, any_model):
    def table(*words):
        echoseg(made[0], "--out", tmp_path, "--review", 0, *words)
        with open_ledger(tmp_path) as ledger:
            return ledger.counts()["done"], (tmp_path / "clips.parquet").read_bytes()

    first = table()
    assert table("--prompt", "tracings", "--recompute")[0] == 2
    assert table("--recompute") == first and first[0] == 5


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--prompt", "tracings"), "tracings are the prompt for a folder"),
        (("--memory-selection", "7"), "--memory-selection"),
        (("--reader", "vlc"), "--reader"),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(tmp_path, words, said):
    done = echoseg(tmp_path, "--out", tmp_path / "out", *words)
    assert (done.exit_code, said in " ".join(done.output.split())) == (2, True), done.output
    assert not (tmp_path / "out").exists()


def test_a_configuration_file_sets_reader_and_memory_selection(make_tree, tmp_path, any_model):
    tree, out = make_tree({"broken.avi": "x"}), tmp_path / "out"
    (tmp_path / "c.yaml").write_text("reader: opencv\nmemory_selection: 0.5\n")
    assert echoseg(tree, "--out", out, "--config", tmp_path / "c.yaml", "--memory-selection", "0.6").exit_code == 1
    with open_ledger(out) as ledger:
        noted = ledger.config()
    assert (noted["reader"], noted["memory_selection"]) == ("opencv", {"min_iou": 0.6, "min_object_score": 0.0})
