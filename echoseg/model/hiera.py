"""Hiera trunk (Ryali et al. 2023) with windowed and global attention, as in SAM 2."""

from __future__ import annotations

from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from echoseg.model.config import HieraConfig
from echoseg.model.layers import MLP
from echoseg.model.windows import window_partition, window_unpartition

_layer_norm = partial(nn.LayerNorm, eps=1e-6)


def _max_pool(x: Tensor, stride: int) -> Tensor:
    return F.max_pool2d(x.permute(0, 3, 1, 2), stride, stride).permute(0, 2, 3, 1)


class MultiScaleAttention(nn.Module):
    """Self-attention whose queries may be max-pooled, which halves the resolution."""

    def __init__(self, dim: int, dim_out: int, num_heads: int, q_stride: int | None) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.q_stride = q_stride
        self.qkv = nn.Linear(dim, 3 * dim_out)
        self.proj = nn.Linear(dim_out, dim_out)

    def forward(self, x: Tensor) -> Tensor:
        """``(B, H, W, dim)`` to ``(B, H', W', dim_out)``."""
        batch, height, width, _ = x.shape
        q, k, v = self.qkv(x).reshape(batch, height * width, 3, self.num_heads, -1).unbind(2)
        if self.q_stride:
            q = _max_pool(q.reshape(batch, height, width, -1), self.q_stride)
            height, width = q.shape[1:3]
            q = q.reshape(batch, height * width, self.num_heads, -1)
        out = F.scaled_dot_product_attention(q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2))
        return self.proj(out.transpose(1, 2).reshape(batch, height, width, -1))


class MultiScaleBlock(nn.Module):
    """One Hiera block: (windowed) attention and MLP, with pooled shortcut where the resolution halves."""

    def __init__(self, dim: int, dim_out: int, num_heads: int, q_stride: int | None, window_size: int) -> None:
        super().__init__()
        self.window_size = window_size
        self.q_stride = q_stride
        self.norm1 = _layer_norm(dim)
        self.attn = MultiScaleAttention(dim, dim_out, num_heads, q_stride)
        self.norm2 = _layer_norm(dim_out)
        self.mlp = MLP(dim_out, 4 * dim_out, dim_out, 2, activation=F.gelu)
        self.proj = nn.Linear(dim, dim_out) if dim != dim_out else None

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x
        x = self.norm1(x)
        if self.proj is not None:
            shortcut = self.proj(x)
            if self.q_stride:
                shortcut = _max_pool(shortcut, self.q_stride)
        window = self.window_size
        if window:
            x, padded = window_partition(x, window)
        x = self.attn(x)
        if window:
            size = (shortcut.shape[1], shortcut.shape[2])
            if self.q_stride:
                window //= self.q_stride
                padded = (size[0] + -size[0] % window, size[1] + -size[1] % window)
            x = window_unpartition(x, window, padded, size)
        x = shortcut + x
        return x + self.mlp(self.norm2(x))


class PatchEmbed(nn.Module):
    """A strided convolution of the image, channels last."""

    def __init__(self, channels: int, kernel_size: int, stride: int, padding: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, channels, kernel_size, stride, padding)

    def forward(self, x: Tensor) -> Tensor:
        return self.proj(x).permute(0, 2, 3, 1)


class Hiera(nn.Module):
    """Four-stage hierarchical vision transformer; features at strides 4, 8, 16, 32."""

    def __init__(self, config: HieraConfig) -> None:
        super().__init__()
        stage_starts = [sum(config.stages[:i]) for i in range(1, len(config.stages))]
        self.stage_ends = [start - 1 for start in stage_starts] + [sum(config.stages) - 1]
        self.patch_embed = PatchEmbed(config.embed_dim, kernel_size=7, stride=4, padding=3)
        self.pos_embed = nn.Parameter(torch.zeros(1, config.embed_dim, *config.window_pos_embed_bkg_spatial_size))
        self.pos_embed_window = nn.Parameter(torch.zeros(1, config.embed_dim, config.window_spec[0], config.window_spec[0]))
        self.blocks = nn.ModuleList()
        dim, heads, stage = config.embed_dim, config.num_heads, 0
        for index in range(sum(config.stages)):
            # The first block of a stage still works in windows of the stage before: it pools inside them.
            window = 0 if index in config.global_att_blocks else config.window_spec[stage]
            dim_in = dim
            if index in stage_starts:
                dim, heads, stage = dim * 2, heads * 2, stage + 1
            self.blocks.append(MultiScaleBlock(dim_in, dim, heads, 2 if index in stage_starts else None, window))

    def _position(self, height: int, width: int) -> Tensor:
        background = F.interpolate(self.pos_embed, size=(height, width), mode="bicubic")
        window = self.pos_embed_window
        tiled = window.tile(1, 1, height // window.shape[2], width // window.shape[3])
        return (background + tiled).permute(0, 2, 3, 1)

    def forward(self, images: Tensor) -> list[Tensor]:
        """``(B, 3, S, S)`` to features ``(B, C, S/4, S/4)`` ... ``(B, 8C, S/32, S/32)``, finest first."""
        x = self.patch_embed(images)
        x = x + self._position(x.shape[1], x.shape[2])
        levels = []
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in self.stage_ends:
                levels.append(x.permute(0, 3, 1, 2))
        return levels
