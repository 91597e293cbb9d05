"""The loss of a batch of clips, as one module, so that DistributedDataParallel sees one forward pass."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from echoseg.model.sam2 import SAM2
from echoseg.training.config import LossConfig, PromptConfig
from echoseg.training.feed import Batch
from echoseg.training.losses import area, area_average, mask_losses, motion
from echoseg.training.rollout import merge, rollout


class ClipLoss(nn.Module):
    """``forward(batch)`` gives the scalar loss and its terms, each the mean over rounds and objects, for the log.

    The terms for area and motion look at the last answers of a clip's frames together.
    """

    def __init__(self, model: SAM2, loss: LossConfig, prompts: PromptConfig, *, checkpointing: bool = False) -> None:
        super().__init__()
        self.model, self.loss, self.prompts, self.checkpointing = model, loss, prompts, checkpointing

    def forward(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """Every object and every round of questions weighs the same."""
        side = self.model.config.mask_size
        target = area_average(batch.masks, (side, side))
        rounds = 0
        sums: dict[str, Tensor] = {}
        last: list[Tensor] = []
        for answers, final in rollout(self.model, batch, self.prompts, checkpointing=self.checkpointing):
            rounds += 1
            if final and (self.loss.area or self.loss.motion):
                last.append(merge(answers, "mask")[:, 0].float())
            for a in (a for a in answers if a.learns):
                truth, known = target[a.rows, a.frame], batch.known[a.rows, a.frame]
                terms = mask_losses(a.said.multimasks.float(), a.said.ious.float(), a.said.object_score.float(), truth, known, self.loss)
                parts = {"loss": terms.total(self.loss), "focal": terms.focal, "dice": terms.dice, "iou": terms.iou, "object": terms.object}
                for name, value in parts.items():
                    sums[name] = sums.get(name, torch.zeros((), device=value.device)) + value.sum()
        means = {name: value / (rounds * len(batch.masks)) for name, value in sums.items()}
        if last:
            for name, term, weight in (("area", area, self.loss.area), ("motion", motion, self.loss.motion)):
                if weight:
                    means[name] = term(torch.stack(last, dim=1), target, batch.known).mean()
                    means["loss"] = means["loss"] + weight * means[name]
        return means["loss"], {name: value.detach() for name, value in means.items()}
