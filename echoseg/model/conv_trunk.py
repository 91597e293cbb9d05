"""Residual convolutional trunk of echoseg's compact models.

Attention learns slowly from scratch on a small budget; a ResNet (He et al. 2016) with group norm (Wu & He 2018: no batch
statistics, so one frame and a batch give the same features) does not.
"""

from __future__ import annotations

from torch import Tensor, nn

from echoseg.model.config import ConvTrunkConfig


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
    """A strided convolution and residual blocks a stage; features at strides 2, 4, 8, 16."""

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
