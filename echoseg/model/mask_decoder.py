"""Mask decoder of SAM 2: masks, predicted IoU, object score, and the tokens that become object pointers."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from echoseg.model.config import SAM2Config
from echoseg.model.layers import MLP, LayerNorm2d
from echoseg.model.transformer import TwoWayTransformer

_STABILITY_DELTA, _STABILITY_THRESHOLD = 0.05, 0.98
_NUM_MASK_TOKENS = 4  # one for a single mask, three for the ambiguous case


@dataclass(frozen=True)
class DecodedMasks:
    """Raw answer of the decoder: ``masks (B, M, h, w)`` logits, ``ious (B, M)``, ``tokens (B, M or 1, C)``, ``object_score (B, 1)``."""

    masks: Tensor
    ious: Tensor
    tokens: Tensor
    object_score: Tensor


def stability(logits: Tensor) -> Tensor:
    """Area above +delta over area above -delta of ``(..., h, w)`` logits; 1 for an empty mask (Kirillov et al. 2023)."""
    inner = (logits > _STABILITY_DELTA).sum((-2, -1)).float()
    outer = (logits > -_STABILITY_DELTA).sum((-2, -1)).float()
    return torch.where(outer > 0, inner / outer, 1.0)


class MaskDecoder(nn.Module):
    """Two-way transformer over image and tokens, then per-token dynamic convolution of the upscaled embedding."""

    def __init__(self, config: SAM2Config) -> None:
        super().__init__()
        width = config.d_model
        self.transformer = TwoWayTransformer(width, config.decoder_heads, config.decoder_mlp)
        self.iou_token = nn.Embedding(1, width)
        self.mask_tokens = nn.Embedding(_NUM_MASK_TOKENS, width)
        self.obj_score_token = nn.Embedding(1, width)
        self.output_upscaling = nn.Sequential(
            nn.ConvTranspose2d(width, width // 4, 2, 2),
            LayerNorm2d(width // 4),
            nn.GELU(),
            nn.ConvTranspose2d(width // 4, width // 8, 2, 2),
            nn.GELU(),
        )
        if config.use_high_res_features:
            self.conv_s0 = nn.Conv2d(width, width // 8, 1)
            self.conv_s1 = nn.Conv2d(width, width // 4, 1)
        self.output_hypernetworks_mlps = nn.ModuleList(MLP(width, width, width // 8, 3) for _ in range(_NUM_MASK_TOKENS))
        self.iou_prediction_head = MLP(width, config.iou_hidden, _NUM_MASK_TOKENS, 3, sigmoid_output=True)
        self.pred_obj_score_head = MLP(width, width, 1, 3)

    def _upscale(self, image: Tensor, high_res: tuple[Tensor, ...]) -> Tensor:
        if not high_res:
            return self.output_upscaling(image)
        first, norm, activation, second, last = self.output_upscaling
        stride_4, stride_8 = high_res
        return last(second(activation(norm(first(image) + stride_8))) + stride_4)

    def forward(
        self, embedding: Tensor, position: Tensor, sparse: Tensor, dense: Tensor, high_res: tuple[Tensor, ...], multimask: bool
    ) -> DecodedMasks:
        """Decodes ``embedding (B, C, h, w)`` with ``sparse (B, N, C)`` and ``dense (B, C, h, w)`` prompts.

        ``multimask`` gives three masks; otherwise one, replaced in evaluation by the best of the three when it is unstable.
        """
        batch = sparse.shape[0]  # a shape, not len(): that would be fixed where a graph is traced
        fixed = torch.cat((self.obj_score_token.weight, self.iou_token.weight, self.mask_tokens.weight))
        tokens = torch.cat((fixed.expand(batch, -1, -1), sparse), dim=1)
        tokens, image = self.transformer(embedding + dense, position.expand(batch, -1, -1, -1), tokens)
        mask_tokens = tokens[:, 2 : 2 + _NUM_MASK_TOKENS]
        upscaled = self._upscale(image.transpose(1, 2).reshape(embedding.shape), high_res)
        kernels = torch.stack([mlp(mask_tokens[:, i]) for i, mlp in enumerate(self.output_hypernetworks_mlps)], dim=1)
        masks = torch.einsum("bmc,bchw->bmhw", kernels, upscaled)
        ious = self.iou_prediction_head(tokens[:, 1])
        object_score = self.pred_obj_score_head(tokens[:, 0])
        if multimask:
            return DecodedMasks(masks[:, 1:], ious[:, 1:], mask_tokens[:, 1:], object_score)
        if not self.training:
            masks, ious = self._prefer_stable(masks, ious)
        return DecodedMasks(masks[:, :1], ious[:, :1], mask_tokens[:, :1], object_score)

    @staticmethod
    def _prefer_stable(masks: Tensor, ious: Tensor) -> tuple[Tensor, Tensor]:
        """The single mask where it is stable, else the best of the three."""
        best = ious[:, 1:].argmax(dim=1) + 1
        rows = torch.arange(masks.shape[0], device=masks.device)
        keep = stability(masks[:, 0]) >= _STABILITY_THRESHOLD
        chosen = torch.where(keep, 0, best)
        return masks[rows, chosen][:, None], ious[rows, chosen][:, None]
