from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest
import torch
from beating_ellipses import Ellipses
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from echoseg.errors import WeightsError
from echoseg.metrics.overlap import dice
from echoseg.model import load_network
from echoseg.training import train
from echoseg.training.evaluate import plain_batch, predict
from echoseg.training.export import export_weights
from echoseg.training.trainer import architecture, network


def test_exported_half_precision_weights_load_strictly_and_answer_nearly_the_same(tiny, tmp_path):
    train(tiny, tmp_path)
    weights = export_weights(tmp_path / "last.pt", tmp_path / "weights" / "tiny.safetensors")
    loaded, info = load_network(architecture(tiny), weights)
    assert info.file == "tiny.safetensors"
    trained = network(tiny).eval()
    trained.load_state_dict(torch.load(tmp_path / "last.pt", weights_only=True)["average"])
    sample = Ellipses().sample(0, np.random.default_rng(0))
    batch = plain_batch(sample.frames, sample.masks[:, 0], stills=False)
    full, half = predict(trained, batch), predict(loaded, batch)
    assert full.any() and dice(full, half) > 0.99
    parameters = sum(p.numel() for p in loaded.state_dict().values())
    assert weights.stat().st_size < 2 * parameters + 50_000


def test_exported_file_tells_its_story(tiny, tmp_path):
    train(tiny, tmp_path, max_steps=1)
    with safe_open(export_weights(tmp_path / "last.pt", tmp_path / "tiny.safetensors"), "pt") as file:
        metadata = file.metadata()
    assert metadata["step"] == "1"
    assert json.loads(metadata["config"])["name"] == "tiny"


def test_an_exported_file_names_no_folder(tiny, tmp_path):
    train(tiny, tmp_path / "first", max_steps=1)
    start = export_weights(tmp_path / "first" / "last.pt", tmp_path / "start.safetensors")
    train(tiny.model_copy(update={"weights": start}), tmp_path / "second", max_steps=1)
    with safe_open(export_weights(tmp_path / "second" / "last.pt", tmp_path / "tiny.safetensors"), "pt") as file:
        metadata = file.metadata()
    assert json.loads(metadata["config"])["weights"] == "start.safetensors"
    assert str(tmp_path) not in str(metadata)


def small_weights(path, value, **metadata):
    save_file({"scale": torch.full((3,), value), "index": torch.arange(2)}, path, {"step": "5", **metadata})
    return path


def test_the_mean_of_several_weighs_them_by_their_shares_and_names_them(tmp_path):
    files = [small_weights(tmp_path / "a.safetensors", 1.0), small_weights(tmp_path / "b.safetensors", 4.0, config="{}")]
    mean = export_weights(files, tmp_path / "mean.safetensors", shares=(2, 1))
    with safe_open(mean, "pt") as file:
        origins = json.loads(file.metadata()["mean_of"])
        assert file.get_tensor("scale").dtype == torch.float16 and file.get_tensor("index").tolist() == [0, 1]
        torch.testing.assert_close(file.get_tensor("scale"), torch.full((3,), 2.0, dtype=torch.float16))
    assert [(each["file"], each["share"], each["step"]) for each in origins] == [
        ("a.safetensors", 0.666667, "5"),
        ("b.safetensors", 0.333333, "5"),
    ]
    assert origins[0]["sha256"] == hashlib.sha256(files[0].read_bytes()).hexdigest()


def test_checkpoints_and_exported_weights_mean_alike(tiny, tmp_path):
    train(tiny, tmp_path, max_steps=1)
    exported = export_weights(tmp_path / "last.pt", tmp_path / "a.safetensors", torch.float32)
    mean = export_weights([tmp_path / "last.pt", exported], tmp_path / "mean.safetensors", torch.float32)
    one, other = load_file(exported), load_file(mean)
    assert one.keys() == other.keys()
    for name, value in one.items():
        torch.testing.assert_close(value, other[name])


def test_weights_of_different_models_have_no_mean(tmp_path):
    save_file({"other": torch.zeros(3)}, tmp_path / "b.safetensors")
    with pytest.raises(WeightsError, match=r"b\.safetensors"):
        export_weights([small_weights(tmp_path / "a.safetensors", 1.0), tmp_path / "b.safetensors"], tmp_path / "mean.safetensors")
    assert not (tmp_path / "mean.safetensors").exists()


@pytest.mark.parametrize("shares", [(1.0,), (1.0, 0.0), (1.0, float("nan")), (1.0, -1.0)])
def test_shares_that_make_no_mean_are_refused(tmp_path, shares):
    files = [small_weights(tmp_path / f"{name}.safetensors", 1.0) for name in "ab"]
    with pytest.raises(WeightsError, match="2 files need 2 shares above 0"):
        export_weights(files, tmp_path / "mean.safetensors", shares=shares)


def test_file_that_is_no_training_checkpoint_is_refused(tmp_path):
    torch.save({"model": {}}, tmp_path / "other.pt")
    with pytest.raises(WeightsError, match=r"other\.pt is not a training checkpoint"):
        export_weights(tmp_path / "other.pt", tmp_path / "out.safetensors")
    assert not (tmp_path / "out.safetensors").exists()
