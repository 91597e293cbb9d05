"""Trunks of the image encoder: Hiera (Ryali et al. 2023) with windowed and global attention, as in SAM 2; the plain vision transformer
(Li et al. 2022, ViTDet) of EfficientTAM (Xiong et al. 2024); and the residual convolutional one of echoseg's compact models."""

from __future__ import annotations

from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from echoseg.model.config import ConvTrunkConfig, HieraConfig, TrunkConfig, ViTConfig
from echoseg.model.layers import MLP

_layer_norm = partial(nn.LayerNorm, eps=1e-6)


def _max_pool(x: Tensor, stride: int) -> Tensor:
    return F.max_pool2d(x.permute(0, 3, 1, 2), stride, stride).permute(0, 2, 3, 1)


def window_partition(x: Tensor, window: int) -> tuple[Tensor, tuple[int, int]]:
    """Cuts ``(B, H, W, C)`` into ``(B * windows, window, window, C)``, zero-padded (Li et al. 2022); also returns the padded size."""
    batch, height, width, channels = x.shape
    x = F.pad(x, (0, 0, 0, -width % window, 0, -height % window))
    padded = (x.shape[1], x.shape[2])
    x = x.view(batch, padded[0] // window, window, padded[1] // window, window, channels)
    return x.transpose(2, 3).reshape(-1, window, window, channels), padded


def window_unpartition(windows: Tensor, window: int, padded: tuple[int, int], size: tuple[int, int]) -> Tensor:
    """Inverse of :func:`window_partition`: back to ``(B, *size, C)``."""
    rows, columns = padded[0] // window, padded[1] // window
    x = windows.reshape(-1, rows, columns, window, window, windows.shape[-1]).transpose(2, 3)
    return x.reshape(-1, *padded, windows.shape[-1])[:, : size[0], : size[1]]


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


def _convolution(inputs: int, outputs: int, stride: int, groups: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.GroupNorm(groups, outputs))


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions around an identity shortcut."""

    def __init__(self, channels: int, groups: int) -> None:
        super().__init__()
        self.first = _convolution(channels, channels, 1, groups)
        self.second = _convolution(channels, channels, 1, groups)

    def forward(self, x: Tensor) -> Tensor:
        return (x + self.second(self.first(x).relu())).relu()


class ConvTrunk(nn.Module):
    """A strided convolution and residual blocks a stage; features at strides 2, 4, 8, 16.

    Attention learns slowly from scratch on a small budget; a ResNet (He et al. 2016) with group norm (Wu & He 2018: no batch statistics, so
    one frame and a batch give the same features) does not.
    """

    def __init__(self, config: ConvTrunkConfig) -> None:
        super().__init__()
        self.stages = nn.ModuleList()
        inputs = 3
        for channels, blocks in zip(config.channels, config.blocks, strict=True):
            layers: list[nn.Module] = [_convolution(inputs, channels, 2, config.norm_groups), nn.ReLU()]
            layers += [ResidualBlock(channels, config.norm_groups) for _ in range(blocks)]
            self.stages.append(nn.Sequential(*layers))
            inputs = channels

    def forward(self, images: Tensor) -> list[Tensor]:
        """``(B, 3, S, S)`` to features at S/2, S/4, S/8, S/16, finest first."""
        levels = []
        x = images
        for stage in self.stages:
            x = stage(x)
            levels.append(x)
        return levels


def build_trunk(config: TrunkConfig) -> Hiera | ConvTrunk | ViT:
    """The trunk that ``config`` describes."""
    if isinstance(config, HieraConfig):
        return Hiera(config)
    return ConvTrunk(config) if isinstance(config, ConvTrunkConfig) else ViT(config)
