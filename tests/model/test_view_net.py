import os
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from echoseg.datasets.camus import camus_views
from echoseg.errors import WeightsError
from echoseg.io.thumbnail import FRAMES, SIDE, thumbnail, thumbnails
from echoseg.model.view_net import VIEWS, ViewNet, clip_view, load_view_net, standardised
from echoseg.simulate import random_clip


def test_a_clip_costs_less_than_a_tenth_of_a_gigaflop():
    with FlopCounterMode(display=False) as counter:
        ViewNet().eval()(torch.zeros(FRAMES, 1, SIDE, SIDE))
    assert 0 < counter.get_total_flops() < 1e8


def test_the_answer_does_not_hang_on_the_order_or_the_gain_of_the_frames():
    pictures = np.random.default_rng(0).integers(20, 100, (4, SIDE, SIDE)).astype(np.uint8)
    answer = clip_view(pictures)
    assert sum(answer.shares.values()) == pytest.approx(1)
    assert tuple(answer.shares) == VIEWS
    assert clip_view(pictures[::-1]).shares == pytest.approx(answer.shares, abs=1e-5)
    assert clip_view(2 * pictures).shares == pytest.approx(answer.shares, abs=0.15)


def test_a_flat_picture_is_no_error():
    assert torch.isfinite(standardised(np.zeros((1, SIDE, SIDE), np.uint8))).all()
    assert np.isfinite(clip_view(np.zeros((1, SIDE, SIDE), np.uint8)).confidence)


def test_the_shipped_classifier_tells_simulated_short_axes_from_long_ones():
    for view in ("PSAX", "A4C"):
        clips = [random_clip(900 + seed, 96, 1, (view,)) for seed in range(6)]
        answers = [clip_view(np.stack([thumbnail(clip.frames[0], clip.sector)])).name for clip in clips]
        assert sum((answer == "PSAX") == (view == "PSAX") for answer in answers) >= 5


def test_weights_of_another_network_are_refused(tmp_path):
    torch.save({"other": torch.zeros(1)}, tmp_path / "w.pt")
    with pytest.raises(WeightsError):
        load_view_net(tmp_path / "w.pt")


@pytest.mark.skipif("ECHOSEG_DATA" not in os.environ, reason="ECHOSEG_DATA is not set: no real data here")
def test_real_apical_views_are_told_apart_and_never_surely_taken_for_a_short_axis():
    for reference in camus_views(Path(os.environ["ECHOSEG_DATA"]) / "echo" / "camus"):
        with reference.source() as source:
            answer = clip_view(thumbnails(source))
        assert answer.name == {"2CH": "A2C", "4CH": "A4C"}[reference.name[-3:]]
        assert answer.shares["PSAX"] < 0.5
