"""`echoseg info`, `doctor`, `weights list`, and the thin commands that hand over to their rooms."""

import hashlib
import json
from types import SimpleNamespace

import numpy as np
from typer.testing import CliRunner

import echoseg.io.video.open
import echoseg.model
import echoseg.simulate.gallery
import echoseg.training
from echoseg.cli import doctor as doctor_command
from echoseg.cli.main import app
from echoseg.errors import SourceError
from echoseg.io.source import Source
from echoseg.types import Flag, Geometry, Timing


class Clip(Source):
    name = "a4c"
    kind = "clip"
    size = (4, 8)
    length = 50
    timing = Timing(fps=25.0)
    flags = (Flag("spacing_missing", "the file holds no calibrated region"),)
    details = {"transfer_syntax": "RLE Lossless"}  # noqa: RUF012
    closed = False

    def frames(self, start=0, stop=None):
        raise AssertionError("info must not decode the clip")

    def sector(self):
        mask = np.zeros(self.size, dtype=bool)
        mask[:2] = True
        return mask

    def close(self):
        self.closed = True


class Volume(Clip):
    kind = "volume"
    geometry = Geometry(spacing=(0.5, 0.25), slice_spacing=3.0)
    timing = Timing()
    flags = ()


def invoke(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments])


def info_lines(monkeypatch, source):
    monkeypatch.setattr(echoseg, "open_source", lambda path: source, raising=False)
    done = invoke("info", "x")
    assert done.exit_code == 0, done.output
    return [" ".join(line.split()) for line in done.stdout.splitlines()]


def test_info_prints_what_is_known_and_says_what_is_not(monkeypatch):
    assert info_lines(monkeypatch, Clip()) == [
        "name a4c",
        "kind clip",
        "frames 50",
        "size 8 x 4 pixels",
        "spacing unknown: the file holds no calibrated region",
        "rate 25 frames/s",
        "duration 2.00 s",
        "heart rate unknown",
        "sector found, 50% of the image",
        "flag spacing_missing (review): the file holds no calibrated region",
        "flag view_guessed (info): The view A4C was guessed from the file name.",
        "transfer syntax RLE Lossless",
    ]


def test_info_of_a_volume_speaks_of_slices(monkeypatch):
    lines = info_lines(monkeypatch, Volume())
    assert "slices 50" in lines
    assert "spacing 0.5 x 0.25 mm (row, column)" in lines
    assert "slice spacing 3 mm" in lines
    assert not any(line.startswith(("rate", "heart rate", "sector")) for line in lines)


def test_info_json_is_machine_readable_and_the_source_is_closed(monkeypatch):
    clip = Clip()
    monkeypatch.setattr(echoseg, "open_source", lambda path: clip, raising=False)
    facts = json.loads(invoke("info", "x", "--json").stdout)
    assert facts["frames"] == 50
    assert facts["duration_s"] == 2.0
    assert facts["spacing_mm"] is None
    assert facts["flags"][0]["code"] == "spacing_missing"
    assert clip.closed


def test_an_error_is_one_line_and_exit_code_1(monkeypatch):
    def fail(path):
        raise SourceError(f"{path}: no such file")

    monkeypatch.setattr(echoseg, "open_source", fail, raising=False)
    done = invoke("info", "gone.mp4")
    assert done.exit_code == 1
    assert done.stderr == "error: gone.mp4: no such file\n"


def test_doctor_finds_the_tools_of_this_environment(monkeypatch, tmp_path):
    weights = tmp_path / "compact.safetensors"
    weights.write_bytes(b"x")
    monkeypatch.setattr(echoseg.model, "shipped_weights", lambda config: weights)
    done = invoke("doctor")
    assert done.exit_code == 0, done.output
    assert done.stdout.rstrip().endswith("OK")
    assert "libx264" in done.stdout
    assert hashlib.sha256(b"x").hexdigest() in done.stdout


def test_doctor_lists_the_video_readers_and_how_a_missing_one_is_installed(monkeypatch):
    checks = {check.what: check for check in doctor_command.video_readers()}
    assert {check.state for check in checks.values()} == {"ok"}
    assert set(checks) == {"video reader pyav", "video reader decord", "video reader opencv"}
    monkeypatch.setitem(echoseg.io.video.open.MODULES, "decord", "surely_not_installed")
    missing = next(check for check in doctor_command.video_readers() if check.what == "video reader decord")
    assert missing.state == "optional" and "pip install 'echoseg[video]'" in missing.finding


def test_info_opens_with_the_reader_that_is_asked_for(monkeypatch):
    asked = {}
    monkeypatch.setattr(echoseg, "open_source", lambda path, **options: asked.update(options) or Clip(), raising=False)
    assert invoke("info", "x", "--reader", "opencv").exit_code == 0
    assert asked == {"reader": "opencv"}
    assert invoke("info", "x", "--reader", "ffmpeg").exit_code == 2


def test_doctor_names_a_problem_and_exits_with_1(monkeypatch):
    monkeypatch.setattr(echoseg.model, "shipped_weights", lambda config: None)
    done = invoke("doctor")
    assert done.exit_code == 1
    assert "4 problems: weights of compact, weights of compact-sim, weights of compact-volume, weights of compact-volume-sim" in done.stdout


def test_doctor_reports_a_missing_library_as_a_problem(monkeypatch):
    monkeypatch.setattr(doctor_command, "LIBRARIES", ("surely-not-installed",))
    states = {check.what: check.state for check in doctor_command.libraries()}
    assert states["surely-not-installed"] == "problem"


def test_train_hands_its_options_over(monkeypatch, tmp_path):
    calls = []

    def train(config, *, out, resume, progress):
        calls.append((config, out, resume))
        progress(2, 2, {})
        return SimpleNamespace(step=2, folder=tmp_path)

    monkeypatch.setattr(echoseg.training, "train", train)
    done = invoke("train", tmp_path / "c.yaml", "--resume", "--out", tmp_path)
    assert done.exit_code == 0, done.output
    assert calls == [(tmp_path / "c.yaml", tmp_path, True)]
    assert done.stdout.splitlines() == [
        f"2 steps; checkpoints and logs in {tmp_path}",
        f"to use it: echoseg weights export {tmp_path / 'last.pt'} --out NAME.safetensors",
    ]


def test_a_run_that_is_there_is_not_replaced_unasked(monkeypatch, tmp_path):
    calls = []

    def train(config, *, out, resume, progress):
        calls.append(resume)
        return SimpleNamespace(step=2, folder=tmp_path)

    monkeypatch.setattr(echoseg.training, "train", train)
    assert invoke("train", tmp_path / "c.yaml", "--out", tmp_path).exit_code == 0
    (tmp_path / "last.pt").touch()
    refused = invoke("train", tmp_path / "c.yaml", "--out", tmp_path)
    assert refused.exit_code == 2 and "--restart" in refused.output
    assert invoke("train", tmp_path / "c.yaml", "--out", tmp_path, "--restart").exit_code == 0
    assert calls == [False, False]


def test_gallery_is_written_where_asked(monkeypatch, tmp_path):
    monkeypatch.setattr(echoseg.simulate.gallery, "write_gallery", lambda path, seed, views: path.write_text(f"{seed} {views}"))
    done = invoke("simulate", "gallery", tmp_path / "g.png", "--views", "a3c,PSAX", "--seed", "4")
    assert done.stdout == f"{tmp_path / 'g.png'}\n"
    assert (tmp_path / "g.png").read_text() == "4 ('A3C', 'PSAX')"


def test_gallery_of_an_unknown_view_is_a_usage_error(tmp_path):
    done = invoke("simulate", "gallery", tmp_path / "g.png", "--views", "A5C")
    assert (done.exit_code, (tmp_path / "g.png").exists()) == (2, False)
    assert "A5C" in done.stderr


def test_version_and_help_answer():
    assert invoke("--version").stdout == f"echoseg {echoseg.__version__}\n"
    weights = [["weights", verb] for verb in ("list", "import", "pull")]
    for command in ([], ["run"], ["demo"], ["info"], ["doctor"], ["train"], *weights, ["simulate", "gallery"], ["bench"]):
        done = invoke(*command, "--help")
        assert done.exit_code == 0
        assert "Usage" in done.stdout


def test_unknown_command_is_a_usage_error():
    assert invoke("frobnicate").exit_code == 2
