"""The stopwatch counts what it should, and changes nothing of what it measures."""

import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

import echoseg.evaluation.speed as speed
from echoseg.errors import MeasureError
from echoseg.evaluation.run_speed import bench_array, bench_file
from echoseg.evaluation.speed import PARTS, RANDOM_WEIGHTS, bench_speed, model_to_time
from echoseg.model import HieraConfig, Model, SAM2Config, ViTConfig, WeightsInfo, build_model, model_config
from echoseg.model.device import choose_execution

HIERA = SAM2Config(
    "hiera", image_size=64, trunk=HieraConfig(8, 1, (1, 1, 2, 1), (3,)), d_model=128, mem_dim=64, memory_layers=1, memory_ffn=16
)


def test_parts_add_up_to_less_than_the_total(tiny_model):
    report = bench_speed(tiny_model, 5)
    assert list(report.runtimes) == ["torch", "onnx"] and report.notes == ()
    for found in report.runtimes.values():
        assert list(found.parts) == list(PARTS) == list(report.gflop)
        assert all(ms > 0 for ms in found.parts.values()) and all(gflop > 0 for gflop in report.gflop.values())
        assert found.fps == pytest.approx(1000 / found.total_ms) and found.ratio > 0
        assert found.rest_ms > 0
    assert report.runtimes["torch"].ratio == 1.0 and report.peak_gflops > 0
    part = report.runtimes["onnx"].parts["encoder"]
    assert report.peak_share("onnx", "encoder") == pytest.approx(1000 * report.gflop["encoder"] / part / report.peak_gflops)
    assert (report.memories, report.pointers, report.frames) == (7, 16, 5)
    assert report.transformers is None and "no architecture like tiny" in report.not_compared


def test_memory_attention_is_counted_with_a_full_memory(tiny_model):
    """4 x 4 cells; keys: 7 memories of 16 cells and 16 pointers in 2 pieces each. A multiply-add counts as two."""
    cells, width, memory_width, hidden = 16, 16, 8, 16
    keys = 7 * cells + 16 * 2
    self_attention = 4 * cells * width**2 + 2 * cells * cells * width
    key_projection = keys * memory_width * width
    cross_attention = 2 * cells * width**2 + key_projection + cells * keys * (width + memory_width) + cells * memory_width * width
    feed_forward = 2 * cells * width * hidden
    pointer_positions = 16 * width * memory_width
    expected = 2 * (self_attention + cross_attention + feed_forward + pointer_positions)
    assert bench_speed(tiny_model, 1).gflop["memory attention"] * 1e9 == pytest.approx(expected)


def test_time_is_charged_to_the_part_that_spends_it(tiny_model, monkeypatch):
    clock = iter(range(10**6))
    monkeypatch.setattr(speed, "_now", lambda synchronize: float(next(clock)))
    report = bench_speed(tiny_model, 3)
    # every verb runs once a frame, between two ticks
    for found in report.runtimes.values():
        assert dict(found.parts) == dict.fromkeys(PARTS, 1000.0)
        assert (found.rest_ms, found.total_ms) == (5000.0, 9000.0)


def test_the_model_is_left_as_it_was(tiny_model):
    before = dict(vars(tiny_model.network))
    bench_speed(tiny_model, 1)
    assert dict(vars(tiny_model.network)) == before


def test_comparison_with_transformers_measures_both_in_turn():
    pytest.importorskip("transformers")
    model = Model(build_model(HIERA).requires_grad_(False), choose_execution("cpu"), WeightsInfo(RANDOM_WEIGHTS, ""))
    report = bench_speed(model, 2)
    assert report.not_compared is None
    assert report.transformers.ms > 0 and report.transformers.ratio > 0
    assert bench_speed(model, 1, compare=False).transformers is None


def test_model_without_shipped_weights_is_timed_with_random_ones(monkeypatch):
    monkeypatch.setattr(speed, "model_config", lambda name: HIERA)
    model = model_to_time("medsam2", device="cpu")
    assert model.weights.file == RANDOM_WEIGHTS
    assert not any(parameter.requires_grad for parameter in model.network.parameters())


def test_efficienttam_is_timed_and_transformers_is_said_to_lack_it(monkeypatch):
    tiny = replace(model_config("efficienttam-tiny"), image_size=64, trunk=ViTConfig(24, 2, 2, window_size=3), d_model=32, mem_dim=16)
    monkeypatch.setattr(speed, "model_config", lambda name: replace(tiny, memory_layers=1, memory_ffn=16, decoder_mlp=16))
    report = bench_speed(model_to_time("efficienttam-tiny", device="cpu"), 1)
    assert all(gflop > 0 for gflop in report.gflop.values())
    assert report.transformers is None and "no architecture like efficienttam-tiny" in report.not_compared


def test_no_frames_cannot_be_timed(tiny_model):
    with pytest.raises(MeasureError, match="1 frame or more"):
        bench_speed(tiny_model, 0)


def test_a_runtime_that_fails_is_left_out_and_named(tiny_model, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    report = bench_speed(tiny_model, 1, compare=False)
    assert list(report.runtimes) == ["torch"]
    assert "onnxruntime" in report.notes[0]


def test_threads_are_those_asked_for_and_then_as_before(tiny_model):
    before = torch.get_num_threads()
    assert bench_speed(tiny_model, 1, compare=False, threads=2).threads == 2
    assert torch.get_num_threads() == before


def test_whole_clips_go_through_each_runtime(tmp_path):
    model = model_to_time("compact", device="cpu")
    array = bench_array(model, threads=1, frames=2, rounds=1)
    np.save(tmp_path / "clip.npy", np.zeros((2, 48, 48), np.uint8))
    file = bench_file(model, threads=1, path=tmp_path / "clip.npy", rounds=1)
    for found in (array, file):
        assert found.frames == 2 and found.fps.keys() == found.ratio.keys() == {"torch", "onnx"}
        assert found.ratio["torch"] == 1.0 and min(found.fps.values()) > 0
