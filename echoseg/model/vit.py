"""Plain vision transformer trunk (Li et al. 2022, ViTDet) of EfficientTAM (Xiong et al. 2024)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from echoseg.model.config import ViTConfig
from echoseg.model.hiera import MultiScaleBlock, PatchEmbed


class ViT(nn.Module):
    """Blocks of Hiera that never pool, on patches of one size."""

    def __init__(self, config: ViTConfig) -> None:
        super().__init__()
        width, patch = config.embed_dim, config.patch_size
        self.grid = config.pretrain_grid
        # One more than the grid has cells: the class token's, which nothing here reads, is in the published weights.
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + self.grid**2, width))
        self.patch_embed = PatchEmbed(width, kernel_size=patch, stride=patch, padding=0)
        self.blocks = nn.ModuleList(
            MultiScaleBlock(width, width, config.num_heads, None, 0 if index in config.global_att_blocks else config.window_size)
            for index in range(config.depth)
        )

    def _position(self, height: int, width: int) -> Tensor:
        encoding = self.pos_embed[:, 1:].transpose(1, 2).unflatten(2, (self.grid, self.grid))
        if (height, width) != (self.grid, self.grid):
            encoding = F.interpolate(encoding, size=(height, width), mode="bicubic", align_corners=False)
        return encoding.permute(0, 2, 3, 1)

    def forward(self, images: Tensor) -> list[Tensor]:
        """``(B, 3, S, S)`` to one level ``(B, C, S / patch_size, S / patch_size)``."""
        x = self.patch_embed(images)
        x = x + self._position(x.shape[1], x.shape[2])
        for block in self.blocks:
            x = block(x)
        return [x.permute(0, 3, 1, 2)]
