"""`echoseg run` parses, calls the pipeline once per input, prints, and answers with the right exit code."""

import csv
import re
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from typer.testing import CliRunner

import echoseg
from echoseg.cli.main import app
from echoseg.errors import ModelConfigError, SourceError, WeightsError
from echoseg.options import Subject
from echoseg.types import Box, Flag

MEASUREMENTS = {
    "measures": {
        "ef": {"value": 57.2, "unit": "%", "interval": [55.1, 59.0], "reason": None},
        "edv": {"value": 98.0, "unit": "mL", "interval": None, "reason": None},
        "esv": {"value": None, "unit": "mL", "interval": None, "reason": "the pixel spacing is unknown"},
    },
    "source": {"name": "a"},
    "objects": [{"name": "LV"}, {"name": "lesion", "volume_ml": 1.25}],
}

MODEL = SimpleNamespace(
    config=SimpleNamespace(name="compact", structures=("LV", "LA")),
    execution=SimpleNamespace(device=SimpleNamespace(type="cuda")),
    for_volumes_name="compact",
)


@pytest.fixture
def calls(monkeypatch):
    """Replaces the pipeline and the model by recorders; an input named bad* or gone* fails, buggy* raises something unforeseen."""
    made = {"runs": [], "models": []}

    def run(source, out, *, progress, **options):
        made["runs"].append((source, options))
        if source.startswith("bad"):
            raise SourceError("the file is empty [0 bytes]")
        if source.startswith("gone"):
            raise SourceError(f"{source}: no such file")
        if source.startswith("buggy"):
            raise ZeroDivisionError("division by zero")
        progress(1, 2)
        progress(2, 2)
        flags = (Flag("partial_beat", "no complete beat [1 s]"),)
        directory = Path(out) / Path(source).stem
        files = {"curve": directory / "curve.png"}
        return SimpleNamespace(directory=directory, measurements=MEASUREMENTS, files=files, flags=flags, view=None)

    def load_model(name, weights=None, device="auto", runtime="auto"):
        if name == "nonsense":
            raise ModelConfigError("unknown model 'nonsense'")
        if weights == Path("gone.pt"):
            raise WeightsError("no weights at gone.pt")
        made["models"].append((name, weights, device))
        return MODEL

    pipeline = ModuleType("echoseg.pipeline")
    pipeline.run = run
    monkeypatch.setitem(sys.modules, "echoseg.pipeline", pipeline)
    monkeypatch.setattr(echoseg, "pipeline", pipeline, raising=False)
    monkeypatch.setattr(echoseg, "load_model", load_model, raising=False)
    return made


def invoke(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments])


def unboxed(text):
    """A usage error without the frame that is drawn around it."""
    return " ".join(re.sub("[│╭╮╰╯─]", " ", text).split())


def test_one_model_serves_all_inputs(calls, tmp_path):
    done = invoke("run", "a.dcm", "b.mp4", "--out", tmp_path)
    assert done.exit_code == 0, done.output
    assert calls["models"] == [("compact", None, "auto")]
    assert [source for source, _ in calls["runs"]] == ["a.dcm", "b.mp4"]
    assert all(options["model"] is MODEL for _, options in calls["runs"])


def test_prints_measures_flags_and_folder(calls, tmp_path):
    done = invoke("run", "a.dcm", "--out", tmp_path)
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert lines == [
        "a.dcm",
        "EF 57 % (55 to 59)",
        "EDV 98 mL",
        "ESV unknown: the pixel spacing is unknown",
        "lesion 1.25 mL",
        "flag partial_beat: no complete beat [1 s]",
        f"folder {tmp_path / 'a'}",
    ]


def test_how_a_volume_is_followed_reaches_the_pipeline(calls, tmp_path):
    from echoseg.options import VolumeOptions

    assert invoke("run", "a.nii", "--out", tmp_path, "--recipe", "box", "--no-stop", "--zoom").exit_code == 0
    config = tmp_path / "run.yaml"
    config.write_text("stop: false\n")
    assert invoke("run", "a.nii", "--out", tmp_path, "--config", config).exit_code == 0
    assert [options["volume"] for _, options in calls["runs"]] == [VolumeOptions("box", None, True), VolumeOptions("mask", None)]


def test_options_reach_the_pipeline_and_unset_ones_do_not(calls, tmp_path):
    options = ["--direction", "forward", "--frame-index", 7, "--spacing", "0.5,0.25", "--fps", 25, "--overwrite"]
    assert invoke("run", "a.dcm", "--out", tmp_path, *options).exit_code == 0
    assert calls["runs"][0][1] == {
        "prompt": "auto",
        "model": MODEL,
        "direction": "forward",
        "frame_index": 7,
        "spacing": (0.5, 0.25),
        "fps": 25.0,
        "overwrite": True,
        "keep": ["a.dcm", tmp_path / "a"],
        "view": None,
        "method": "disks",
        "subject": Subject(),
    }
    invoke("run", "a.dcm", "--out", tmp_path)
    told = {"overwrite": False, "view": None, "method": "disks", "subject": Subject()}
    assert calls["runs"][1][1] == {"prompt": "auto", "model": MODEL, **told}


def test_the_reader_reaches_the_pipeline_from_the_line_and_from_a_config(calls, tmp_path):
    config = tmp_path / "c.yaml"
    config.write_text("reader: opencv")
    assert invoke("run", "a.mp4", "--out", tmp_path, "--config", config).exit_code == 0
    assert invoke("run", "a.mp4", "--out", tmp_path, "--reader", "decord", "--config", config).exit_code == 0
    assert [options["reader"] for _, options in calls["runs"]] == ["opencv", "decord"]


def test_a_reader_that_is_not_installed_is_a_usage_error(calls, tmp_path, monkeypatch):
    monkeypatch.setattr("echoseg.io.video.open.find_spec", lambda module: None)
    done = invoke("run", "a.mp4", "--out", tmp_path, "--reader", "decord")
    assert (done.exit_code, calls["runs"]) == (2, [])
    assert "pip install 'echoseg[video]'" in done.stderr


def test_a_prompt_is_read_once_for_all_inputs(calls, tmp_path):
    assert invoke("run", "a.dcm", "b.dcm", "--out", tmp_path, "--prompt", "box:1,2,3,4@5").exit_code == 0
    first, second = (options["prompt"] for _, options in calls["runs"])
    assert first is second
    assert first.prompts == {1: {5: [Box(1, 2, 3, 4)]}}


def test_each_input_gets_its_view(calls, tmp_path):
    assert invoke("run", "a.dcm", "b.dcm", "--out", tmp_path, "--views", "A4C, A2C").exit_code == 0
    assert [options["view"] for _, options in calls["runs"]] == ["A4C", "A2C"]


def test_views_may_come_from_a_table(calls, tmp_path):
    table = tmp_path / "views.csv"
    table.write_text("file,view,heart\nb.dcm,A2C,1\nstudy/a.dcm,A4C,1\nother.dcm,A2C,2\n")
    assert invoke("run", "study/a.dcm", "x/b.dcm", "c.dcm", "--out", tmp_path, "--views", table).exit_code == 0
    assert [options["view"] for _, options in calls["runs"]] == ["A4C", "A2C", None]


def views_from(text, *inputs, folder):
    (folder / "views.csv").write_text(text)
    done = invoke("run", *inputs, "--out", folder / "out", "--views", folder / "views.csv")
    assert done.exit_code == 0, done.output
    return done


def test_views_may_be_in_small_letters(calls, tmp_path):
    assert invoke("run", "a.dcm", "b.dcm", "--out", tmp_path, "--views", "a4c, A2c").exit_code == 0
    views_from("file,view\na.dcm,a2c\n", "a.dcm", folder=tmp_path)
    assert [options["view"] for _, options in calls["runs"]] == ["A4C", "A2C", "A2C"]


@pytest.mark.parametrize(
    ("row", "given"),
    [
        ("./v.npy", "v.npy"),
        ("v.npy", "./v.npy"),
        ("x//y/../v.npy", "x/v.npy"),
        ("x/v", "x/v/"),
        ("v", "x/v/"),
        (str(Path("v.npy").resolve()), "v.npy"),
    ],
)
def test_a_row_means_the_input_however_its_path_is_written(calls, tmp_path, row, given):
    views_from(f"file,view\n{row},A2C\n", given, folder=tmp_path)
    assert [options["view"] for _, options in calls["runs"]] == ["A2C"]


def test_a_row_in_another_folder_is_another_file(calls, tmp_path):
    views_from("file,view\nx/v.npy,A2C\ny/v.npy,A4C\nv.npy,A4C\n", "x/v.npy", folder=tmp_path)
    assert [options["view"] for _, options in calls["runs"]] == ["A2C"]


def test_rows_that_no_input_uses_may_say_anything(calls, tmp_path):
    views_from("file,view\nother.dcm,PLAX\na.dcm,A4C\nother.dcm,\nother.dcm,A4C\n", "a.dcm", folder=tmp_path)
    assert [options["view"] for _, options in calls["runs"]] == ["A4C"]


def test_empty_rows_of_a_table_of_views_are_skipped(calls, tmp_path):
    views_from("file,view,note\n\n,,\na.dcm,A4C\n , ,\n", "a.dcm", folder=tmp_path)
    assert [options["view"] for _, options in calls["runs"]] == ["A4C"]


def test_inputs_without_a_row_are_named(calls, tmp_path):
    done = views_from("file,view\na.dcm,A4C\n", "a.dcm", "x/b.dcm", "c.dcm", folder=tmp_path)
    assert f"{tmp_path / 'views.csv'}: no row for x/b.dcm, c.dcm; the view is" in done.stderr
    assert "no row" not in views_from("file,view\na.dcm,A4C\n", "a.dcm", folder=tmp_path).stderr


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("file,view\na.dcm,PLAX\n", "line 2: 'PLAX' is not one of A4C, A2C"),
        ("name,view\na.dcm,A4C\n", "needs the columns file and view"),
        ("file,view\na.dcm,A4C\n./a.dcm,A2C\n", "line 3: ./a.dcm has two views"),
        ('file,view,note\n\nb.dcm,A4C,"two\nlines"\na.dcm,PLAX,\n', "line 5: 'PLAX' is not one of A4C, A2C"),
        ("file,view\n,A4C\n", "line 2: names no file"),
        ("", "needs the columns file and view"),
        ("file,view\nz.dcm,A4C\n", "no row names one of the inputs, such as a.dcm"),
    ],
)
def test_a_table_of_views_that_cannot_serve_is_a_usage_error(calls, tmp_path, text, reason):
    (tmp_path / "views.csv").write_text(text)
    done = invoke("run", "a.dcm", "--out", tmp_path / "out", "--views", tmp_path / "views.csv")
    assert done.exit_code == 2
    assert reason in unboxed(done.stderr)
    assert calls["runs"] == []


def test_sex_height_weight_and_method_reach_the_pipeline(calls, tmp_path):
    options = ["--sex", "F", "--height", 165, "--weight", 61, "--method", "camus-2019"]
    assert invoke("run", "a.dcm", "--out", tmp_path, *options).exit_code == 0
    given = calls["runs"][0][1]
    assert (given["subject"], given["method"]) == (Subject("F", 165.0, 61.0), "camus-2019")


def test_a_failed_input_is_reported_and_the_others_are_done(calls, tmp_path):
    done = invoke("run", "bad.avi", "a.dcm", "buggy.npy", "--out", tmp_path)
    assert done.exit_code == 1
    assert [source for source, _ in calls["runs"]] == ["bad.avi", "a.dcm", "buggy.npy"]
    assert "error: bad.avi: the file is empty [0 bytes]\n" in done.stderr
    assert "Traceback" not in done.stderr
    with (tmp_path / "errors.csv").open(newline="") as file:
        assert list(csv.DictReader(file)) == [
            {"path": "bad.avi", "reason": "the file is empty [0 bytes]"},
            {"path": "buggy.npy", "reason": "unexpected ZeroDivisionError: division by zero"},
        ]
    assert list(tmp_path.iterdir()) == [tmp_path / "errors.csv"]


def test_an_input_is_named_once_in_its_error(calls, tmp_path):
    assert invoke("run", "gone.mp4", "--out", tmp_path).stderr == "error: gone.mp4: no such file\n"


def test_errors_of_an_earlier_run_do_not_stay(calls, tmp_path):
    invoke("run", "bad.avi", "--out", tmp_path)
    invoke("run", "a.dcm", "--out", tmp_path)
    assert not (tmp_path / "errors.csv").exists()


def test_an_output_folder_that_cannot_be_made_is_one_clear_error(calls, tmp_path):
    (tmp_path / "file").write_text("")
    done = invoke("run", "bad.avi", "--out", tmp_path / "file")
    assert done.exit_code == 1
    assert done.stderr.splitlines()[-1].startswith("error: ")
    assert "choose another --out" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", [["--debug", "run", "bad.avi", "--out"], ["run", "bad.avi", "--debug", "--out"]])
def test_debug_anywhere_shows_the_traceback(calls, tmp_path, arguments):
    done = invoke(*arguments, tmp_path)
    assert done.exit_code == 1
    assert "Traceback" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--store", "ftp://pacs"], "not a DICOMweb address"),
        (["--views", "A4C,A2C"], "2 views for 1 inputs"),
        (["--views", "PLAX"], "'PLAX' is not one of A4C, A2C"),
        (["--height", "1.65"], "greater than or equal to 20"),
        (["--views", "gone.csv"], "not a readable CSV file"),
        (["--spacing", "0.5"], "two positive numbers"),
        (["--spacing", "0.5,-1"], "two positive numbers"),
        (["--spacing", "0.5,nan"], "two positive numbers"),
        (["--model", "nonsense"], "unknown model"),
        (["--weights", "gone.pt"], "no weights at gone.pt"),
        (["--prompt", "bx:1,2,3,4"], "cannot read the prompt"),
        (["--prompt", "gone.json"], "no prompt file gone.json"),
        (["--prompt", "mask:gone.png"], "gone.png: no such file"),
        (["--prompt", "auto:LV,XX"], "no structure XX; it knows: LV, LA"),
        (["--direction", "sideways"], "sideways"),
        (["--config", "missing.yaml"], "missing.yaml"),
    ],
)
def test_usage_errors_exit_with_2_before_anything_runs(calls, tmp_path, arguments, reason):
    done = invoke("run", "a.dcm", "--out", tmp_path / "out", *arguments)
    assert done.exit_code == 2
    assert reason in unboxed(done.stderr)
    assert calls["runs"] == []
    assert not (tmp_path / "out").exists()


def test_a_model_without_structures_is_asked_what_compact_can_find(calls, tmp_path, monkeypatch):
    monkeypatch.setattr(MODEL, "config", SimpleNamespace(name="medsam2", structures=()))
    assert invoke("run", "a.dcm", "--out", tmp_path, "--prompt", "auto:LV").exit_code == 0
    refused = invoke("run", "a.dcm", "--out", tmp_path, "--prompt", "auto:XX")
    assert refused.exit_code == 2
    assert "model compact has no structure XX" in refused.stderr


def test_command_line_wins_over_the_config_file(calls, tmp_path):
    config = tmp_path / "run.yaml"
    config.write_text("prompt: auto:LV,LA\nmodel: medsam2\nspacing: [0.5, 0.25]\nviews: [A2C]\n")
    assert invoke("run", "a.dcm", "--out", tmp_path, "--config", config, "--prompt", "auto").exit_code == 0
    assert calls["models"] == [("medsam2", None, "auto")]
    options = calls["runs"][0][1]
    assert (options["prompt"], options["spacing"], options["view"]) == ("auto", (0.5, 0.25), "A2C")


def test_an_option_left_empty_in_the_config_keeps_its_default(calls, tmp_path):
    config = tmp_path / "run.yaml"
    config.write_text("prompt:\nmodel: null\nviews:\n")
    assert invoke("run", "a.dcm", "--out", tmp_path, "--config", config).exit_code == 0
    assert calls["models"] == [("compact", None, "auto")]
    assert calls["runs"][0][1]["prompt"] == "auto"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("promt: auto\n", "promt: unknown key"),
        ("fps: fast\n", "fps: "),
        ("fps: -1\n", "fps: "),
        ("spacing: [1]\n", "spacing"),
        ("- a\n- b\n", "the file: "),
        ("a: [\n", "not a readable YAML file"),
    ],
)
def test_config_errors_name_the_key(calls, tmp_path, text, reason):
    config = tmp_path / "c.yaml"
    config.write_text(text)
    done = invoke("run", "a.dcm", "--out", tmp_path / "out", "--config", config)
    assert done.exit_code == 2
    assert reason in unboxed(done.stderr)


@pytest.mark.parametrize(("given", "selection"), [("0.6", (0.6, 0.0)), ("0.6,-1", (0.6, -1.0))])
def test_memory_selection_comes_from_the_command_line_or_the_config_file(calls, tmp_path, given, selection):
    config = tmp_path / "run.yaml"
    config.write_text(f"memory_selection: {given}\n")
    assert invoke("run", "a.dcm", "--out", tmp_path, "--config", config).exit_code == 0
    assert invoke("run", "a.dcm", "--out", tmp_path, "--memory-selection", given).exit_code == 0
    assert [options["memory_selection"] for _, options in calls["runs"]] == [echoseg.MemorySelection(*selection)] * 2
    assert invoke("run", "a.dcm", "--out", tmp_path).exit_code == 0
    assert "memory_selection" not in calls["runs"][2][1]


@pytest.mark.parametrize("wrong", ["much", "1.5", "0.5,0,0", ""])
def test_a_memory_selection_that_means_nothing_is_a_usage_error(calls, tmp_path, wrong):
    done = invoke("run", "a.dcm", "--out", tmp_path, "--memory-selection", wrong)
    assert done.exit_code == 2
    assert "is not IOU[,SCORE]" in unboxed(done.stderr)
    assert calls["runs"] == []


def test_example_config_sets_the_defaults(calls, tmp_path):
    example = Path(__file__).parents[2] / "configs" / "run.yaml"
    assert invoke("run", "a.dcm", "--out", tmp_path, "--config", example).exit_code == 0
    assert invoke("run", "a.dcm", "--out", tmp_path).exit_code == 0
    assert calls["runs"][0] == calls["runs"][1]
    assert calls["models"][0] == calls["models"][1]


def test_demo_ends_with_the_ejection_fraction_and_the_pictures(calls, tmp_path, monkeypatch):
    demo = ModuleType("echoseg.datasets.demo")
    demo.demo_clip = lambda: Path("clip.dcm")
    monkeypatch.setitem(sys.modules, "echoseg.datasets.demo", demo)
    done = invoke("demo", "--out", tmp_path)
    assert done.exit_code == 0, done.output
    assert "Ejection fraction: 57 % (55 to 59)" in done.stdout
    assert done.stdout.rstrip().endswith(str(tmp_path / "clip" / "curve.png"))
