"""Which view a clip shows: a convolutional network of 0.1 million parameters that sees a few thumbnails of it.

It looks at pictures alone, not at masks, and has nothing to do with the weights that segment.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from echoseg.io.source import Source
from echoseg.io.thumbnail import thumbnails
from echoseg.io.views import ViewAnswer
from echoseg.model.build import WeightsInfo
from echoseg.model.checkpoint import load_strict, read_metadata, read_state_dict, sha256

VIEWS = ("A4C", "A2C", "A3C", "PSAX")
"""The answers, in the order of the network's outputs."""
WIDTHS = (16, 32, 64, 96)


class ViewNet(nn.Module):
    """Four strided convolutions, the mean over a 2 x 2 grid, one linear layer: 7 MFLOP a thumbnail.

    ``sharpness`` multiplies the mean logits of a clip, so that its probabilities hold on simulated clips (temperature scaling: Guo C et
    al., ICML 2017).
    """

    sharpness: Tensor

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 1
        for width in WIDTHS:
            layers += [nn.Conv2d(before, width, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
            before = width
        self.features = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Dropout(0.3))
        self.answer = nn.Linear(4 * before, len(VIEWS))
        self.register_buffer("sharpness", torch.ones(()))

    def forward(self, pictures: Tensor) -> Tensor:
        """``(N, 4)`` logits of ``(N, 1, SIDE, SIDE)`` standardised thumbnails."""
        logits: Tensor = self.answer(self.features(pictures))
        return logits


def standardised(thumbnails: NDArray[np.uint8]) -> Tensor:
    """``(N, 1, H, W)`` float32: each of ``(N, H, W)`` less its mean, over its standard deviation."""
    grey = torch.from_numpy(np.ascontiguousarray(thumbnails)).float()[:, None]
    return (grey - grey.mean((2, 3), keepdim=True)) / (grey.std((2, 3), keepdim=True) + 4.0)


def shipped_view_weights(name: str = "view") -> Path:
    """The file of the classifier ``view``, or of ``view-sim``, which has seen no patient."""
    return Path(str(files("echoseg") / "weights" / f"{name}.safetensors"))


@cache
def view_weights(name: str = "view") -> WeightsInfo:
    """What is known of the weights of a classifier that ships."""
    path = shipped_view_weights(name)
    said = read_metadata(path)
    return WeightsInfo(path.name, sha256(path), said.get("licence", "Apache-2.0"), said.get("citation", ""))


def load_view_net(weights: str | Path | None = None) -> ViewNet:
    """The network with ``weights`` (default: those that ship), ready to answer.

    Raises:
        WeightsError: no such file, or one that does not fit.
    """
    path = Path(weights) if weights is not None else shipped_view_weights()
    network = ViewNet()
    load_strict(network, read_state_dict(path), path.name)
    return network.eval().requires_grad_(False)


def clip_view(thumbnails: NDArray[np.uint8], network: ViewNet | None = None) -> ViewAnswer:
    """The view of a clip from its thumbnails ``(N, H, W)``, see :func:`echoseg.io.thumbnail.thumbnails`.

    >>> answer = clip_view(np.zeros((8, 64, 64), np.uint8))
    >>> sorted(answer.shares), round(sum(answer.shares.values()), 3)
    (['A2C', 'A3C', 'A4C', 'PSAX'], 1.0)
    """
    network = network or shipped_view_net()
    with torch.inference_mode():
        shares = (network.sharpness * network(standardised(thumbnails)).mean(0)).softmax(0).tolist()
    return ViewAnswer(dict(zip(VIEWS, shares, strict=True)))


@cache
def shipped_view_net(name: str = "view") -> ViewNet:
    """The classifier of that name, loaded once."""
    return load_view_net(shipped_view_weights(name))


def seen_view(source: Source, view_net: str) -> ViewAnswer | None:
    """What the view classifier says; None for what is not known to be an ultrasound clip, or cannot be read again."""
    if source.kind != "clip" or not source.ultrasound():
        return None
    pictures = thumbnails(source)
    return None if pictures is None else clip_view(pictures, shipped_view_net(view_net))
