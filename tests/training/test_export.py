from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from beating_ellipses import Ellipses
from safetensors import safe_open

from echoseg.errors import WeightsError
from echoseg.model import load_network
from echoseg.training import train
from echoseg.training.evaluate import dice_score, plain_batch, predict
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
    assert full.any() and dice_score(full, half) > 0.99
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


def test_file_that_is_no_training_checkpoint_is_refused(tmp_path):
    torch.save({"model": {}}, tmp_path / "other.pt")
    with pytest.raises(WeightsError, match=r"other\.pt is not a training checkpoint"):
        export_weights(tmp_path / "other.pt", tmp_path / "out.safetensors")
    assert not (tmp_path / "out.safetensors").exists()
