from __future__ import annotations

import csv

import pytest
import torch

from echoseg.training import train
from echoseg.training.clip_loss import ClipLoss
from echoseg.training.config import StageConfig
from echoseg.training.trainer import TrainingError


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
