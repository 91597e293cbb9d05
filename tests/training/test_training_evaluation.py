from __future__ import annotations

import numpy as np
import pytest
from beating_ellipses import Ellipses, tiny_config

from echoseg.metrics.overlap import dice
from echoseg.model import build_model
from echoseg.training import evaluate as evaluation
from echoseg.training.config import EvaluationConfig
from echoseg.training.dataset import UNNAMED, Sample
from echoseg.training.evaluate import evaluate, hold_out, plain_batch
from echoseg.training.trainer import architecture


@pytest.fixture
def model():
    return build_model(architecture(tiny_config()))


def test_dice_by_hand():
    a, b = np.array([True, True, True, False]), np.array([False, True, True, False])
    assert dice(a, b) == pytest.approx(4 / 5)
    assert dice(a, ~a) == 0
    assert dice(np.zeros(4, bool), np.zeros(4, bool), empty=1) == 1


def test_perfect_model_scores_1_under_every_prompt(model, monkeypatch):
    monkeypatch.setattr(evaluation, "predict", lambda model, batch: batch.masks.numpy())
    scores = evaluate(model, [Ellipses().sample(0, np.random.default_rng(0))])
    stills = {f"{name}_{prompt}" for name in ("LV", "LA", "MYO") for prompt in ("box", "structure")}
    assert set(scores) == stills | {"LV_box_clip", "LV_structure_clip", "score"}
    assert set(scores.values()) == {1.0}


def test_frames_without_truth_and_the_prompted_one_do_not_count(model, monkeypatch):
    masks = np.zeros((5, 1, 64, 64), bool)
    masks[1, 0, 10:20, 10:20] = masks[4, 0, 10:20, 10:20] = True  # appears on frame 1; frames 2 and 3 are not known
    sample = Sample(np.zeros((5, 64, 64), np.uint8), masks, np.array([UNNAMED]), np.array([True, True, False, False, True]))
    seen = []

    def wrong_on_the_last_frame(model, batch):
        seen.append(batch.masks.shape[:2])
        answer = batch.masks.numpy().copy()
        answer[-1, -1] = False
        return answer

    monkeypatch.setattr(evaluation, "predict", wrong_on_the_last_frame)
    assert evaluate(model, [sample]) == {"object_box": 0.5, "object_box_clip": 0.0, "score": 0.25}
    assert seen == [(2, 1), (1, 4)]


def test_box_of_a_still_is_tight_around_its_own_mask():
    sample = Ellipses().sample(0, np.random.default_rng(0))
    batch = plain_batch(sample.frames, sample.masks[:, 0], stills=True)
    for (x0, y0), (x1, y1), mask in zip(batch.points[:, 0].tolist(), batch.points[:, 1].tolist(), sample.masks[:, 0], strict=True):
        ys, xs = np.nonzero(mask)
        assert (x0, y0, x1, y1) == (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1)


def test_hold_out_is_the_same_each_time_and_of_the_input_size():
    config = EvaluationConfig.model_validate({"clips": 2, "data": {"kind": "simulated", "frames": 2, "size": 48}})
    one, other = hold_out(config, 64), hold_out(config, 64)
    assert [sample.frames.shape[:3] for sample in one] == [(2, 64, 64)] * 2
    assert all(np.array_equal(a.frames, b.frames) and np.array_equal(a.masks, b.masks) for a, b in zip(one, other, strict=True))
