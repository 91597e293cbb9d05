"""Properties of the modules that no checkpoint is needed for."""

from dataclasses import replace

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from echoseg.errors import ModelConfigError
from echoseg.model import PromptTensors, SAM2Config, ViTConfig, build_model, model_config
from echoseg.model.mask_decoder import stability
from echoseg.model.memory_attention import RoPEAttention
from echoseg.model.position import axial_rotation, rotate, sine_2d
from echoseg.model.trunks import window_partition, window_unpartition


def test_compact_stays_below_its_flop_budget_memory_included():
    network = build_model("compact").requires_grad_(False)
    config = network.config
    memory = torch.randn(1, config.mem_dim, config.embedding_size, config.embedding_size)
    pointer = torch.randn(1, config.d_model)
    spatial = [(distance, memory) for distance in range(config.num_maskmem)]
    tokens = network.gather_memory(spatial, [(float(d), pointer) for d in range(config.max_obj_ptrs)], config.max_obj_ptrs - 1)
    # The counter does not see into the fused attention of a CPU.
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        features = network.encode_image(torch.randn(1, 3, config.image_size, config.image_size))
        said = network.decode(network.attend_memory(features.embedding, tokens), features.high_res, PromptTensors(), multimask=True)
        network.encode_memory(features.embedding, said.mask, said.object_score, from_prompt=False)
    assert counter.get_total_flops() <= 1.8e9


@pytest.mark.parametrize("size", [(8, 8), (7, 10), (15, 3)])
def test_windows_put_back_give_the_same_map(size):
    x = torch.randn(2, *size, 3)
    windows, padded = window_partition(x, 4)
    assert torch.equal(window_unpartition(windows, 4, padded, size), x)


def test_narrow_values_weighed_first_give_the_same_attention():
    torch.manual_seed(0)
    attention = RoPEAttention(32, side=4, dropout=0.0, kv_width=8)
    q, memory = torch.randn(2, 16, 32), torch.randn(2, 35, 8)
    projected_first = attention.train()(q, memory, memory, unplaced=3)
    weighed_first = attention.eval()(q, memory, memory, unplaced=3)
    torch.testing.assert_close(weighed_first, projected_first, atol=1e-5, rtol=1e-5)


def test_rotation_keeps_lengths_and_depends_on_relative_place_only():
    turn = axial_rotation(8, side=4)
    a, b = torch.randn(8), torch.randn(8)
    turned_a, turned_b = (rotate(v.expand(1, 1, 16, 8), turn)[0, 0] for v in (a, b))
    torch.testing.assert_close(turned_a.norm(dim=1), a.norm().expand(16))
    # cells 0 -> 5 and 5 -> 10 are both one row and one column apart
    torch.testing.assert_close(turned_a[0] @ turned_b[5], turned_a[5] @ turned_b[10])


def test_sine_encoding_is_one_vector_a_cell_with_values_in_range():
    encoding = sine_2d(16, 3, 5)
    assert encoding.shape == (1, 16, 3, 5) and encoding.abs().max() <= 1
    assert len(torch.unique(encoding.flatten(2)[0].T.round(decimals=5), dim=0)) == 15


def test_stability_compares_areas_around_the_threshold():
    logits = torch.full((10, 10), -1.0)
    logits[:4], logits[4] = 1.0, 0.0
    assert stability(logits) == pytest.approx(40 / 50)
    assert stability(torch.full((10, 10), -1.0)) == 1


def test_one_batch_of_frames_equals_frame_by_frame():
    torch.manual_seed(0)
    network = build_model("compact").requires_grad_(False)
    images = torch.randn(3, 3, 128, 128)
    together = network.encode_image(images).embedding
    alone = torch.cat([network.encode_image(image[None]).embedding for image in images])
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("marked", [True, False])
def test_absence_marks_a_memory_only_by_its_embedding(marked):
    torch.manual_seed(0)
    small = replace(
        model_config("efficienttam-tiny"),
        image_size=32,
        trunk=ViTConfig(8, 1, depth=1),
        d_model=32,
        mem_dim=16,
        memory_layers=1,
        decoder_mlp=8,
        no_obj_embed_spatial=marked,
    )
    network = build_model(small).requires_grad_(False)
    embedding, mask = torch.randn(1, 32, 2, 2), torch.randn(1, 1, 8, 8)
    present, absent = (network.encode_memory(embedding, mask, torch.tensor([[score]]), from_prompt=False) for score in (1.0, -1.0))
    added = network.no_obj_embed_spatial[..., None, None] if marked else torch.zeros(1)
    torch.testing.assert_close(absent, present + added)


def test_an_impossible_configuration_is_refused():
    with pytest.raises(ModelConfigError, match="multiple of 32"):
        SAM2Config("odd", image_size=500)
    with pytest.raises(ModelConfigError, match="d_model"):
        replace(model_config("compact-sim"), d_model=100)
    with pytest.raises(ModelConfigError, match=r"1 levels left after scalp 0; it takes 3 with use_high_res_features"):
        replace(model_config("efficienttam-tiny"), use_high_res_features=True)
    with pytest.raises(ModelConfigError, match=r"embedding_stride 8 must be the patch_size 16"):
        replace(model_config("efficienttam-tiny"), embedding_stride=8)
    with pytest.raises(ModelConfigError, match=r"there are: compact, compact-sim, compact-volume, compact-volume-sim, medsam2"):
        model_config("sam3")
