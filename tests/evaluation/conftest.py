from __future__ import annotations

import pytest
import torch

from echoseg.model import ConvTrunkConfig, Model, SAM2Config, WeightsInfo, build_model
from echoseg.model.device import choose_execution


@pytest.fixture
def tiny_model() -> Model:
    """A random model of the compact architecture that tracks a frame in milliseconds."""
    torch.manual_seed(0)
    config = SAM2Config(
        "tiny",
        image_size=32,
        trunk=ConvTrunkConfig(channels=(8, 8, 16, 16), blocks=(0, 0, 0, 0), norm_groups=4),
        d_model=16,
        embedding_stride=8,
        fpn_top_down_levels=(0, 1, 2, 3),
        mem_dim=8,
        memory_layers=1,
        memory_ffn=16,
        decoder_mlp=16,
        decoder_heads=2,
        iou_hidden=16,
    )
    return Model(build_model(config).requires_grad_(False), choose_execution("cpu"), WeightsInfo("random", ""))
