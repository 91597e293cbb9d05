"""`echoseg run` with several inputs: when it makes a study, and what it says when it makes none."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from typer.testing import CliRunner

import echoseg
from echoseg.cli import run as command
from echoseg.cli.main import app
from echoseg.cli.run_views import vouches
from echoseg.io import open_source
from echoseg.record.provenance import provenance
from echoseg.report.rows import shown
from echoseg.results import MeasureOptions, RunResult, measure_result
from tests.study.conftest import beating, segmentation_of

GPU = SimpleNamespace(device=SimpleNamespace(type="cuda"))


@pytest.fixture
def call(tmp_path, monkeypatch):
    """``call("p1/a4c.npy", ...)`` runs the command on inputs whose masks are beating ellipses; gives exit code, outputs and folder."""

    def run_one(source, out, *, view, subject, method, **_):
        labels = beating(13.0)
        opened = open_source(np.where(labels > 0, 30, 90).astype(np.uint8), name=str(source).split("/")[-1], fps=25.0, spacing=1.0)
        made_by = provenance(model="none", weights_sha256=None, prompt="auto")
        measured = measure_result(opened, segmentation_of(opened, labels), made_by, MeasureOptions(view, method, subject))
        (out / opened.name).mkdir(parents=True)
        return RunResult(directory=out / opened.name, files={}, **vars(measured))

    model = SimpleNamespace(
        for_volumes_name="compact-volume-sim",  # for which no head ships
        config=SimpleNamespace(name="compact", structures=("LV", "LA")),
        execution=SimpleNamespace(device=SimpleNamespace(type="cuda")),
    )
    monkeypatch.setattr(command, "run_one", run_one)
    monkeypatch.setattr(echoseg, "load_model", lambda *_, **__: model, raising=False)

    def invoke(*arguments):
        done = CliRunner().invoke(app, ["run", *arguments, "--out", str(tmp_path / "out")])
        return SimpleNamespace(exit_code=done.exit_code, stdout=done.stdout, stderr=" ".join(done.stderr.split()), out=tmp_path / "out")

    return invoke


def test_two_views_of_one_heart_make_a_study(call):
    done = call("p1_a4c", "p1_a2c", "--sex", "F", "--method", "camus-2019")
    assert done.exit_code == 0, done.stderr
    record = json.loads((done.out / "study.json").read_text(encoding="utf-8"))
    assert "camus-2019" in record["measures"]["ef"]["method"] and record["subject"]["sex"] == "F"
    assert "study, biplane" in done.stdout and f"EF {shown(record['measures']['ef']['value'], 0)} %" in " ".join(done.stdout.split())
    assert (done.out / "study.html").is_file() and (done.out / "study.png").is_file()


def test_given_views_make_a_study_of_any_names_in_a_folder(call):
    assert (call("x", "y", "--views", "A4C,A2C").out / "study.json").is_file()


@pytest.mark.parametrize("inputs", [("a4c",), ("p1_a4c", "p1_a4c_2"), ("x", "y")])
def test_one_view_or_unknown_views_make_no_study_and_no_noise(call, inputs):
    done = call(*inputs)
    assert done.exit_code == 0 and done.stderr == ""
    assert not (done.out / "study.json").exists()


@pytest.mark.parametrize("inputs", [("p1_a4c", "p2_a2c"), ("p1/a4c", "p2/a2c")])
def test_clips_of_two_hearts_are_measured_one_by_one_and_the_reason_is_said(call, inputs):
    done = call(*inputs)
    assert done.exit_code == 0
    assert "no biplane values: nothing tells that the clips belong to one study (they lie in several folders" in done.stderr
    assert "those two alone with --views A4C,A2C" in done.stderr
    assert not (done.out / "study.json").exists()


@pytest.mark.parametrize("inputs", [("p1/x", "p2/y"), ("p1_a4c", "p2_a2c")])
def test_given_views_of_one_clip_each_vouch_for_the_study(call, inputs):
    done = call(*inputs, "--views", "A4C,A2C")
    assert done.stderr == "" and (done.out / "study.json").is_file()


def test_given_views_of_several_clips_vouch_for_nothing(call):
    done = call("p1/a", "p1/b", "p2/c", "p2/d", "--views", "A4C,A2C,A4C,A2C")
    assert "no biplane values" in done.stderr and not (done.out / "study.json").exists()


@pytest.mark.parametrize(
    ("views", "origins", "vouched"),
    [
        (["A4C", "A2C"], ["given", "given"], True),
        (["A2C", None, "A4C"], ["given", "given"], True),
        (["A4C", "A2C", "A4C", "A2C"], ["given", "given"], False),  # the others failed
        (["A4C", "A2C"], ["given", "given", "guessed from the file name"], False),
        (["A4C", None], ["given", "guessed from the file name"], False),
        (["A4C", "A4C"], ["given", "given"], False),
        ([None, None], ["guessed from the file name"] * 2, False),
    ],
)
def test_who_names_one_clip_of_each_view_vouches_for_them(views, origins, vouched):
    clips = [SimpleNamespace(record={"source": {"view_from": origin}}) for origin in origins]
    assert vouches(views, clips) is vouched
