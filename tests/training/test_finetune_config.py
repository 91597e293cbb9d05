"""The shipped fine-tuning configuration, with a network of SAM 2's own architecture small enough for a test."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from echoseg.errors import WeightsError
from echoseg.model import HieraConfig, ViTConfig, build_model, load_network, model_config
from echoseg.simulate import random_volume
from echoseg.training import load_config, train
from echoseg.training.clip_loss import ClipLoss
from echoseg.training.config import TrainConfig
from echoseg.training.export import export_weights
from echoseg.training.feed import Feed
from echoseg.training.sources import build_datasets
from echoseg.training.trainer import architecture, network

CONFIG = Path(__file__).parents[2] / "configs" / "train" / "finetune_medsam2.yaml"
SMALL = {
    "image_size": 64,
    "trunk": HieraConfig(embed_dim=16, stages=(1, 2, 3, 1), global_att_blocks=(4, 5)),
    "d_model": 64,
    "mem_dim": 16,
    "memory_layers": 1,
    "memory_ffn": 64,
    "decoder_mlp": 64,
}


@pytest.fixture
def config(tmp_path: Path) -> TrainConfig:
    """Simulated volumes as MedSAM2's npz, the weights as an official ``.pt``, and three steps; all else as shipped."""
    for seed in range(3):
        volume = random_volume(seed, size=64, slices=6)
        (tmp_path / "npz").mkdir(exist_ok=True)
        np.savez_compressed(tmp_path / "npz" / f"{seed}.npz", imgs=volume.frames, gts=volume.masks)
    torch.manual_seed(0)
    torch.save({"model": build_model(replace(model_config("medsam2"), **SMALL)).state_dict()}, tmp_path / "tiny.pt")
    shipped = load_config(CONFIG)
    trunk = {"embed_dim": 16, "stages": [1, 2, 3, 1], "global_att_blocks": [4, 5]}
    data = {"kind": "medsam2", "root": str(tmp_path / "npz"), "frames": 4}
    changes = {
        "model_options": {**SMALL, "trunk": trunk},
        "weights": str(tmp_path / "tiny.pt"),
        "data": [data],
        "evaluation": {"data": data, "clips": 2},
        "stages": [{**shipped.stages[0].model_dump(), "steps": 3, "frames": 3}],
        "optimizer": {**shipped.optimizer.model_dump(), "lr": 1e-3, "warmup": 0},  # random weights need larger steps
        "workers": 0,
        "device": "cpu",
    }
    return TrainConfig.model_validate({**shipped.model_dump(), **changes})


def mean_loss(config: TrainConfig, state: dict[str, torch.Tensor]) -> float:
    """Over batches of steps that training did not see, with the same prompts each time."""
    model = network(config)
    model.load_state_dict(state)
    feed = Feed(config, build_datasets(config), model.config)
    with torch.no_grad():
        return float(np.mean([ClipLoss(model, config.loss, config.prompts)(feed[step])[0] for step in range(100, 104)]))


def test_a_few_steps_lower_the_loss_and_the_weights_load_again(config, tmp_path):
    result = train(config, tmp_path / "run")
    assert (result.step, result.skipped) == (3, 0)
    assert set(result.evaluation) == {"object_box", "object_box_clip", "score"}
    trained = torch.load(tmp_path / "run" / "last.pt", weights_only=True)["model"]
    before = mean_loss(config, torch.load(config.weights, weights_only=True)["model"])
    assert mean_loss(config, trained) < 0.95 * before
    load_network(architecture(config), export_weights(tmp_path / "run" / "last.pt", tmp_path / "tuned.safetensors"))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_whole_architecture_learns_from_a_pt_on_a_cpu(config, tmp_path):
    """MedSAM2's own network, at half its input size, from random weights in the form of the published file."""
    torch.save({"model": build_model(replace(model_config("medsam2"), image_size=256)).state_dict()}, tmp_path / "whole.pt")
    stage = config.stages[0].model_copy(update={"steps": 8, "frames": 2, "batch": 1, "objects": 1, "accumulate": 1})
    changes = {"model_options": {"image_size": 256}, "weights": tmp_path / "whole.pt", "stages": (stage,)}
    optimizer = config.optimizer.model_copy(update={"lr": 2e-4})
    whole = config.model_copy(update={**changes, "optimizer": optimizer, "evaluation": config.evaluation.model_copy(update={"clips": 0})})
    train(whole, tmp_path / "run")
    trained = torch.load(tmp_path / "run" / "last.pt", weights_only=True)["model"]
    before = mean_loss(whole, torch.load(tmp_path / "whole.pt", weights_only=True)["model"])
    assert mean_loss(whole, trained) < 0.8 * before


def test_encoder_moves_more_slowly_than_the_decoder(config, tmp_path):
    train(config, tmp_path / "run", max_steps=1)
    old, new = (torch.load(path, weights_only=True)["model"] for path in (config.weights, tmp_path / "run" / "last.pt"))

    def moved(name: str) -> float:
        return float((new[name] - old[name]).abs().max())

    first, last = (moved(f"image_encoder.trunk.blocks.{i}.mlp.layers.0.weight") for i in (0, 6))
    decoder = moved("sam_mask_decoder.transformer.layers.0.mlp.layers.0.weight")
    assert 0 < first < last < decoder


def test_efficienttam_learns_by_the_same_configuration(config, tmp_path):
    trunk = {"embed_dim": 24, "num_heads": 2, "depth": 2, "window_size": 3, "global_att_blocks": [1]}
    small = config.model_copy(update={"model": "efficienttam-tiny", "model_options": {**SMALL, "trunk": trunk}})
    assert architecture(small).trunk == ViTConfig(24, 2, depth=2, window_size=3, global_att_blocks=(1,))
    before = build_model(architecture(small)).state_dict()
    torch.save({"model": before}, config.weights)
    train(small, tmp_path / "run", max_steps=1)
    after = torch.load(tmp_path / "run" / "last.pt", weights_only=True)["model"]
    moved = {name.split(".")[0] for name, value in before.items() if not torch.equal(value, after[name])}
    assert {"image_encoder", "memory_attention", "memory_encoder", "sam_mask_decoder"} <= moved


def test_paths_left_unfilled_are_named(tmp_path):
    with pytest.raises(WeightsError, match=r"path/to/MedSAM2_latest\.pt"):
        train(CONFIG, tmp_path)
