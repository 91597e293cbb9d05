from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import torch

from echoseg.training import load_config, train
from echoseg.training.config import TrainConfig
from echoseg.training.evaluate import evaluate, hold_out
from echoseg.training.heads import head_config
from echoseg.training.trainer import network
from echoseg.training.views import view_config

CONFIGS = Path(__file__).parents[2] / "configs" / "train"
WHOLE_PICTURE = 0.2
"""Dice of the LV when every pixel is called LV, about."""


def shortened(config: TrainConfig) -> TrainConfig:
    """A quarter of the steps; all else as shipped."""
    stills, clips = config.stages
    stages = (stills.model_copy(update={"steps": 40}), clips.model_copy(update={"steps": 3}))
    evaluation = config.evaluation.model_copy(update={"clips": 4})
    return config.model_copy(update={"stages": stages, "evaluation": evaluation, "log_every": 1})


@pytest.mark.timeout(400)  # ten seconds of work, but a busy machine may take its time
def test_shortened_smoke_run_lowers_the_loss_and_raises_dice(tmp_path):
    config = shortened(load_config(CONFIGS / "smoke.yaml"))
    torch.manual_seed(config.seed)
    fresh = network(config)
    before = evaluate(fresh, hold_out(config.evaluation, fresh.config.image_size))
    result = train(config, tmp_path)
    with (tmp_path / "train.csv").open() as file:
        losses = [float(row["loss"]) for row in csv.DictReader(file) if row["stage"] == "stills"]
    assert np.mean(losses[-6:]) < 0.7 * np.mean(losses[:6])
    assert before["LV_box"] < WHOLE_PICTURE < 0.35 < result.evaluation["LV_box"]
    assert (tmp_path / "best.pt").is_file() and (tmp_path / "last.pt").is_file()


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_configuration_is_valid_and_writes_outside_the_tree(path, monkeypatch):
    monkeypatch.setenv("ECHOSEG_TRAIN", "data")
    config = view_config(path) or head_config(path) or load_config(path)
    assert config.name == path.stem
    assert config.folder() == Path.home() / ".cache" / "echoseg" / "train" / path.stem
