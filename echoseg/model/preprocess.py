"""From source frames to network input and back: stretched to a square, ImageNet statistics, no shift."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image as PillowImage
from torch import Tensor

from echoseg.types import BoolMask, Image

_MEAN = torch.tensor([0.485, 0.456, 0.406])[:, None, None]
_STD = torch.tensor([0.229, 0.224, 0.225])[:, None, None]


def resize_frame(frame: Image, size: int) -> Image:
    """``(H, W)`` or ``(H, W, 3)`` uint8 to ``size`` x ``size``, by Pillow's bicubic filter as the official loaders do."""
    if frame.shape[:2] == (size, size):
        return frame
    return np.asarray(PillowImage.fromarray(frame).resize((size, size), PillowImage.Resampling.BICUBIC))


def to_unit_range(frames: NDArray[np.uint8]) -> Tensor:
    """``(B, S, S)`` or ``(B, S, S, 3)`` uint8 to ``(B, 3, S, S)`` float32 with ImageNet's mean 0 and deviation 1."""
    images = torch.from_numpy(np.ascontiguousarray(frames))
    images = images[:, None].expand(-1, 3, -1, -1) if images.ndim == 3 else images.permute(0, 3, 1, 2)
    return (images.float() / 255 - _MEAN) / _STD


def normalize(frames: NDArray[np.uint8], size: int) -> Tensor:
    """``(B, H, W)`` or ``(B, H, W, 3)`` uint8 frames to the network input ``(B, 3, size, size)`` float32."""
    return to_unit_range(np.stack([resize_frame(frame, size) for frame in frames]))


def mask_to_input(mask: BoolMask, size: int) -> Tensor:
    """A source mask ``(H, W)`` to ``(1, 1, size, size)`` float32 of 0 and 1 at network size."""
    x = torch.from_numpy(np.ascontiguousarray(mask)).float()[None, None]
    if mask.shape != (size, size):
        x = F.interpolate(x, size=(size, size), mode="bilinear", align_corners=False, antialias=True)
    return (x >= 0.5).float()


def logits_to_source(logits: Tensor, size: tuple[int, int]) -> Tensor:
    """Mask logits ``(B, 1, h, w)`` to source size ``(B, H, W)``, bilinear."""
    return F.interpolate(logits, size=size, mode="bilinear", align_corners=False)[:, 0]
