from __future__ import annotations

import numpy as np
import pytest
import torch
from beating_ellipses import Ellipses, tiny_config
from hypothesis import given
from hypothesis import strategies as st

from echoseg.model import build_model
from echoseg.training.clip_loss import ClipLoss
from echoseg.training.config import PromptConfig
from echoseg.training.feed import Feed
from echoseg.training.prompts import INSIDE, OUTSIDE, corrective_click, draw_prompt, first_clicks, jittered_box, middle
from echoseg.training.trainer import architecture


def rectangle(x0: int, y0: int, x1: int, y1: int, size: int = 32) -> np.ndarray:
    mask = np.zeros((size, size), bool)
    mask[y0:y1, x0:x1] = True
    return mask


def pixel(xy: np.ndarray) -> tuple[int, int]:
    return int(np.floor(xy[1])), int(np.floor(xy[0]))


@pytest.mark.parametrize("kind", ["box", "points", "structure", "mask"])
def test_each_kind_of_prompt_gives_a_finite_loss_and_gradient(kind):
    shares = {"box": 0.0, "points": 0.0, "structure": 0.0, "mask": 0.0, kind: 1.0}
    config = tiny_config(prompts={**shares, "corrections": 2, "correct_frame": 1.0, "absent": 0.0})
    model = build_model(architecture(config)).train()
    batch = Feed(config, [(Ellipses(), 1.0)], model.config)[config.stages[0].steps]  # the first step of clips
    assert batch.masks.shape == (4, 3, 64, 64) and batch.masks[:, 0].flatten(1).any(1).all()
    assert batch.from_mask.all().item() is (kind == "mask")
    assert (batch.structure >= 0).all().item() is (kind == "structure")
    assert {"box": 2, "points": 1, "structure": 0, "mask": 0}[kind] <= batch.labels.shape[1] <= 3
    assert ((batch.points >= 0) & (batch.points <= 64)).all()
    loss, _ = ClipLoss(model, config.loss, config.prompts)(batch)
    loss.backward()
    assert torch.isfinite(loss) and all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)


@given(seed=st.integers(0, 2**31), x=st.integers(0, 24), y=st.integers(0, 24), w=st.integers(1, 8), h=st.integers(1, 8))
def test_jittered_box_is_a_box_inside_the_frame(seed, x, y, w, h):
    (x0, y0), (x1, y1) = jittered_box(rectangle(x, y, x + w, y + h), 0.5, np.random.default_rng(seed))
    assert min(x0, y0) >= 0 and max(x1, y1) <= 32
    assert x1 - x0 == pytest.approx(max(x1 - x0, 1)) and y1 - y0 == pytest.approx(max(y1 - y0, 1))  # a pixel at least, but for rounding


def test_box_without_jitter_is_tight_with_edges():
    assert jittered_box(rectangle(3, 5, 9, 20), 0.0, np.random.default_rng(0)).tolist() == [[3, 5], [9, 20]]


@given(seed=st.integers(0, 2**31))
def test_clicks_say_truly_what_lies_under_them(seed):
    mask = rectangle(10, 8, 20, 25)
    points, labels = first_clicks(mask, 4, np.random.default_rng(seed))
    assert labels[0] == INSIDE
    assert [bool(mask[pixel(p)]) for p in points] == [label == INSIDE for label in labels]


@given(seed=st.integers(0, 2**31))
def test_corrective_click_lands_in_the_larger_error(seed):
    rng = np.random.default_rng(seed)
    truth = rectangle(8, 8, 24, 24)
    missing_much = truth & ~rectangle(8, 8, 18, 24) | rectangle(26, 8, 28, 24)  # ten columns missed, two too many
    xy, label = corrective_click(missing_much, truth, rng)
    assert label == INSIDE and truth[pixel(xy)] and not missing_much[pixel(xy)]
    too_much = truth | rectangle(0, 8, 8, 24)
    xy, label = corrective_click(too_much, truth, rng)
    assert label == OUTSIDE and too_much[pixel(xy)] and not truth[pixel(xy)]


def test_click_on_a_faultless_answer_confirms_it():
    truth, nothing, rng = rectangle(8, 8, 24, 24), np.zeros((32, 32), bool), np.random.default_rng(0)
    xy, label = corrective_click(truth, truth, rng)
    assert label == INSIDE and truth[pixel(xy)]
    assert corrective_click(nothing, nothing, rng)[1] == OUTSIDE


def test_middle_is_farthest_from_the_border():
    assert middle(rectangle(0, 0, 9, 5)).tolist()[1] == 2.5
    assert middle(rectangle(4, 6, 9, 11)).tolist() == [6.5, 8.5]


def test_empty_mask_can_only_be_asked_for_by_name():
    prompt = draw_prompt(np.zeros((32, 32), bool), 1, PromptConfig(), np.random.default_rng(0), clip=True)
    assert (prompt.kind, prompt.structure, len(prompt.labels)) == ("structure", 1, 0)


def test_still_is_never_prompted_by_its_own_mask():
    config = PromptConfig(box=0, points=0, structure=0, mask=1)
    assert draw_prompt(rectangle(2, 2, 9, 9), -1, config, np.random.default_rng(0), clip=False).kind == "box"
