from __future__ import annotations

import csv

import pytest
import torch

from echoseg.errors import WeightsError
from echoseg.training import train


def test_resumed_run_equals_an_uninterrupted_one_bit_for_bit(tiny, tmp_path):
    train(tiny, tmp_path / "whole")
    for stop in (2, 2, 2):  # within the first stage, across the border, to the end
        train(tiny, tmp_path / "parts", max_steps=stop)
    whole, parts = (torch.load(tmp_path / run / "last.pt", weights_only=True) for run in ("whole", "parts"))
    assert whole["progress"]["step"] == parts["progress"]["step"] == 6
    for part in ("model", "average"):
        assert all(torch.equal(value, parts[part][name]) for name, value in whole[part].items())
    moments = [state["optimizer"]["state"] for state in (whole, parts)]
    assert all(torch.equal(moments[0][i]["exp_avg"], moments[1][i]["exp_avg"]) for i in moments[0])


def test_log_has_each_step_once_after_a_resume(tiny, tmp_path):
    train(tiny, tmp_path, max_steps=2)
    train(tiny, tmp_path, max_steps=2)
    with (tmp_path / "train.csv").open() as file:
        assert [int(row["step"]) for row in csv.DictReader(file)] == [1, 2, 3, 4]


def test_finished_run_does_nothing_when_started_again(tiny, tmp_path):
    train(tiny, tmp_path)
    before = (tmp_path / "train.csv").read_text()
    assert train(tiny, tmp_path).step == 6
    assert (tmp_path / "train.csv").read_text() == before


def test_checkpoint_of_another_model_is_refused(tiny, tmp_path):
    train(tiny, tmp_path, max_steps=1)
    other = tiny.model_copy(update={"model_options": {**tiny.model_options, "d_model": 64}})
    with pytest.raises(WeightsError, match=r"last\.pt"):
        train(other, tmp_path)
