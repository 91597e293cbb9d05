"""One command runs and evaluates a folder laid out as EchoNet-Dynamic, made by the simulator."""

import csv
import json
import re

import pytest
from typer.testing import CliRunner

import echoseg
from echoseg.cli.main import app
from tests.evaluation.traced_folders import traced_frames, write_table, write_traced


def invoke(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments])


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The folder and its three clips. Rows of four further videos are bad: a missing one, one traced beyond its end, one whose tracing is
    malformed in line 6 of them, and one without EF and tracing (a copy of the first)."""
    root = tmp_path_factory.mktemp("sets") / "echonet"
    clips = write_traced(root, 3, 16, 64)
    for name in ("LATE", "BROKEN", "BARE"):
        (root / "Videos" / f"{name}.avi").write_bytes((root / "Videos" / "SIM0.avi").read_bytes())
    table, traced = rows(root / "FileList.csv"), rows(root / "VolumeTracings.csv")
    listed = [
        *(list(row.values()) for row in table),
        ["GONE", 50, "TEST"],
        ["LATE", 50, "TEST"],
        ["BROKEN", 50, "TEST"],
        ["BARE", "", "VAL"],
    ]
    bad = [["LATE.avi", 1, y, 9, y, 16] for y in (1, 1, 5)] + [["BROKEN.avi", 1, 1, "?", 1, 0]]
    write_table(root / "FileList.csv", list(table[0]), listed)
    write_table(root / "VolumeTracings.csv", list(traced[0]), [*bad, *(list(row.values()) for row in traced), ["OTHER.avi", 1, 1, 2, 2, 0]])
    return root, clips


@pytest.fixture
def any_model(monkeypatch, micro_model):
    """Every name loads the micro model."""
    monkeypatch.setattr(echoseg, "load_model", lambda name, weights=None, device="auto", runtime="auto": micro_model, raising=False)


def test_run_prompts_by_the_tracings_and_evaluates_masks_and_ef(made, tmp_path):
    root, clips = made
    done = invoke("run", root, "--prompt", "tracings", "--reader", "opencv", "--out", tmp_path)
    assert done.exit_code == 1, done.output
    failures = {row["path"].rpartition("/")[2]: row["reason"] for row in rows(tmp_path / "errors.csv")}
    assert re.search(r"GONE\.avi: is named in row 5 of FileList\.csv, but is not there", failures["GONE.avi"])
    assert "frame 16 is traced, but the video has only 16" in failures["LATE.avi"]
    assert re.search(r"VolumeTracings\.csv, row 5: X2 is '\?', which is no number", failures["BROKEN.avi"])
    assert "no tracing of it to prompt with" in failures["BARE.avi"]
    assert len(failures) == 4

    cases = rows(tmp_path / "evaluation" / "cases.csv")
    assert [case["case"] for case in cases] == ["SIM0", "SIM1", "SIM2"]
    assert [float(case["ef_reference"]) for case in cases] == pytest.approx([clip.truth.ef for clip in clips], abs=1e-3)
    assert all(case["dice_es"] == case["dice"] and 0.5 < float(case["dice"]) < 1 for case in cases)
    assert {row["statistic"] for row in rows(tmp_path / "evaluation" / "ef" / "agreement.csv")} >= {"mae", "bias", "loa_low", "icc_2_1"}
    assert (tmp_path / "evaluation" / "ef" / "bland_altman.png").is_file()
    assert "mean absolute error" in done.stdout
    assert "1 videos are traced but not in FileList.csv, such as OTHER" in done.stderr

    for case, clip in zip(cases, clips, strict=True):
        folder = tmp_path / case["case"]
        assert {"masks.nii.gz", "overlay.mp4", "report.html"} <= {path.name for path in folder.iterdir()}
        provenance = json.loads((folder / "measurements.json").read_text())["provenance"]
        assert provenance["options"]["reader"] == "opencv"
        assert list(provenance["prompt"]["1"]) == [str(traced_frames(clip)[0])]


def test_run_by_auto_evaluates_too_and_tells_what_has_no_reference(tmp_path, any_model):
    write_traced(tmp_path / "set", 1, 4, 48)
    (tmp_path / "set" / "Videos" / "BARE.avi").write_bytes((tmp_path / "set" / "Videos" / "SIM0.avi").read_bytes())
    with (tmp_path / "set" / "FileList.csv").open("a") as file:
        file.write("BARE,,VAL\n")
    done = invoke("run", tmp_path / "set", "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    traced, bare = rows(tmp_path / "out" / "evaluation" / "cases.csv")
    assert (traced["setting"], bool(traced["dice_ed"]), bool(traced["dice_es"])) == ("auto", True, True)
    assert (bare["case"], bare["dice"], bare["ef_reference"]) == ("BARE", "", "")
    assert "BARE: not traced: its masks are compared with nothing" in done.stderr
    assert "BARE: row 3 of FileList.csv has no EF: it is not in the agreement" in done.stderr
    assert "agreement needs three" in done.stderr


def test_eval_dataset_does_the_same_for_a_split_without_a_file_each(made, tmp_path, any_model):
    root, _ = made
    done = invoke("eval", "dataset", "echonet", root, "--prompt", "tracings", "--count", "2", "--out", tmp_path)
    assert done.exit_code == 0, done.output
    assert [case["case"] for case in rows(tmp_path / "cases.csv")] == ["SIM1", "SIM2"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cases.csv", "summary.csv"]
    assert "agreement needs three" in done.stderr
    done = invoke("eval", "dataset", "echonet", root, "--prompt", "tracings", "--split", "TRAIN")
    assert (done.exit_code, "lists no video of split TRAIN" in done.stderr) == (1, True)


def test_a_polygon_of_corners_is_a_tracing_as_well(tmp_path, any_model):
    write_traced(tmp_path / "set", 1, 4, 48, form="corners")
    done = invoke("run", tmp_path / "set", "--prompt", "tracings:ES", "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    (case,) = rows(tmp_path / "out" / "evaluation" / "cases.csv")
    assert (case["setting"], bool(case["dice_ed"])) == ("tracings:ES", True)


@pytest.mark.parametrize(
    ("inputs", "prompt", "said"),
    [
        (("{root}", "--frame-index", "3"), "tracings", "tracings name their frames themselves; leave the frame 3 out"),
        (("clip.mp4",), "tracings", "clip.mp4: tracings are the prompt for a folder with FileList.csv"),
        (("{root}",), "box:1,2,3,4", "videos of a traced folder are prompted by auto or by tracings"),
        (("{root}",), "tracings:first", "give tracings (end-diastole), tracings:ES or tracings:all"),
    ],
)
def test_a_prompt_that_cannot_be_meant_is_a_usage_error(made, tmp_path, any_model, inputs, prompt, said):
    done = invoke("run", *(given.format(root=made[0]) for given in inputs), "--prompt", prompt, "--out", tmp_path)
    assert done.exit_code == 2
    assert said in re.sub(r"\s+", " ", done.stderr)


def test_what_is_chosen_in_volumes_is_refused_for_a_traced_folder(made, tmp_path, any_model):
    done = invoke("run", made[0], "--prompt", "tracings", "--window", "lung", "--out", tmp_path)
    assert (done.exit_code, "window can be chosen in volumes and DICOM series" in re.sub(r"\s+", " ", done.stderr)) == (1, True)


def test_a_prompt_without_the_lv_fails_before_any_video_is_run(made, tmp_path):
    done = invoke("run", made[0], "--prompt", "auto:LA", "--out", tmp_path)
    assert (done.exit_code, [path.name for path in tmp_path.iterdir()]) == (1, ["errors.csv"])
    assert "tracings are of the LV, which auto:LA does not ask for; give auto:LV,LA" in rows(tmp_path / "errors.csv")[0]["reason"]


def test_tracings_are_the_prompt_of_no_other_set(tmp_path, any_model):
    done = invoke("eval", "dataset", "camus", tmp_path, "--prompt", "tracings")
    assert (done.exit_code, "tracings are the prompt for echonet" in done.stderr) == (2, True)


def test_a_table_that_cannot_be_read_fails_the_folder_alone(tmp_path, any_model):
    write_traced(tmp_path / "set", 1, 4, 48)
    write_table(tmp_path / "set" / "FileList.csv", ["Name"], [["SIM0"]])
    done = invoke("run", tmp_path / "set", "--prompt", "tracings", "--out", tmp_path / "out")
    assert done.exit_code == 1
    ((row),) = rows(tmp_path / "out" / "errors.csv")
    assert "FileList.csv: lacks the column FileName" in row["reason"]
