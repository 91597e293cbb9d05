"""The prompt-free head: from the frozen frame encoder's features of all slices to named structures of a short-axis stack of the heart.

A light decoder over slices, after the idea of a volumetric head on a frame encoder: convolutions in the plane and across slices apart from
each other, three levels with skips from the two high-resolution features and from the grey values themselves.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from echoseg.errors import WeightsError
from echoseg.model.build import WeightsInfo
from echoseg.model.checkpoint import load_strict, read_metadata, read_state_dict, sha256
from echoseg.model.config import SAM2Config
from echoseg.model.load import Model
from echoseg.model.preprocess import normalize
from echoseg.model.sam2 import FrameFeatures

CLASSES = ("background", "LV", "MYO", "RV")
"""The answers, in the order of the head's outputs: cavity of the left ventricle, its myocardium, cavity of the right ventricle."""
ENCODER = "compact-volume"
"""Name of the model whose features the head that ships reads."""
WIDTHS = (80, 40, 24)


class _Slab(nn.Module):
    """3 x 3 in the plane, then 3 across slices, each with a group norm (Wu and He 2018) and a ReLU."""

    def __init__(self, before: int, width: int) -> None:
        super().__init__()
        self.plane = nn.Conv3d(before, width, (1, 3, 3), padding=(0, 1, 1), bias=False)
        self.across = nn.Conv3d(width, width, (3, 1, 1), padding=(1, 0, 0), bias=False)
        self.norms = nn.ModuleList([nn.GroupNorm(8, width), nn.GroupNorm(8, width)])

    def forward(self, x: Tensor) -> Tensor:
        """``(B, before, Z, h, w)`` to ``(B, width, Z, h, w)``."""
        x = F.relu(self.norms[0](self.plane(x)))
        return F.relu(x + self.norms[1](self.across(x)))


class VolumetricHead(nn.Module):
    """0.25 million parameters for the ``compact`` family."""

    def __init__(self, config: SAM2Config) -> None:
        super().__init__()
        deep, middle, fine = WIDTHS
        channels = config.d_model
        self.enter = nn.Conv3d(channels, deep, 1)
        self.deep = nn.Sequential(_Slab(deep, deep), _Slab(deep, deep))
        self.middle = nn.Sequential(_Slab(deep + channels // 4, middle), _Slab(middle, middle))
        self.fine = nn.Sequential(_Slab(middle + channels // 8 + 4, fine), _Slab(fine, fine))
        self.answer = nn.Conv3d(fine, 4 * len(CLASSES), 1)

    def forward(self, features: FrameFeatures, images: Tensor) -> Tensor:
        """Logits ``(Z, 4, S, S)`` of :data:`CLASSES` on the ``Z`` slices of one stack.

        Args:
            features: of the slices, in order, as the frozen encoder gives them.
            images: ``(Z, 3, S, S)``, what the encoder saw.
        """
        fine, middle = (_stack(level) for level in features.high_res)
        x = self.deep(self.enter(_stack(features.embedding)))
        x = self.middle(torch.cat([_doubled(x), middle], 1))
        grey = _stack(F.pixel_unshuffle(images[:, :1], 2))
        x = self.fine(torch.cat([_doubled(x), fine, grey], 1))
        return F.pixel_shuffle(self.answer(x)[0].transpose(0, 1), 2)


def _stack(slices: Tensor) -> Tensor:
    """``(Z, C, h, w)`` to ``(1, C, Z, h, w)``."""
    return slices.transpose(0, 1)[None]


def _doubled(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=(1, 2, 2), mode="nearest")


def shipped_head_weights(name: str = "cine-mr") -> Path:
    """The file of the head that ships."""
    return Path(str(files("echoseg") / "weights" / f"{name}.safetensors"))


def head_ships(encoder: str) -> bool:
    """Whether a head for the model of that name lies in the package."""
    return encoder == ENCODER and shipped_head_weights().is_file()


@cache
def head_weights(path: Path) -> WeightsInfo:
    """What is known of a file of head weights."""
    said = read_metadata(path)
    return WeightsInfo(path.name, sha256(path), said.get("licence"), said.get("citation", ""))


def load_head(model: Model, weights: str | Path | None = None) -> VolumetricHead:
    """The head with ``weights`` (default: those that ship), ready to answer on the features of ``model``.

    Raises:
        WeightsError: no such file, one that does not fit, or one trained on the features of another encoder.
    """
    path = Path(weights) if weights is not None else shipped_head_weights()
    state = read_state_dict(path)
    trained_on = read_metadata(path).get("encoder_sha256")
    if trained_on != model.weights.sha256:
        raise WeightsError(
            f"{path.name} reads the features of the encoder whose weights have the sha256 {trained_on or 'that it does not name'}; "
            f"{model.name} has {model.weights.sha256}: take the encoder it was trained on, or train a head for this one (echoseg train)"
        )
    head = VolumetricHead(model.config)
    load_strict(head, state, path.name)
    return head.to(model.execution.device).eval().requires_grad_(False)


def head_shares(model: Model, head: VolumetricHead, slices: NDArray[np.uint8]) -> NDArray[np.float32]:
    """``(Z, 4, S, S)`` shares of :data:`CLASSES`, adding up to 1, on a stack ``(Z, H, W)`` uint8, stretched to the network's size."""
    images = normalize(slices, model.config.image_size).to(model.execution.device)
    with model.execution():
        logits = head(model.verbs.encode_image(images), images)
    return np.asarray(logits.float().softmax(1).cpu().numpy(), np.float32)
