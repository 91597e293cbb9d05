"""Prompt encoder: points, boxes, low-resolution masks, and echoseg's learned structure prompts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from echoseg.model.config import SAM2Config
from echoseg.model.layers import LayerNorm2d
from echoseg.model.position import RandomFourierPosition

PADDING, OUTSIDE, INSIDE, BOX_FIRST, BOX_SECOND = -1, 0, 1, 2, 3
"""Point labels: padding, background click, foreground click, top-left and bottom-right box corners."""


@dataclass(frozen=True)
class PromptTensors:
    """Prompts of a batch of objects on one frame.

    Attributes:
        points: ``(B, N, 2)`` float x, y in network-input pixels.
        labels: ``(B, N)`` int, see the constants of this module.
        mask: ``(B, 1, mask_size, mask_size)`` mask logits of an earlier answer, or None.
        structure: ``(B,)`` int64 index into ``config.structures``, -1 for none; or None.
    """

    points: Tensor | None = None
    labels: Tensor | None = None
    mask: Tensor | None = None
    structure: Tensor | None = None

    @property
    def ambiguous(self) -> bool:
        """True when the decoder should offer several masks: no more than one click (a box counts as two) and no named structure."""
        clicks = 0 if self.labels is None else self.labels.shape[1]
        return clicks <= 1 and self.structure is None


class PromptEncoder(nn.Module):
    """Turns prompts into sparse tokens and a dense embedding for the mask decoder."""

    def __init__(self, config: SAM2Config) -> None:
        super().__init__()
        width, hidden = config.d_model, 16
        self.image_size = config.image_size
        self.embedding_size = config.embedding_size
        self.pe_layer = RandomFourierPosition(width // 2)
        self.point_embeddings = nn.ModuleList(nn.Embedding(1, width) for _ in range(4))
        self.not_a_point_embed = nn.Embedding(1, width)
        self.mask_downscaling = nn.Sequential(
            nn.Conv2d(1, hidden // 4, 2, 2),
            LayerNorm2d(hidden // 4),
            nn.GELU(),
            nn.Conv2d(hidden // 4, hidden, 2, 2),
            LayerNorm2d(hidden),
            nn.GELU(),
            nn.Conv2d(hidden, width, 1),
        )
        self.no_mask_embed = nn.Embedding(1, width)
        if config.structures:
            self.structure_embed = nn.Embedding(len(config.structures), width)

    def dense_position(self) -> Tensor:
        """Position encoding of the frame embedding, ``(1, C, h, w)``."""
        return self.pe_layer.grid(self.embedding_size)

    def _point_kinds(self) -> Iterator[nn.Embedding]:
        for kind in self.point_embeddings:
            assert isinstance(kind, nn.Embedding)
            yield kind

    def _embed_points(self, points: Tensor, labels: Tensor) -> Tensor:
        # Officially a padding point closes every prompt: the decoder was trained with it.
        points = torch.cat((points, points.new_zeros(points.shape[0], 1, 2)), dim=1)
        labels = torch.cat((labels, labels.new_full((labels.shape[0], 1), PADDING)), dim=1)
        embedding = self.pe_layer((points + 0.5) / self.image_size)
        kinds = torch.cat([self.not_a_point_embed.weight, *(kind.weight for kind in self._point_kinds())])
        return embedding * (labels != PADDING)[..., None] + kinds[labels + 1]

    def forward(self, prompt: PromptTensors, batch: int) -> tuple[Tensor, Tensor]:
        """Sparse tokens ``(batch, N, C)`` and dense embedding ``(batch, C, h, w)``."""
        weight = self.no_mask_embed.weight
        points, labels = prompt.points, prompt.labels
        if points is None or labels is None:
            points = weight.new_zeros(batch, 1, 2)
            labels = torch.full((batch, 1), PADDING, device=weight.device)
        sparse = self._embed_points(points, labels.long())
        if prompt.structure is not None:
            kinds = torch.cat((self.not_a_point_embed.weight, self.structure_embed.weight))
            sparse = torch.cat((sparse, kinds[prompt.structure + 1][:, None]), dim=1)
        if prompt.mask is not None:
            dense = self.mask_downscaling(prompt.mask)
        else:
            dense = weight.reshape(1, -1, 1, 1).expand(batch, -1, self.embedding_size, self.embedding_size)
        return sparse, dense
