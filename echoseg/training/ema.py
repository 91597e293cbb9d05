"""An exponential moving average of the weights: what is evaluated and shipped."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class WeightAverage:
    """``average <- d * average + (1 - d) * weights`` after each step, d = min(decay, (1 + updates) / (10 + updates)).

    The smaller d of the first steps lets the average forget the random start. Whole-number buffers are copied.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay, self.updates = decay, 0
        self.state: dict[str, Tensor] = {name: value.detach().clone() for name, value in model.state_dict().items()}

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Take the model's current weights into the average."""
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        self.updates += 1
        floats: list[Tensor] = []
        news: list[Tensor] = []
        for name, value in model.state_dict().items():
            if value.is_floating_point():
                floats.append(self.state[name])
                news.append(value.detach())
            else:
                self.state[name].copy_(value)
        torch._foreach_lerp_(floats, news, 1 - decay)
