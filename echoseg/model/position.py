"""Position encodings of SAM 2: 2D sine, 1D sine, random Fourier features and axial rotary."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

_TEMPERATURE = 10000.0


def sine_2d(channels: int, height: int, width: int) -> Tensor:
    """Normalised 2D sine encoding, ``(1, channels, height, width)`` float32 (Carion et al. 2020, DETR)."""
    half = channels // 2
    scale, epsilon = 2 * math.pi, 1e-6
    y = torch.arange(1, height + 1, dtype=torch.float32) / (height + epsilon) * scale
    x = torch.arange(1, width + 1, dtype=torch.float32) / (width + epsilon) * scale
    index = torch.arange(half, dtype=torch.float32)
    period = _TEMPERATURE ** (2 * torch.div(index, 2, rounding_mode="floor") / half)

    def interleave(angle: Tensor) -> Tensor:
        phase = angle[:, None] / period
        return torch.stack((phase[:, 0::2].sin(), phase[:, 1::2].cos()), dim=2).flatten(1)

    rows = interleave(y)[:, None].expand(height, width, half)
    columns = interleave(x)[None].expand(height, width, half)
    return torch.cat((rows, columns), dim=2).permute(2, 0, 1)[None].contiguous()


def sine_1d(position: Tensor, channels: int) -> Tensor:
    """Sine encoding of scalar positions ``(N,)``: ``(N, channels)``, sines first, then cosines."""
    half = channels // 2
    index = torch.arange(half, dtype=torch.float32, device=position.device)
    period = _TEMPERATURE ** (2 * torch.div(index, 2, rounding_mode="floor") / half)
    phase = position[:, None] / period
    return torch.cat((phase.sin(), phase.cos()), dim=-1)


class RandomFourierPosition(nn.Module):
    """Encodes points in the unit square by random spatial frequencies (Tancik et al. 2020)."""

    positional_encoding_gaussian_matrix: Tensor

    def __init__(self, half_channels: int) -> None:
        super().__init__()
        self.register_buffer("positional_encoding_gaussian_matrix", torch.randn(2, half_channels))

    def forward(self, unit_xy: Tensor) -> Tensor:
        """``(..., 2)`` x, y in 0..1 to ``(..., 2 * half_channels)``."""
        phase = 2 * math.pi * ((2 * unit_xy - 1) @ self.positional_encoding_gaussian_matrix)
        return torch.cat((phase.sin(), phase.cos()), dim=-1)

    def grid(self, size: int) -> Tensor:
        """Encoding of the cell centres of a ``size`` x ``size`` grid, ``(1, C, size, size)``."""
        matrix = self.positional_encoding_gaussian_matrix
        centre = (torch.arange(size, device=matrix.device, dtype=matrix.dtype) + 0.5) / size
        y, x = torch.meshgrid(centre, centre, indexing="ij")
        return self(torch.stack((x, y), dim=-1)).permute(2, 0, 1)[None]


def axial_rotation(channels: int, side: int, theta: float = _TEMPERATURE) -> Tensor:
    """Unit complex numbers ``(side * side, channels / 2)`` of the 2D axial rotary encoding (Heo et al. 2024, RoPE-ViT).

    The first half of the rotated pairs turns with x, the second with y.
    """
    frequency = theta ** -(torch.arange(0, channels, 4, dtype=torch.float32)[: channels // 4] / channels)
    cell = torch.arange(side * side, dtype=torch.float32)
    x, y = cell % side, torch.div(cell, side, rounding_mode="floor")
    angle = torch.cat((torch.outer(x, frequency), torch.outer(y, frequency)), dim=-1)
    return torch.polar(torch.ones_like(angle), angle)


def rotate(tokens: Tensor, turn: Tensor) -> Tensor:
    """Turns channel pairs of ``tokens`` ``(B, heads, N, C)`` by ``turn`` ``(n, C / 2)`` complex; N is a multiple of n (repeated)."""
    batch, heads, count, channels = tokens.shape
    pairs = torch.view_as_complex(tokens.float().reshape(batch, heads, count // len(turn), len(turn), channels // 2, 2))
    return torch.view_as_real(pairs * turn).reshape(tokens.shape).type_as(tokens)
