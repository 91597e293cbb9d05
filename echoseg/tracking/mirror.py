"""A prompted frame asked once more in mirror image: the two answers, averaged, are steadier than either.

Whoever is trained on pictures and their mirror images errs differently on the two. What memory attends to is not mirrored, so this is
for frames that are answered by prompts alone.
"""

from __future__ import annotations

from dataclasses import replace

import torch

from echoseg.model.prompt_encoder import BOX_FIRST, PromptTensors
from echoseg.model.sam2 import MaskPrediction


def mirrored_prompt(prompt: PromptTensors, side: int) -> PromptTensors:
    """The same prompt on the mirror image of a ``side`` pixel wide input; the corners of a box keep their order left to right."""
    points, mask = prompt.points, prompt.mask
    if points is not None and prompt.labels is not None:
        flipped = torch.stack([side - points[..., 0], points[..., 1]], dim=-1)
        corner = prompt.labels == BOX_FIRST
        points = flipped.clone()
        points[..., 0] = torch.where(corner, flipped[..., 0].roll(-1, dims=1), flipped[..., 0])
        points[..., 0] = torch.where(corner.roll(1, dims=1), flipped[..., 0].roll(1, dims=1), points[..., 0])
    return replace(prompt, points=points, mask=None if mask is None else mask.flip(-1))


def averaged(answer: MaskPrediction, mirrored: MaskPrediction) -> MaskPrediction:
    """``answer`` with mask logits and predicted IoU averaged with those of the ``mirrored`` one, where both see the object.

    Of several candidates the one counts that has the highest IoU on average; averaged are answers to the same question.
    """
    both = (answer.object_score > 0) & (mirrored.object_score > 0)
    masks, ious = (answer.multimasks + mirrored.multimasks.flip(-1)) / 2, (answer.ious + mirrored.ious) / 2
    rows, best = torch.arange(len(ious), device=ious.device), ious.argmax(dim=1)
    mask = torch.where(both[..., None, None], masks[rows, best][:, None].float(), answer.mask)
    return replace(answer, mask=mask, iou=torch.where(both[:, 0], ious[rows, best], answer.iou))
