"""SAM 2.1 (Ravi et al. 2024) as pure functions of tensors: encode a frame, attend to memory, decode a prompt, encode a memory.

Parameter names are those of the published checkpoints, so that SAM 2.1, MedSAM2 and EfficientTAM weights load strictly. The
module holds no state between frames; :mod:`echoseg.tracking` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from echoseg.model.config import SAM2Config
from echoseg.model.image_encoder import ImageEncoder
from echoseg.model.layers import MLP
from echoseg.model.mask_decoder import MaskDecoder
from echoseg.model.memory_attention import MemoryAttention
from echoseg.model.memory_encoder import MemoryEncoder
from echoseg.model.position import sine_1d, sine_2d
from echoseg.model.prompt_encoder import PromptEncoder, PromptTensors
from echoseg.types import ABSENT_LOGIT

_MEMORY_SCALE, _MEMORY_BIAS = 20.0, -10.0  # probabilities enter the memory encoder as 20 p - 10


@dataclass(frozen=True)
class FrameFeatures:
    """What the image encoder knows of a batch of frames.

    Attributes:
        embedding: ``(B, C, h, w)`` at the embedding stride.
        high_res: ``(B, C/8, 4h, 4w)`` and ``(B, C/4, 2h, 2w)``, already projected for the decoder; empty where the decoder takes none.
    """

    embedding: Tensor
    high_res: tuple[Tensor, ...]

    def expand(self, batch: int) -> FrameFeatures:
        """One frame's features repeated (without copying) for ``batch`` objects."""
        return FrameFeatures(self.embedding.expand(batch, -1, -1, -1), tuple(level.expand(batch, -1, -1, -1) for level in self.high_res))

    def __getitem__(self, rows: slice | Tensor) -> FrameFeatures:
        return FrameFeatures(self.embedding[rows], tuple(level[rows] for level in self.high_res))

    def clone(self) -> FrameFeatures:
        """A copy in memory of its own."""
        return FrameFeatures(self.embedding.clone(), tuple(level.clone() for level in self.high_res))


@dataclass(frozen=True)
class MaskPrediction:
    """Decoded objects of one frame.

    Attributes:
        multimasks: ``(B, M, 4h, 4w)`` logits of every candidate (M is 1 or 3), not gated by the object score.
        ious: ``(B, M)`` predicted IoU of each.
        mask: ``(B, 1, 4h, 4w)`` logits of the best candidate; -1024 everywhere where the object is absent.
        iou: ``(B,)`` its predicted IoU.
        object_pointer: ``(B, C)``.
        object_score: ``(B, 1)`` logit, > 0 when the object is on the frame.
    """

    multimasks: Tensor
    ious: Tensor
    mask: Tensor
    iou: Tensor
    object_pointer: Tensor
    object_score: Tensor


@dataclass(frozen=True)
class MemoryTokens:
    """What a frame attends to: ``tokens, position (B or 1, M, mem_dim)``; the last ``pointer_tokens`` are object pointers."""

    tokens: Tensor
    position: Tensor
    pointer_tokens: int


class SAM2(nn.Module):
    """The network. Its methods are the four verbs of the paper; each works on a batch of objects."""

    memory_position: Tensor
    frame_position: Tensor

    def __init__(self, config: SAM2Config) -> None:
        super().__init__()
        self.config = config
        width = config.d_model
        self.maskmem_tpos_enc = nn.Parameter(torch.zeros(config.num_maskmem, 1, 1, config.mem_dim))
        self.no_mem_embed = nn.Parameter(torch.zeros(1, 1, width))
        self.no_mem_pos_enc = nn.Parameter(torch.zeros(1, 1, width))
        self.no_obj_ptr = nn.Parameter(torch.zeros(1, width))
        if config.no_obj_embed_spatial:
            self.no_obj_embed_spatial = nn.Parameter(torch.zeros(1, config.mem_dim))
        for parameter in self.parameters():  # those above; the modules below begin as torch begins them
            nn.init.trunc_normal_(parameter, std=0.02)
        self.image_encoder = ImageEncoder(config)
        self.mask_downsample = nn.Conv2d(1, 1, config.embedding_stride // 4, config.embedding_stride // 4)
        self.memory_attention = MemoryAttention(config)
        self.memory_encoder = MemoryEncoder(config)
        self.sam_prompt_encoder = PromptEncoder(config)
        self.sam_mask_decoder = MaskDecoder(config)
        self.obj_ptr_proj = MLP(width, width, width, 3)
        if config.add_tpos_enc_to_obj_ptrs:
            self.obj_ptr_tpos_proj = nn.Linear(width, config.mem_dim)
        side = config.embedding_size
        self.register_buffer("frame_position", sine_2d(width, side, side), persistent=False)
        self.register_buffer("memory_position", sine_2d(config.mem_dim, side, side), persistent=False)

    def encode_image(self, images: Tensor) -> FrameFeatures:
        """``(B, 3, S, S)`` normalised images (:func:`echoseg.model.preprocess.normalize`) to features."""
        *finer, embedding = self.image_encoder(images)
        if not self.config.use_high_res_features:
            return FrameFeatures(embedding, ())
        decoder = self.sam_mask_decoder
        fine, middle = finer
        return FrameFeatures(embedding, (decoder.conv_s0(fine), decoder.conv_s1(middle)))

    def attend_memory(self, embedding: Tensor, memory: MemoryTokens | None) -> Tensor:
        """``(B or 1, C, h, w)`` conditioned on the memory bank; without memory a learned embedding says so."""
        if memory is None:
            return embedding + self.no_mem_embed.reshape(1, -1, 1, 1)
        return self.memory_attention(embedding, self.frame_position, memory.tokens, memory.position, memory.pointer_tokens)

    def decode(self, embedding: Tensor, high_res: tuple[Tensor, ...], prompt: PromptTensors | None, multimask: bool) -> MaskPrediction:
        """Masks of ``B`` objects from their conditioned embedding ``(B, C, h, w)`` and prompts (None: tracked, no prompt)."""
        sparse, dense = self.sam_prompt_encoder(prompt or PromptTensors(), embedding.shape[0])
        return self.decode_tokens(embedding, sparse, dense, high_res, multimask)

    def decode_tokens(
        self, embedding: Tensor, sparse: Tensor, dense: Tensor, high_res: tuple[Tensor, ...], multimask: bool
    ) -> MaskPrediction:
        """:meth:`decode` of prompts that the prompt encoder has turned into ``sparse (B, N, C)`` and ``dense (B, C, h, w)``."""
        decoded = self.sam_mask_decoder(embedding, self.sam_prompt_encoder.dense_position(), sparse, dense, high_res, multimask)
        rows = torch.arange(embedding.shape[0], device=embedding.device)
        best = decoded.ious.argmax(dim=1)
        present = decoded.object_score > 0
        mask = torch.where(present[..., None, None], decoded.masks[rows, best][:, None].float(), ABSENT_LOGIT)
        pointer = self.obj_ptr_proj(decoded.tokens[rows, best])
        return MaskPrediction(
            multimasks=decoded.masks,
            ious=decoded.ious,
            mask=mask,
            iou=decoded.ious[rows, best],
            object_pointer=torch.where(present, pointer, self.no_obj_ptr.to(pointer.dtype)),
            object_score=decoded.object_score,
        )

    def adopt_mask(self, features: FrameFeatures, mask: Tensor) -> MaskPrediction:
        """Takes a given binary mask ``(B, 1, S, S)`` float as the answer (logits +-10) and derives its object pointer."""
        return self.adopted(mask, self.decode(features.embedding, features.high_res, self.mask_prompt(mask), multimask=False))

    def mask_prompt(self, mask: Tensor) -> PromptTensors:
        """A given binary mask ``(B, 1, S, S)`` as a prompt."""
        return PromptTensors(mask=self.mask_downsample(mask))

    def adopted(self, mask: Tensor, guided: MaskPrediction) -> MaskPrediction:
        """:meth:`adopt_mask` once the mask's own prompt has been answered: ``guided``."""
        logits = _resize(mask * 20.0 - 10.0, self.config.mask_size, antialias=True)
        present = (mask.flatten(1) > 0).any(dim=1, keepdim=True)
        pointer = torch.where(present, guided.object_pointer, self.no_obj_ptr)
        iou = torch.ones(len(mask), device=mask.device)
        return MaskPrediction(logits, iou[:, None], logits, iou, pointer, torch.where(present, 10.0, -10.0))

    def encode_memory(self, embedding: Tensor, mask_logits: Tensor, object_score: Tensor, from_prompt: bool) -> Tensor:
        """Memory ``(B, mem_dim, h, w)`` of a frame's raw ``embedding (B or 1, C, h, w)`` and ``mask_logits (B, 1, ., .)`` of any size.

        A prompted mask is binarised (in evaluation), a tracked one enters as probabilities.
        """
        logits = _resize(mask_logits.float(), self.config.image_size)
        mask = (logits > 0).float() if from_prompt and not self.training else logits.sigmoid()
        memory = self.memory_encoder(embedding, (mask * _MEMORY_SCALE + _MEMORY_BIAS).to(embedding.dtype))
        if not self.config.no_obj_embed_spatial:
            return memory
        absent = (object_score <= 0).to(memory.dtype)[..., None, None]
        return memory + absent * self.no_obj_embed_spatial[..., None, None]

    def condition(
        self, embedding: Tensor, spatial: Sequence[tuple[int, Tensor]], pointers: Sequence[tuple[float, Tensor]], pointer_span: int
    ) -> Tensor:
        """:meth:`attend_memory` to memories that are gathered for it; ``embedding (1, C, h, w)`` serves all objects of a frame."""
        return self.attend_memory(embedding, self.gather_memory(spatial, pointers, pointer_span))

    def gather_memory(
        self, spatial: Sequence[tuple[int, Tensor]], pointers: Sequence[tuple[float, Tensor]], pointer_span: int
    ) -> MemoryTokens:
        """Puts memories in a row for :meth:`attend_memory`.

        Args:
            spatial: ``(distance, memory (B, mem_dim, h, w))``; distance 0 is a prompted frame, 1 ... num_maskmem - 1 tracked
                frames counted back from the current one.
            pointers: ``(distance, object pointer (B, C))``, distance in frames (signed, past is positive).
            pointer_span: the distance that scales to 1; officially min(clip length, 16) - 1.
        """
        tokens = [memory.flatten(2).transpose(1, 2) for _, memory in spatial]
        where = self.memory_position.flatten(2).transpose(1, 2)
        position = [where + self.maskmem_tpos_enc[distance - 1, 0] for distance, _ in spatial]
        parts = self.config.d_model // self.config.mem_dim
        if pointers:
            stacked = torch.stack([pointer for _, pointer in pointers], dim=1)
            tokens.append(stacked.reshape(len(stacked), -1, self.config.mem_dim))
            position.append(self._pointer_position([distance for distance, _ in pointers], pointer_span).repeat_interleave(parts, dim=1))
        return MemoryTokens(torch.cat(tokens, dim=1), torch.cat(position, dim=1), parts * len(pointers))

    def _pointer_position(self, distances: Sequence[float], span: int) -> Tensor:
        """Temporal encoding ``(1, pointers, mem_dim)``; zeros in a model without one."""
        where = self.memory_position
        if not self.config.add_tpos_enc_to_obj_ptrs:
            return where.new_zeros(1, len(distances), self.config.mem_dim)
        when = sine_1d(torch.tensor(distances, device=where.device) / max(span, 1), self.config.d_model)
        return self.obj_ptr_tpos_proj(when.to(where.dtype))[None]


def _resize(x: Tensor, size: int, antialias: bool = False) -> Tensor:
    if x.shape[-2:] == (size, size):
        return x
    return F.interpolate(x, size=(size, size), mode="bilinear", align_corners=False, antialias=antialias)
