from __future__ import annotations

import math

import pytest
import torch

from echoseg.training.config import LossConfig
from echoseg.training.losses import area, area_average, dice, focal, mask_iou, mask_losses, motion

ON, OFF = math.log(3), -math.log(3)  # sigmoid 0.75 and 0.25


def test_focal_loss_of_two_pixels_by_hand():
    logits, target = torch.tensor([[ON, ON]]), torch.tensor([[1.0, 0.0]])
    right = 0.25 * 0.25**2 * -math.log(0.75)  # alpha, (1 - p)^gamma, cross-entropy
    wrong = 0.75 * 0.75**2 * -math.log(0.25)
    assert focal(logits, target, alpha=0.25, gamma=2.0).item() == pytest.approx((right + wrong) / 2, rel=1e-6)


def test_focal_loss_without_focus_is_half_the_cross_entropy():
    logits, target = torch.randn(3, 4, 5), torch.rand(3, 4, 5)
    entropy = torch.nn.functional.binary_cross_entropy_with_logits(logits, target, reduction="none").mean(dim=(1, 2))
    torch.testing.assert_close(focal(logits, target, alpha=0.5, gamma=0.0), entropy / 2)


def test_dice_loss_by_hand():
    logits, target = torch.tensor([[ON, OFF], [OFF, OFF]]), torch.tensor([[1.0, 0.0], [0.0, 0.0]])
    assert dice(logits, target).item() == pytest.approx(1 - (2 * 0.75 + 1) / (1.5 + 1 + 1), rel=1e-6)


def test_dice_loss_of_the_truth_is_nearly_0():
    target = torch.zeros(8, 8)
    target[2:5, 3:7] = 1
    assert dice(target * 40 - 20, target).item() < 1e-6


def test_iou_by_hand_and_of_two_empty_masks():
    target = torch.tensor([[1.0, 1.0, 0.5, 0.4]])
    assert mask_iou(torch.tensor([[1.0, -1.0, 1.0, 1.0]]), target).item() == pytest.approx(2 / 4)
    assert mask_iou(torch.full((1, 4), -1.0), torch.zeros(1, 4)).item() == 0


def test_area_average_gives_a_border_pixel_its_inside_share():
    mask = torch.zeros(1, 4, 4, dtype=torch.bool)
    mask[0, :3, :2] = True
    assert area_average(mask, (2, 2)).tolist() == [[[1.0, 0.0], [0.5, 0.0]]]


def answer(first: float, second: float) -> torch.Tensor:
    """Two candidate masks of one object, each of one value."""
    return torch.stack([torch.full((1, 2, 2), first), torch.full((1, 2, 2), second)], dim=1).requires_grad_()


def test_only_the_best_candidate_mask_learns_but_every_predicted_iou_does():
    masks, ious = answer(ON, OFF), torch.tensor([[0.9, 0.3]], requires_grad=True)
    terms = mask_losses(masks, ious, torch.zeros(1, 1), torch.ones(1, 2, 2), torch.tensor([True]), LossConfig())
    assert terms.dice.item() == pytest.approx(1 - (2 * 3 + 1) / (3 + 4 + 1), rel=1e-6)
    assert terms.iou.item() == pytest.approx((0.1 + 0.3) / 2, rel=1e-6)  # their IoU is 1 and 0
    assert terms.object.item() == pytest.approx(math.log(2), rel=1e-6)
    terms.total(LossConfig()).sum().backward()
    assert masks.grad[0, 0].abs().min() > 0
    assert masks.grad[0, 1].abs().max() == 0
    assert ious.grad.abs().min() > 0


def test_total_is_the_weighted_sum():
    config = LossConfig(focal=20, dice=2, iou=3, object=5)
    terms = mask_losses(answer(ON, OFF), torch.tensor([[0.9, 0.3]]), torch.zeros(1, 1), torch.ones(1, 2, 2), torch.tensor([True]), config)
    assert terms.total(config).item() == pytest.approx((20 * terms.focal + 2 * terms.dice + 3 * terms.iou + 5 * terms.object).item())


def test_absent_object_teaches_its_object_score_only():
    terms = mask_losses(answer(ON, OFF), torch.ones(1, 2), torch.tensor([[ON]]), torch.zeros(1, 2, 2), torch.tensor([True]), LossConfig())
    assert (terms.focal.item(), terms.dice.item(), terms.iou.item()) == (0, 0, 0)
    assert terms.object.item() == pytest.approx(-math.log(0.25), rel=1e-6)


def test_frame_without_truth_teaches_nothing():
    terms = mask_losses(answer(ON, OFF), torch.ones(1, 2), torch.tensor([[ON]]), torch.ones(1, 2, 2), torch.tensor([False]), LossConfig())
    assert terms.total(LossConfig()).item() == 0


def _squares(*sides: int) -> torch.Tensor:
    """``(1, T, 32, 32)`` squares in 0..1, one side a frame."""
    frames = torch.zeros(1, len(sides), 32, 32)
    for frame, side in enumerate(sides):
        frames[0, frame, :side, :side] = 1
    return frames


def test_motion_loss_does_not_mind_the_scale_of_an_area():
    assert motion(_logits(_squares(28, 14)), _squares(20, 10), torch.ones(1, 2, dtype=torch.bool)).item() < 1e-4


def test_motion_loss_of_an_area_that_moves_too_little_by_hand():
    said, true = _squares(20, 16), _squares(20, 10)
    found = motion(_logits(said), true, torch.ones(1, 2, dtype=torch.bool))
    assert found.item() == pytest.approx(math.log(257 / 101) - 0.1, abs=1e-4)  # beyond 0.2 the loss is linear: |e| - 0.1


def test_motion_loss_leaves_the_prompted_frame_alone():
    logits = (0.1 * _logits(_squares(20, 16))).requires_grad_()
    motion(logits, _squares(20, 10), torch.ones(1, 2, dtype=torch.bool)).backward()
    assert not logits.grad[:, 0].any() and logits.grad[:, 1].any()


def test_motion_loss_leaves_out_frames_without_truth_or_object():
    said, true = _squares(20, 16, 16, 10), _squares(20, 10, 0, 10)
    assert motion(_logits(said), true, torch.tensor([[True, False, True, True]])).item() < 1e-4
    assert motion(_logits(said[:, :1]), true[:, :1], torch.ones(1, 1, dtype=torch.bool)).item() == 0


def test_motion_loss_leaves_out_areas_below_a_fortieth_of_the_picture():
    known = torch.ones(1, 2, dtype=torch.bool)
    small, large = motion(_logits(_squares(5, 5)), _squares(5, 4), known), motion(_logits(_squares(10, 10)), _squares(10, 8), known)
    assert small.item() == 0 and large.item() > 0.05


def _logits(masks: torch.Tensor) -> torch.Tensor:
    return 40 * masks - 20


def test_area_loss_of_the_first_frame_by_hand():
    true, said = _squares(20, 10), _squares(20, 12)
    error = torch.log(torch.tensor((144 + 1) / (100 + 1)))
    assert area(_logits(said), true, torch.ones(1, 2, dtype=torch.bool)).item() == pytest.approx((error - 0.1).item() / 2, abs=2e-3)


def test_area_loss_is_nothing_where_areas_are_right():
    assert area(_logits(_squares(20, 10)), _squares(20, 10), torch.ones(1, 2, dtype=torch.bool)).item() < 1e-4
