"""Fixtures shared by several rooms. Torch is imported inside them: most rooms test without it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from echoseg.model import Model

# A machine that is busy with other things is no bug of ours.
settings.register_profile("echoseg", parent=settings(), deadline=None)
settings.load_profile("echoseg")


@pytest.fixture(scope="session")
def micro_model() -> Model:
    """A whole SAM 2.1 of random weights, 64 px and milliseconds a frame, that takes every object to be present.

    It looks back 6 frames (4 memories, 6 pointers), so that a dozen frames fill its memory and overflow it.
    """
    import torch

    from echoseg.model import Model, SAM2Config, build_model
    from echoseg.model.build import WeightsInfo
    from echoseg.model.config import ConvTrunkConfig
    from echoseg.model.device import choose_execution

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
    return Model(network, choose_execution("cpu"), WeightsInfo("random", "0" * 64))
