"""``echoseg archive`` from the shell's side: a real run of the shipped model, and status, retry, export and report of it."""

import os

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from echoseg import pipeline
from echoseg.cli.main import app
from echoseg.record.measures import TABLED
from echoseg.simulate.clip import simulate_study
from echoseg.simulate.options import EchoOptions

pytestmark = pytest.mark.timeout(300)


def echoseg(*words, code=0):
    result = CliRunner().invoke(app, ["archive", *[str(word) for word in words]])
    assert result.exit_code == code, result.output
    return result.output


@pytest.fixture(scope="module")
def archived(tmp_path_factory):
    """Two views of a heart, a copy and a broken file, and the results of one run over them."""
    root = tmp_path_factory.mktemp("archive")
    for view, clip in simulate_study(3, 64, 8, options=EchoOptions(fps=(9.0, 9.0))).items():
        np.save(root / f"heart_{view}.npy", clip.frames)
    (root / "copy_of_A4C.npy").write_bytes((root / "heart_A4C.npy").read_bytes())
    (root / "broken.dcm").write_bytes(b"")
    out = root / "out"
    echoseg(root, "--out", out, "--workers", 1, "--review", 1, "--keep", "frames", code=1)
    return root, out


def test_rows_are_what_the_pipeline_says_of_the_clip(archived):
    root, out = archived
    rows = {row["path"]: row for row in pq.read_table(out / "clips.parquet").to_pylist()}
    assert sorted(rows) == ["copy_of_A4C.npy", "heart_A2C.npy"]  # the copy comes first, and stands for both
    assert rows["copy_of_A4C.npy"]["copies"] == 1
    expected = pipeline.analyse(root / "heart_A2C.npy").measurements
    row = rows["heart_A2C.npy"]
    assert row["ef"] == expected["measures"]["ef"]["value"] and row["view"] == "A2C" and row["quality"] == expected["quality"]
    assert row["flags"] == [flag["code"] for flag in expected["flags"]]
    assert set(expected["measures"]) <= {measure.key for measure in TABLED}
    beats = [beat for beat in pq.read_table(out / "beats.parquet").to_pylist() if beat["clip_id"] == row["clip_id"]]
    assert [(beat["ed"], beat["es"], beat["ef"]) for beat in beats] == [(b["ed"], b["es"], b["ef"]) for b in expected["beats"]]


def test_frames_are_kept_on_request_and_the_worst_clip_is_drawn(archived):
    _, out = archived
    ids = pq.read_table(out / "clips.parquet")["clip_id"].to_pylist()
    assert sorted(path.stem for path in out.glob("frames/*/*.csv")) == sorted(ids)
    drawn = list(out.glob("review/*/*/overlay.mp4"))
    assert len(drawn) == 1 and drawn[0].parts[-3] in ids


def test_the_report_links_the_overlay_and_names_no_file(archived):
    _, out = archived
    page = (out / "report.html").read_text(encoding="utf-8")
    link = next(out.glob("review/*/*/overlay.mp4")).relative_to(out).as_posix()
    assert f'href="{link}"' in page
    assert "heart_" not in page.replace(link, "").replace(os.path.dirname(link), "") and str(out) not in page
    assert "EF histogram" in page or "Histogram of EF" in page or "No clip has an EF yet" in page


def test_status_retry_export_and_report_work_on_what_is_there(archived):
    _, out = archived
    told = echoseg("status", out)
    assert "3 done, 1 failed" in told and "failed (input): 1" in told and "not working here" in told
    before = (out / "clips.parquet").read_bytes()
    (out / "clips.parquet").unlink()
    echoseg("export", out)
    assert (out / "clips.parquet").read_bytes() == before
    assert "report.html" in echoseg("report", out)
    assert "1 items" in echoseg("retry", out, "--category", "input")
    assert "1 pending" in echoseg("status", out)


def test_usage_errors_are_told_before_anything_is_touched(tmp_path):
    echoseg(tmp_path / "nothing", "--out", tmp_path / "out", code=2)
    echoseg(tmp_path, "--out", tmp_path / "out", "--prompt", "box:1,2", code=2)
    (tmp_path / "c.yaml").write_text("worker: 3\n")
    assert "unknown key" in echoseg(tmp_path, "--out", tmp_path / "out", "--config", tmp_path / "c.yaml", code=2)
    echoseg("status", tmp_path, code=1)
    assert not (tmp_path / "out").exists()


def test_the_shipped_configuration_holds_the_defaults():
    import inspect
    from pathlib import Path

    from echoseg.cli.archive import run
    from echoseg.cli.options import read_config

    defaults = {name: parameter.default for name, parameter in inspect.signature(run).parameters.items()}
    config = read_config(Path(__file__).parents[2] / "configs" / "archive.yaml", run)
    assert {name: defaults[name] for name in config} == config
