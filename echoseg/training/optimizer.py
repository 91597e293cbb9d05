"""AdamW with per-parameter rates, and the learning-rate curve: linear warm-up, then cosine."""

from __future__ import annotations

import math
import re
from typing import Any

import torch
from torch import nn

from echoseg.training.config import OptimizerConfig, TrainConfig

_BLOCK = re.compile(r"image_encoder\.trunk\.blocks\.(\d+)\.")
_NOT_DECAYED = re.compile(r"_embed(?!\.proj)|embeddings|token|tpos|_ptr$|gamma")


def parameter_groups(model: nn.Module, config: OptimizerConfig) -> list[dict[str, Any]]:
    """Parameters grouped by (rate factor, weight decay), in a stable order.

    No decay for vectors (norms, biases, layer scales) and embeddings. Trunk and neck get ``encoder_scale``; trunk block ``i`` of ``n`` gets
    ``layer_decay ** (n - 1 - i)`` besides, and what lies before the blocks the whole ``layer_decay ** n``.
    """
    blocks = [int(m.group(1)) for name, _ in model.named_parameters() if (m := _BLOCK.search(name))]
    depth = max(blocks) + 1 if blocks else 0
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        factor = 1.0
        if name.startswith("image_encoder."):
            factor = config.encoder_scale
            if match := _BLOCK.search(name):
                factor *= config.layer_decay ** (depth - 1 - int(match.group(1)))
            elif name.startswith("image_encoder.trunk."):
                factor *= config.layer_decay**depth
        decay = 0.0 if parameter.ndim <= 1 or _NOT_DECAYED.search(name) else config.weight_decay
        groups.setdefault((factor, decay), []).append(parameter)
    return [{"params": ps, "factor": factor, "weight_decay": decay} for (factor, decay), ps in groups.items()]


def build_optimizer(model: nn.Module, config: OptimizerConfig) -> torch.optim.AdamW:
    """AdamW over :func:`parameter_groups`; the rate is set before each step by :func:`set_rate`."""
    return torch.optim.AdamW(parameter_groups(model, config), lr=config.lr, betas=config.betas)


def rate_at(step: int, config: TrainConfig) -> float:
    """Learning rate of step ``step`` (from 0): ``lr`` reached linearly after ``warmup`` steps, then a cosine down to ``final * lr``."""
    o = config.optimizer
    scale = config.stage_at(step).lr_scale * o.lr
    if step < o.warmup:
        return scale * (step + 1) / o.warmup
    progress = min(1.0, (step - o.warmup) / max(1, config.steps - o.warmup))
    return scale * (o.final + (1 - o.final) * 0.5 * (1 + math.cos(math.pi * progress)))


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Give every group ``rate`` times its own factor."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group["factor"]
