"""`echoseg bench speed`, `memory`, `readers` and `archive`: what they print, and how they exit."""

import json

import pytest
from typer.testing import CliRunner

import echoseg.archive.bench
import echoseg.cli.bench
import echoseg.evaluation.memory
import echoseg.evaluation.readers
import echoseg.evaluation.speed
from echoseg.archive.bench import ArchiveBench
from echoseg.archive.bench import Spent as Cost
from echoseg.cli.main import app
from echoseg.evaluation.memory import MemoryReport
from echoseg.evaluation.readers import TASKS, ReaderSpeed, ReadersReport, Spent
from echoseg.evaluation.run_speed import RunSpeed
from echoseg.evaluation.speed import Comparison, RuntimeSpeed, SpeedReport

GFLOP = {"encoder": 0.5, "memory attention": 0.25}
RUNTIMES = {
    "torch": RuntimeSpeed({"encoder": 30.0, "memory attention": 15.0}, 5.0, 50.0, 1.0),
    "onnx": RuntimeSpeed({"encoder": 10.0, "memory attention": 8.0}, 2.0, 20.0, 2.5),
}
SPEED = SpeedReport(
    "compact", "compact.safetensors", "cpu", "float32", 1, 20, 5, 16, GFLOP, 100.0, RUNTIMES, 400.0, None, "no such architecture"
)
RUN = RunSpeed("clip.dcm, everything written", 1, 120, {"torch": 33.0, "onnx": 66.0}, {"torch": 1.0, "onnx": 2.0})


def invoke(*arguments):
    return CliRunner().invoke(app, ["bench", *arguments])


@pytest.fixture
def no_model(monkeypatch):
    monkeypatch.setattr(echoseg.evaluation.speed, "model_to_time", lambda name, weights, device: (name, weights, device))


def show(monkeypatch, report):
    monkeypatch.setattr(echoseg.evaluation.speed, "bench_speed", lambda model, frames, threads: report)
    monkeypatch.setattr(echoseg.cli.bench, "_thread_counts", lambda model: [1])
    monkeypatch.setattr(echoseg.cli.bench, "_whole_clips", lambda model, counts, clip, rounds: [RUN])


def test_speed_prints_parts_total_rate_and_why_nothing_is_compared(no_model, monkeypatch):
    show(monkeypatch, SPEED)
    done = invoke("speed")
    assert done.exit_code == 0, done.output
    rows = [line.replace("│", " ").split() for line in done.stdout.splitlines()]
    assert ["encoder", "0.500", "30.00", "17", "%", "10.00", "50", "%"] in rows and ["total", "0.750", "50.00", "20.00"] in rows
    assert "onnx: 50.0 frames/s, 2.50 times torch" in done.stdout and "66.0 (2.00x)" in done.stdout
    assert "not compared: no such architecture" in done.stdout


def test_speed_prints_the_ratio_to_transformers(no_model, monkeypatch):
    show(monkeypatch, SpeedReport(**{**vars(SPEED), "transformers": Comparison("5.23.0", 60.0, 1.2), "not_compared": None}))
    assert "transformers 5.23.0: 60.00 ms a frame on the same weights, 1.20 times our torch" in invoke("speed").stdout


def test_speed_json_holds_the_whole_report(no_model, monkeypatch):
    show(monkeypatch, SPEED)
    said = json.loads(invoke("speed", "--json").stdout)
    (tracked,) = said["tracked"]
    assert tracked["runtimes"]["onnx"]["parts"]["encoder"] == 10.0 and tracked["gflop"]["encoder"] == 0.5
    assert said["runs"][0]["fps"] == {"torch": 33.0, "onnx": 66.0}


@pytest.mark.parametrize(("end", "code"), [(110.0, 0), (140.0, 1)])
def test_memory_exits_with_1_when_it_grows(no_model, monkeypatch, end, code):
    report = MemoryReport("compact", "once", {200: 100.0, 2_000: 105.0, 3_000: end})
    monkeypatch.setattr(echoseg.evaluation.memory, "bench_memory", lambda model, frames, rereadable, memory_selection: report)
    done = invoke("memory", "--frames", "3000")
    assert done.exit_code == code
    assert f"{end - 100:+.1f} MB" in done.stdout and "2,000" in done.stdout
    assert json.loads(invoke("memory", "--json").stdout)["passed"] is (code == 0)


def test_memory_of_too_short_a_stream_is_a_usage_error():
    assert invoke("memory", "--frames", "200").exit_code == 2


def test_readers_prints_every_task_of_every_reader_and_who_was_left_out(monkeypatch):
    pyav = ReaderSpeed("pyav", dict.fromkeys(TASKS, Spent(8.0, 6.0)), dict.fromkeys(TASKS, Spent(1.0, 1.0)))
    opencv = ReaderSpeed("opencv", dict.fromkeys(TASKS, Spent(4.0, 12.0)), dict.fromkeys(TASKS, Spent(2.0, 0.5)))
    report = ReadersReport("a.mp4", "h264", 9, 48, 64, 3, (pyav, opencv), {"decord": "not installed"})
    monkeypatch.setattr(echoseg.evaluation.readers, "bench_readers", lambda video, rounds: report)
    lines = invoke("readers", "a.mp4").stdout.splitlines()
    assert lines[0] == "a.mp4: 9 frames of 64 x 48, h264; 3 rounds"
    rows = [line.replace("│", " ").split() for line in lines]
    assert ["open,", "wall", "ms", "8.00", "(1.00x)", "4.00", "(2.00x)"] in rows
    assert ["seek,", "a", "frame,", "CPU", "ms", "6.00", "(1.00x)", "12.00", "(0.50x)"] in rows
    assert lines[-1] == "decord left out: not installed"
    assert json.loads(invoke("readers", "a.mp4", "--json").stdout)[0]["speeds"][1]["ms"]["seek"] == {"wall": 4.0, "cpu": 12.0}


def test_archive_prints_what_the_layer_a_second_worker_and_ray_bring(monkeypatch):
    ways = {"bare loop": Cost(8.0, 7.6), "1 Ray actor": Cost(9.0, 8.0)}
    report = ArchiveBench(4, 24, 3, ways, 2.5, 3.5, 1.81, 1.93, 8.0, 5.25)
    monkeypatch.setattr(echoseg.archive.bench, "bench_archive", lambda clips, frames, rounds, ray: report)
    said = invoke("archive", "--ray", "--clips", "4").stdout
    rows = [line.replace("│", " ").split() for line in said.splitlines()]
    assert ["bare", "loop", "2.000", "1.900"] in rows
    assert "archive layer: +2.5 % wall time, +3.5 % CPU time" in said
    assert "2 workers: 1.81 times the throughput of 1; 1.93 by CPU time" in said
    assert "Ray against the local engine: +8.0 % wall time, +5.2 % CPU time" in said
