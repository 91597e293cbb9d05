"""Memory encoder: fuses a mask with the frame embedding into a memory."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from echoseg.model.config import SAM2Config
from echoseg.model.layers import LayerNorm2d


class MaskDownSampler(nn.Module):
    """Strided 3x3 convolutions, four times the channels at each halving, down to the embedding's grid."""

    def __init__(self, d_model: int, stride: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 1
        for _ in range(stride.bit_length() - 1):
            layers += [nn.Conv2d(channels, 4 * channels, 3, 2, 1), LayerNorm2d(4 * channels), nn.GELU()]
            channels *= 4
        self.encoder = nn.Sequential(*layers, nn.Conv2d(channels, d_model, 1))

    def forward(self, mask: Tensor) -> Tensor:
        return self.encoder(mask)


class CXBlock(nn.Module):
    """ConvNeXt block (Liu et al. 2022)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.dwconv = nn.Conv2d(channels, channels, 7, padding=3, groups=channels)
        self.norm = LayerNorm2d(channels)
        self.pwconv1 = nn.Linear(channels, 4 * channels)
        self.pwconv2 = nn.Linear(4 * channels, channels)
        self.gamma = nn.Parameter(1e-6 * torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.dwconv(x)).permute(0, 2, 3, 1)
        y = self.gamma * self.pwconv2(F.gelu(self.pwconv1(y)))
        return x + y.permute(0, 3, 1, 2)


class Fuser(nn.Module):
    """Two ConvNeXt blocks."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(CXBlock(channels) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x)
        return x


class MemoryEncoder(nn.Module):
    """Mask and embedding in, memory of ``mem_dim`` channels out."""

    def __init__(self, config: SAM2Config) -> None:
        super().__init__()
        self.mask_downsampler = MaskDownSampler(config.d_model, config.embedding_stride)
        self.pix_feat_proj = nn.Conv2d(config.d_model, config.d_model, 1)
        self.fuser = Fuser(config.d_model)
        self.out_proj = nn.Conv2d(config.d_model, config.mem_dim, 1)

    def forward(self, embedding: Tensor, mask: Tensor) -> Tensor:
        """``embedding (B, C, h, w)``, ``mask (B, 1, S, S)`` (scaled probabilities) to ``(B, mem_dim, h, w)``."""
        return self.out_proj(self.fuser(self.pix_feat_proj(embedding) + self.mask_downsampler(mask)))
