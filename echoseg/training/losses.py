"""The losses of SAM 2 (arXiv 2408.00714, appendix D.2.2): focal and dice on the mask, L1 on the predicted IoU, cross-entropy on the
object score.

Masks are compared at the decoder's own resolution with **area-averaged** truth in 0..1: a border pixel's target is the share of it that
lies inside, so that the zero level of the logits learns the border's place below one pixel. With several masks a prompt (ambiguity) only
the mask with the lowest focal + dice learns; the IoU head learns from all.

Two terms are ours: pixels are all that focal and dice see, and a border that hardly shows is put where it lies on average, so that a
ventricle is drawn too small when full and too large when empty. :func:`area` compares the areas themselves, :func:`motion` how they
change within a clip.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from echoseg.training.config import LossConfig


def focal(logits: Tensor, target: Tensor, alpha: float, gamma: float) -> Tensor:
    """Sigmoid focal loss (Lin et al. 2017), mean over the last two axes.

    Args:
        logits: ``(..., H, W)``; target: the same shape in 0..1 (soft targets weigh both classes).
        alpha: weight of the inside, 1 - alpha of the outside; negative: both 1.
    """
    p = torch.sigmoid(logits)
    entropy = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    wrong = p * (1 - target) + (1 - p) * target
    loss = entropy * wrong**gamma
    if alpha >= 0:
        loss = loss * (alpha * target + (1 - alpha) * (1 - target))
    return loss.mean(dim=(-2, -1))


def dice(logits: Tensor, target: Tensor) -> Tensor:
    """1 - (2 sum(p t) + 1) / (sum(p) + sum(t) + 1) over the last two axes (Milletari et al. 2016, smoothed as in SAM 2)."""
    p = torch.sigmoid(logits)
    overlap = 2 * (p * target).sum(dim=(-2, -1))
    return 1 - (overlap + 1) / (p.sum(dim=(-2, -1)) + target.sum(dim=(-2, -1)) + 1)


def mask_iou(logits: Tensor, target: Tensor) -> Tensor:
    """IoU of ``logits > 0`` and ``target >= 0.5`` over the last two axes; 0 when both are empty (as in SAM 2: union at least 1)."""
    a, b = logits > 0, target >= 0.5
    union = (a | b).sum(dim=(-2, -1)).clamp(min=1)
    return (a & b).sum(dim=(-2, -1)) / union


def motion(logits: Tensor, target: Tensor, known: Tensor) -> Tensor:
    """How far areas change otherwise than they truly do since the clip's first frame.

    The logarithm of predicted over true area, less that of the first frame, squared (beyond 0.2 linear), mean over the later frames. The
    first frame, where the prompt is, does not learn from it: it would learn to err as the others do.

    Args:
        logits: ``(N, T, h, w)``; target: the same shape in 0..1.
        known: ``(N, T)`` bool; frames without truth do not count, nor do those whose truth fills less than a fortieth of the picture: of
            small areas every border pixel is a large share, and they would drown what the other terms teach.

    Returns:
        ``(N,)``, 0 where the first or all later frames do not count.
    """
    error, counts = _area_error(logits, target, known)
    counts = counts[:, 1:] * counts[:, :1]
    change = error[:, 1:] - error[:, :1].detach()
    return _mean_over_frames(change, counts)


def area(logits: Tensor, target: Tensor, known: Tensor) -> Tensor:
    """How far areas are from the true ones: as :func:`motion`, of every frame by itself, the first included."""
    return _mean_over_frames(*_area_error(logits, target, known))


def _area_error(logits: Tensor, target: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
    """The logarithm of predicted over true area ``(N, T)``, and 1 for the frames that count, else 0."""
    true = target.sum(dim=(-2, -1))
    found = torch.sigmoid(logits).sum(dim=(-2, -1))
    counts = (known & (true >= target[0, 0].numel() / 40) & (found > 1)).float()
    return torch.log((found + 1) / (true + 1)), counts


def _mean_over_frames(error: Tensor, counts: Tensor) -> Tensor:
    error = error * counts
    return F.smooth_l1_loss(error, torch.zeros_like(error), reduction="none", beta=0.2).sum(dim=1) / counts.sum(dim=1).clamp(min=1)


def area_average(masks: Tensor, size: tuple[int, int]) -> Tensor:
    """``(..., S, S)`` bool masks averaged down to ``(..., *size)`` float32 in 0..1."""
    flat = masks.reshape(-1, 1, *masks.shape[-2:]).float()
    return F.interpolate(flat, size, mode="area").reshape(*masks.shape[:-2], *size)


@dataclass(frozen=True)
class Losses:
    """Per-object loss terms ``(N,)`` of one answer of the model; terms that do not apply to an object are 0."""

    focal: Tensor
    dice: Tensor
    iou: Tensor
    object: Tensor

    def total(self, config: LossConfig) -> Tensor:
        """``(N,)`` weighted sum."""
        return config.focal * self.focal + config.dice * self.dice + config.iou * self.iou + config.object * self.object


def mask_losses(masks: Tensor, ious: Tensor, object_score: Tensor, target: Tensor, known: Tensor, config: LossConfig) -> Losses:
    """Losses of one answer.

    Args:
        masks: ``(N, M, h, w)`` mask logits; ious: ``(N, M)`` predicted IoU; object_score: ``(N, 1)`` logits.
        target: ``(N, h, w)`` truth in 0..1; an object whose truth is empty is absent: only its object score learns.
        known: ``(N,)`` bool; where False nothing learns.
    """
    truth = target[:, None].expand_as(masks)
    focals = focal(masks, truth, config.focal_alpha, config.focal_gamma)
    dices = dice(masks, truth)
    best = (config.focal * focals + config.dice * dices).argmin(dim=1, keepdim=True)
    present = (target.amax(dim=(-2, -1)) > 0) & known
    ious_error = (ious - mask_iou(masks.detach(), truth)).abs().mean(dim=1)
    score = F.binary_cross_entropy_with_logits(object_score[:, 0], (target.amax(dim=(-2, -1)) > 0).float(), reduction="none")
    return Losses(
        focal=focals.gather(1, best)[:, 0] * present,
        dice=dices.gather(1, best)[:, 0] * present,
        iou=ious_error * present,
        object=score * known,
    )
