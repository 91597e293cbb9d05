"""Windows of attention: a feature map cut into squares and put together again (Li et al. 2022)."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def window_partition(x: Tensor, window: int) -> tuple[Tensor, tuple[int, int]]:
    """Cuts ``(B, H, W, C)`` into ``(B * windows, window, window, C)``, zero-padded; also returns the padded size."""
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
