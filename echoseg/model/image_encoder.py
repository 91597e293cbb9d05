"""Image encoder: a trunk, and the neck that brings its levels to the width of the model."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from echoseg.model.config import SAM2Config
from echoseg.model.layers import LayerNorm2d
from echoseg.model.trunks import build_trunk


class FpnNeck(nn.Module):
    """Feature pyramid (Lin et al. 2017): every trunk level in ``d_model`` channels; chosen ones also receive the coarser one, summed."""

    def __init__(self, channels: tuple[int, ...], d_model: int, top_down_levels: tuple[int, ...]) -> None:
        super().__init__()
        self.top_down_levels = top_down_levels
        # Coarsest first, and each 1x1 convolution inside a named container: the key order of the published checkpoints.
        self.convs = nn.ModuleList(nn.Sequential() for _ in channels)
        for conv, width in zip(self.convs, reversed(channels), strict=True):
            conv.add_module("conv", nn.Conv2d(width, d_model, 1))

    def forward(self, levels: list[Tensor]) -> list[Tensor]:
        """Trunk levels, finest first, to ``(B, d_model, h, w)`` each, finest first."""
        last = len(levels) - 1
        out: list[Tensor] = []
        for index in range(last, -1, -1):
            lateral = self.convs[last - index](levels[index])
            if out and index in self.top_down_levels:
                lateral = lateral + F.interpolate(out[0], scale_factor=2.0, mode="nearest")
            out.insert(0, lateral)
        return out


class ViTDetNeck(nn.Module):
    """Two convolutions and norms on the only level of a plain trunk (Li et al. 2022)."""

    def __init__(self, channels: int, d_model: int) -> None:
        super().__init__()
        level = nn.Sequential()
        level.add_module("conv_1x1", nn.Conv2d(channels, d_model, 1, bias=False))
        level.add_module("norm_0", LayerNorm2d(d_model))
        level.add_module("conv_3x3", nn.Conv2d(d_model, d_model, 3, padding=1, bias=False))
        level.add_module("norm_1", LayerNorm2d(d_model))
        self.convs = nn.ModuleList([level])

    def forward(self, levels: list[Tensor]) -> list[Tensor]:
        """One trunk level to ``(B, d_model, h, w)``."""
        return [conv(level) for conv, level in zip(self.convs, levels, strict=True)]


class ImageEncoder(nn.Module):
    """Trunk + neck; the ``scalp`` coarsest levels are dropped after they have fed the others."""

    def __init__(self, config: SAM2Config) -> None:
        super().__init__()
        channels = config.trunk.channels
        self.trunk = build_trunk(config.trunk)
        self.neck: ViTDetNeck | FpnNeck
        if len(channels) == 1:
            self.neck = ViTDetNeck(channels[0], config.d_model)
        else:
            self.neck = FpnNeck(channels, config.d_model, config.fpn_top_down_levels)
        self.scalp = config.scalp

    def forward(self, images: Tensor) -> list[Tensor]:
        """``(B, 3, S, S)`` to levels ``(B, d_model, ., .)``, finest first, the last at the embedding stride."""
        levels = self.neck(self.trunk(images))
        return levels[: len(levels) - self.scalp]
