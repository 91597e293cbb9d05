from __future__ import annotations

import pytest
import torch
from torch import nn

from echoseg.training.ema import WeightAverage


def test_average_follows_its_formula():
    model = nn.Linear(1, 1, bias=False)
    nn.init.constant_(model.weight, 2.0)
    average = WeightAverage(model, decay=0.15)
    expected = 2.0
    for weight, decay in ((5.0, 1 / 10), (7.0, 0.15), (-1.0, 0.15)):  # (1 + n) / (10 + n) until that exceeds 0.15
        nn.init.constant_(model.weight, weight)
        average.update(model)
        expected = decay * expected + (1 - decay) * weight
        assert average.state["weight"].item() == pytest.approx(expected, rel=1e-5)


def test_average_of_constant_weights_is_those_weights():
    model = nn.Linear(3, 2)
    average = WeightAverage(model, decay=0.999)
    for _ in range(5):
        average.update(model)
    torch.testing.assert_close(average.state, model.state_dict())


def test_whole_numbers_are_copied():
    model = nn.BatchNorm1d(2)
    average = WeightAverage(model, decay=0.999)
    model.num_batches_tracked.fill_(7)
    average.update(model)
    assert average.state["num_batches_tracked"].item() == 7
