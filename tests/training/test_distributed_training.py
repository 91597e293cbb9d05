from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
import torch
from beating_ellipses import Ellipses, tiny_config
from torch.multiprocessing.spawn import spawn

from echoseg.training import sources, train
from echoseg.training.config import TrainConfig


def two_steps(batch: int) -> TrainConfig:
    """A step of stills and one of clips, the latter in two parts."""
    stages = [
        {"name": "stills", "steps": 1, "batch": batch, "objects": 2},
        {"name": "clips", "steps": 1, "batch": batch, "frames": 3, "objects": 2, "accumulate": 2},
    ]
    return tiny_config(stages=stages)


def told_by_torchrun(index: int, port: int) -> dict[str, str]:
    """The environment of process ``index`` under ``torchrun --nproc-per-node 2``."""
    return {"RANK": str(index), "LOCAL_RANK": str(index), "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}


def second_process(_: int, folder: Path, port: int) -> None:
    os.environ.update(told_by_torchrun(1, port))
    sources.build_dataset = lambda data, seed: Ellipses()
    train(two_steps(2), folder)


@pytest.mark.timeout(400)  # seconds of work, most of it starting a process that imports torch
@pytest.mark.skipif(not torch.distributed.is_available(), reason="this torch has no distributed package")
def test_two_processes_equal_one_with_twice_the_batch(ellipses_only, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    second = spawn(second_process, (tmp_path / "two", port), nprocs=1, join=False)
    with pytest.MonkeyPatch.context() as environment:
        for name, value in told_by_torchrun(0, port).items():
            environment.setenv(name, value)
        train(two_steps(2), tmp_path / "two")
    while not second.join():
        pass
    train(two_steps(4), tmp_path / "one")
    two, one = (torch.load(tmp_path / run / "last.pt", weights_only=True) for run in ("two", "one"))
    moments = [[state["optimizer"]["state"][i]["exp_avg"] for i in sorted(state["optimizer"]["state"])] for state in (two, one)]
    torch.testing.assert_close(moments[0], moments[1], rtol=0, atol=1e-6)
    # Attention does not see its key bias (a softmax ignores a constant): its gradient is rounding, which Adam blows up to full steps.
    weights = [{name: value for name, value in state["model"].items() if not name.endswith("k_proj.bias")} for state in (two, one)]
    torch.testing.assert_close(weights[0], weights[1], rtol=0, atol=1e-6)
