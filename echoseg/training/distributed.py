"""One run over several processes, started by ``torchrun``: who am I, and average the gradients."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist


@dataclass(frozen=True)
class Rank:
    """This process's place: ``index`` of ``world``; ``local`` numbers the processes of one machine (its GPU)."""

    index: int = 0
    world: int = 1
    local: int = 0

    @property
    def leads(self) -> bool:
        """True in the one process that writes files."""
        return self.index == 0


@contextmanager
def process_group(device: torch.device) -> Iterator[Rank]:
    """Join the group that ``torchrun`` describes in the environment, and leave it at the end; alone when there is none."""
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        yield Rank()
        return
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield Rank(dist.get_rank(), world, int(os.environ.get("LOCAL_RANK", "0")))
    finally:
        dist.destroy_process_group()
