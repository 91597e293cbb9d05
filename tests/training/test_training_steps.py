from __future__ import annotations

import csv
from dataclasses import replace

import pytest
import torch
from beating_ellipses import Ellipses, tiny_config

from echoseg.model import build_model
from echoseg.training import train
from echoseg.training.clip_loss import ClipLoss
from echoseg.training.config import StageConfig
from echoseg.training.feed import Feed
from echoseg.training.trainer import TrainingError, architecture


def state(folder) -> dict:
    return torch.load(folder / "last.pt", weights_only=True)


def first_moments(folder) -> list[torch.Tensor]:
    """After one step these are the clipped gradients, times a constant."""
    stored = state(folder)["optimizer"]["state"]
    return [stored[i]["exp_avg"] for i in sorted(stored)]


@pytest.mark.parametrize("frames", [1, 3])
def test_accumulated_gradients_equal_those_of_the_whole_batch(tiny, tmp_path, frames):
    for parts in (1, 2, 4):
        stage = StageConfig(name="all", steps=1, batch=4, frames=frames, accumulate=parts)
        train(tiny.model_copy(update={"stages": (stage,)}), tmp_path / str(parts))
    whole, halves, quarters = (first_moments(tmp_path / str(parts)) for parts in (1, 2, 4))
    torch.testing.assert_close(halves, whole, rtol=0, atol=1e-6)
    torch.testing.assert_close(quarters, whole, rtol=0, atol=1e-6)


@pytest.fixture
def poison(monkeypatch):
    """Call with the numbers of the calls whose loss is to become infinite."""

    def from_now(calls):
        count, forward = iter(range(1_000)), ClipLoss.forward

        def poisoned(self, batch):
            loss, terms = forward(self, batch)
            return (loss * float("inf"), terms) if next(count) in calls else (loss, terms)

        monkeypatch.setattr(ClipLoss, "forward", poisoned)

    return from_now


def test_step_without_a_finite_gradient_is_reported_and_leaves_the_weights(tiny, tmp_path, poison, caplog):
    train(tiny, tmp_path, max_steps=1)
    before = state(tmp_path)
    poison({0})
    result = train(tiny, tmp_path, max_steps=1)
    after = state(tmp_path)
    assert (result.step, result.skipped) == (2, 1)
    assert all(torch.equal(value, after["model"][name]) for name, value in before["model"].items())
    assert "step 2: the norm of the gradient is" in caplog.text
    with (tmp_path / "train.csv").open() as file:
        assert [row["skipped"] for row in csv.DictReader(file)] == ["0", "1"]
    assert train(tiny, tmp_path, max_steps=1).skipped == 0


def test_run_whose_gradient_never_is_finite_again_is_given_up(tiny, tmp_path, poison):
    poison(range(1_000))
    stage = StageConfig(name="stills", steps=50, batch=1, objects=1)
    with pytest.raises(TrainingError, match="20 steps in a row: lower optimizer.lr"):
        train(tiny.model_copy(update={"stages": (stage,)}), tmp_path)


def test_rate_warms_up_linearly_and_ends_at_its_final_share(tiny, tmp_path):
    train(tiny.model_copy(update={"optimizer": tiny.optimizer.model_copy(update={"lr": 1e-3, "warmup": 2, "final": 0.1})}), tmp_path)
    with (tmp_path / "train.csv").open() as file:
        rates = [float(row["lr"]) for row in csv.DictReader(file)]
    assert rates[:3] == pytest.approx([0.5e-3, 1e-3, 1e-3])
    assert rates[2:] == sorted(rates[2:], reverse=True) and rates[-1] > 1e-4


def clip_batch(config):
    model = build_model(architecture(config)).train()
    return model, Feed(config, [(Ellipses(), 1.0)], model.config)[config.stages[0].steps]


def gradients(model, batch, config, **options) -> list[torch.Tensor]:
    model.zero_grad()
    ClipLoss(model, config.loss, config.prompts, **options)(batch)[0].backward()
    return [p.grad.clone() for p in model.parameters() if p.grad is not None]


def test_recomputed_activations_change_no_gradient(tiny):
    model, batch = clip_batch(tiny)
    plain = gradients(model, batch, tiny)
    torch.testing.assert_close(gradients(model, batch, tiny, checkpointing=True), plain, rtol=0, atol=1e-6)


def test_what_a_frame_without_truth_shows_teaches_nothing_not_even_through_clicks():
    config = tiny_config(prompts={"correct_frame": 1.0, "corrections": 2})
    model, batch = clip_batch(config)
    known = batch.known.clone()
    known[:, 1:] = False
    unknown = replace(batch, known=known)
    masks = batch.masks.clone()
    masks[:, 1:] = ~masks[:, 1:]
    plain = gradients(model, unknown, config)
    assert all(map(torch.equal, gradients(model, replace(unknown, masks=masks), config), plain))
    assert not all(map(torch.equal, gradients(model, replace(batch, masks=masks), config), gradients(model, batch, config)))
