"""Image encoder: trunk and feature pyramid neck (Lin et al. 2017)."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from echoseg.model.config import HieraConfig, SAM2Config
from echoseg.model.conv_trunk import ConvTrunk
from echoseg.model.hiera import Hiera


class FpnNeck(nn.Module):
    """Brings every trunk level to ``d_model`` channels; chosen levels also receive the coarser one above, summed."""

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


class ImageEncoder(nn.Module):
    """Trunk + neck; the ``scalp`` coarsest levels are dropped after they have fed the others."""

    def __init__(self, config: SAM2Config) -> None:
        super().__init__()
        self.trunk: Hiera | ConvTrunk = Hiera(config.trunk) if isinstance(config.trunk, HieraConfig) else ConvTrunk(config.trunk)
        self.neck = FpnNeck(config.trunk.channels, config.d_model, config.fpn_top_down_levels)
        self.scalp = config.scalp

    def forward(self, images: Tensor) -> list[Tensor]:
        """``(B, 3, S, S)`` to three levels ``(B, d_model, ., .)``, finest first, the last at the embedding stride."""
        levels = self.neck(self.trunk(images))
        return levels[: len(levels) - self.scalp]
