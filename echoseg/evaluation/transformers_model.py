"""Our network's weights in ``transformers``' ``Sam2VideoModel``: a second opinion on results and on speed.

transformers is optional (the ``test`` extra), and only its model code is used: its video processor needs torchvision, so frames are
prepared by :mod:`echoseg.model.preprocess` and the inference session is made by hand.
"""

from __future__ import annotations

import re
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

from echoseg.errors import ModelConfigError
from echoseg.model import SAM2, HieraConfig, SAM2Config

_MEMORY_WIDTH = 64  # transformers' memory attention has it written into the layer

# Official parameter names to those of transformers, applied in order; first the places, then the layers inside them.
_RENAMED = tuple(
    (re.compile(pattern), new)
    for pattern, new in (
        (r"^maskmem_tpos_enc$", "memory_temporal_positional_encoding"),
        (r"^no_mem_embed$", "no_memory_embedding"),
        (r"^no_mem_pos_enc$", "no_memory_positional_encoding"),
        (r"^no_obj_ptr$", "no_object_pointer"),
        (r"^no_obj_embed_spatial$", "occlusion_spatial_embedding_parameter"),
        (r"^obj_ptr_tpos_proj\.", "temporal_positional_encoding_projection_layer."),
        (r"^obj_ptr_proj\.", "object_pointer_proj."),
        (r"^image_encoder\.trunk\.patch_embed\.proj\.", "vision_encoder.backbone.patch_embed.projection."),
        (r"^image_encoder\.trunk\.", "vision_encoder.backbone."),
        (r"^image_encoder\.neck\.convs\.(\d)\.conv\.", r"vision_encoder.neck.convs.\1."),
        (r"^memory_encoder\.mask_downsampler\.encoder\.12\.", "memory_encoder.mask_downsampler.final_conv."),
        (r"^memory_encoder\.pix_feat_proj\.", "memory_encoder.feature_projection."),
        (r"^memory_encoder\.out_proj\.", "memory_encoder.projection."),
        (r"^memory_encoder\.fuser\.", "memory_encoder.memory_fuser."),
        (r"\.dwconv\.", ".depthwise_conv."),
        (r"\.pwconv(\d)\.", r".pointwise_conv\1."),
        (r"\.gamma$", ".scale"),
        (r"^sam_prompt_encoder\.mask_downscaling\.", "prompt_encoder.mask_embed."),
        (r"mask_embed\.0\.", "mask_embed.conv1."),
        (r"mask_embed\.1\.", "mask_embed.layer_norm1."),
        (r"mask_embed\.3\.", "mask_embed.conv2."),
        (r"mask_embed\.4\.", "mask_embed.layer_norm2."),
        (r"mask_embed\.6\.", "mask_embed.conv3."),
        (r"^sam_prompt_encoder\.", "prompt_encoder."),
        (r"^sam_mask_decoder\.output_upscaling\.0\.", "mask_decoder.upscale_conv1."),
        (r"^sam_mask_decoder\.output_upscaling\.1\.", "mask_decoder.upscale_layer_norm."),
        (r"^sam_mask_decoder\.output_upscaling\.3\.", "mask_decoder.upscale_conv2."),
        (r"^sam_mask_decoder\.", "mask_decoder."),
        # MLPs: two layers in the trunk and the two-way transformer, three elsewhere
        (r"(blocks\.\d+|transformer\.layers\.\d)\.mlp\.layers\.0\.", r"\1.mlp.proj_in."),
        (r"(blocks\.\d+|transformer\.layers\.\d)\.mlp\.layers\.1\.", r"\1.mlp.proj_out."),
        (r"(mlps\.\d|_head|pointer_proj)\.layers\.0\.", r"\1.proj_in."),
        (r"(mlps\.\d|_head|pointer_proj)\.layers\.1\.", r"\1.layers.0."),
        (r"(mlps\.\d|_head|pointer_proj)\.layers\.2\.", r"\1.proj_out."),
        (r"\.out_proj\.", ".o_proj."),
        (r"\.norm(\d|_final_attn|)\.", r".layer_norm\1."),
    )
)


def missing_counterpart(config: SAM2Config) -> str | None:
    """Why ``config`` cannot run in transformers here; None when it can."""
    whole = config.use_high_res_features and config.no_obj_embed_spatial and config.add_tpos_enc_to_obj_ptrs
    if not isinstance(config.trunk, HieraConfig) or config.embedding_stride != 16 or config.structures or not whole:
        return f"transformers has no architecture like {config.name}"
    if config.mem_dim != _MEMORY_WIDTH or config.d_model == config.mem_dim:
        return f"transformers takes memories of {_MEMORY_WIDTH} channels, and a wider embedding, only"
    if find_spec("transformers") is None:
        return "transformers is not installed (pip install 'echoseg[test]')"
    return None


def transformers_version() -> str:
    """The version that is installed."""
    return version("transformers")


def transformers_model(network: SAM2) -> Any:
    """A ``Sam2VideoModel`` in evaluation mode on the network's device, with a copy of its weights.

    Raises:
        ModelConfigError: transformers is missing or has no such architecture.
    """
    reason = missing_counterpart(network.config)
    if reason is not None:
        raise ModelConfigError(reason)
    from transformers.models.sam2_video.modeling_sam2_video import Sam2VideoModel

    model = Sam2VideoModel(_configuration(network.config))
    model.load_state_dict(_state(network.state_dict()))
    return model.eval().requires_grad_(False).to(next(network.parameters()).device)


def transformers_session(size: tuple[int, int], device: torch.device | str = "cpu", video: Tensor | None = None) -> Any:
    """An inference session; ``video (T, 3, S, S)`` normalised, or None for a stream of unknown length.

    Args:
        size: ``(H, W)`` of the source.
    """
    from transformers.models.sam2_video.modeling_sam2_video import Sam2VideoInferenceSession

    return Sam2VideoInferenceSession(
        video=video,
        video_height=size[0],
        video_width=size[1],
        inference_device=device,
        inference_state_device=device,
        video_storage_device=device,
        dtype=torch.float32,  # its own default is a string, which torch refuses
    )


def prompt_session(session: Any, frame: int, points: Tensor, labels: Tensor) -> None:
    """Gives object 1 clicks on a frame: ``points (N, 2)`` in network-input pixels; labels 1, 0, and 2, 3 for box corners."""
    index = session.obj_id_to_idx(1)
    session.add_point_inputs(index, frame, {"point_coords": points[None, None], "point_labels": labels[None, None]})
    session.obj_with_new_inputs = [1]


def _configuration(config: SAM2Config) -> Any:
    from transformers.models.sam2.configuration_sam2 import Sam2HieraDetConfig, Sam2VisionConfig
    from transformers.models.sam2_video.configuration_sam2_video import (
        Sam2VideoConfig,
        Sam2VideoMaskDecoderConfig,
        Sam2VideoPromptEncoderConfig,
    )

    trunk = config.trunk
    assert isinstance(trunk, HieraConfig)
    width, side, levels = config.d_model, config.embedding_size, len(trunk.stages)
    backbone = Sam2HieraDetConfig(
        hidden_size=trunk.embed_dim,
        num_attention_heads=trunk.num_heads,
        image_size=[config.image_size, config.image_size],
        blocks_per_stage=list(trunk.stages),
        embed_dim_per_stage=list(trunk.channels),
        num_attention_heads_per_stage=[trunk.num_heads * 2**level for level in range(levels)],
        global_attention_blocks=list(trunk.global_att_blocks),
        window_positional_embedding_background_size=list(trunk.window_pos_embed_bkg_spatial_size),
        window_size_per_stage=list(trunk.window_spec),
    )
    vision = Sam2VisionConfig(
        backbone_config=backbone,
        backbone_channel_list=list(reversed(trunk.channels)),
        backbone_feature_sizes=[[4 * side, 4 * side], [2 * side, 2 * side], [side, side]],
        fpn_hidden_size=width,
        fpn_top_down_levels=list(config.fpn_top_down_levels),
    )
    return Sam2VideoConfig(
        vision_config=vision,
        prompt_encoder_config=Sam2VideoPromptEncoderConfig(hidden_size=width, image_size=config.image_size),
        mask_decoder_config=Sam2VideoMaskDecoderConfig(
            hidden_size=width,
            mlp_dim=config.decoder_mlp,
            num_attention_heads=config.decoder_heads,
            iou_head_hidden_dim=config.iou_hidden,
        ),
        image_size=config.image_size,
        num_maskmem=config.num_maskmem,
        max_object_pointers_in_encoder=config.max_obj_ptrs,
        memory_attention_hidden_size=width,
        memory_attention_num_layers=config.memory_layers,
        memory_attention_feed_forward_hidden_size=config.memory_ffn,
        memory_attention_rope_feat_sizes=[side, side],
        memory_encoder_hidden_size=width,
        memory_encoder_output_channels=config.mem_dim,
        mask_downsampler_embed_dim=width,
        memory_fuser_embed_dim=width,
        memory_fuser_intermediate_dim=4 * width,
    )


def _state(official: dict[str, Tensor]) -> dict[str, Tensor]:
    """Parameters under official names to the names and shapes of transformers."""
    state = {}
    point_kinds = {}
    for key, value in official.items():
        if key.endswith("positional_encoding_gaussian_matrix"):
            state["shared_image_embedding.positional_embedding"] = value
            state["prompt_encoder.shared_embedding.positional_embedding"] = value
        elif kind := re.search(r"point_embeddings\.(\d)\.weight$", key):
            point_kinds[int(kind[1])] = value
        else:
            state[_renamed(key)] = value
    state["prompt_encoder.point_embed.weight"] = torch.cat([point_kinds[i] for i in sorted(point_kinds)])
    return state


def _renamed(key: str) -> str:
    # The mask downsampler is one sequence of (convolution, norm, activation): 0, 1, _, 3, 4, _, ...
    place = re.match(r"memory_encoder\.mask_downsampler\.encoder\.(\d+)\.", key)
    if place and int(place[1]) < 12:
        step, part = divmod(int(place[1]), 3)
        return f"memory_encoder.mask_downsampler.layers.{step}.{('conv', 'layer_norm')[part]}.{key[place.end() :]}"
    for pattern, new in _RENAMED:
        key = pattern.sub(new, key)
    return key
