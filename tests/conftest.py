"""Fixtures shared by several rooms. Torch is imported inside them: most rooms test without it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from echoseg.model import Model

# A machine that is busy with other things is no bug of ours.
settings.register_profile("echoseg", parent=settings(), deadline=None)
settings.load_profile("echoseg")


@pytest.fixture(scope="session", autouse=True)
def cache_of_their_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Tests leave the user's cache alone, and begin with an empty one; subprocesses inherit it."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ECHOSEG_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session")
def micro_model() -> Model:
    """A whole SAM 2.1 of random weights, 64 px and milliseconds a frame, that takes every object to be present.

    What runs it, ``ECHOSEG_RUNTIME`` says; by default what users get.

    It looks back 6 frames (4 memories, 6 pointers), so that a dozen frames fill its memory and overflow it.
    """
    import torch

    from echoseg.model import Model, SAM2Config, build_model
    from echoseg.model.build import WeightsInfo
    from echoseg.model.config import ConvTrunkConfig
    from echoseg.model.device import choose_execution
    from echoseg.model.runtime.verbs import choose_runtime

    config = SAM2Config(
        "micro",
        image_size=64,
        trunk=ConvTrunkConfig((8, 8, 16, 16), (1, 1, 1, 1)),
        d_model=32,
        embedding_stride=8,
        fpn_top_down_levels=(0, 1, 2, 3),
        mem_dim=16,
        num_maskmem=4,
        memory_layers=1,
        memory_ffn=32,
        decoder_mlp=32,
        decoder_heads=2,
        iou_hidden=16,
        max_obj_ptrs=6,
        structures=("LV", "LA", "MYO", "RV"),
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = build_model(config).requires_grad_(False)
    last = network.sam_mask_decoder.pred_obj_score_head.layers[-1]
    last.bias.fill_(10.0)
    execution = choose_execution("cpu")
    return Model(network, execution, WeightsInfo("random", "0" * 64), runtime=choose_runtime("auto", execution))
