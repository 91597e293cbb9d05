"""Memory attention: the frame attends to itself and to the memory bank, with axial rotary position encoding."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from echoseg.model.config import SAM2Config
from echoseg.model.position import axial_rotation, rotate
from echoseg.model.transformer import Attention


class RoPEAttention(Attention):
    """One-head attention with rotary positions; keys are the frame itself or memories on the same grid, then pointers without one."""

    turn: Tensor

    def __init__(self, width: int, side: int, dropout: float, kv_width: int | None = None) -> None:
        super().__init__(width, num_heads=1, kv_width=kv_width)
        self.register_buffer("turn", axial_rotation(width, side), persistent=False)
        self.dropout = dropout

    def forward(self, q: Tensor, k: Tensor, v: Tensor, unplaced: int = 0) -> Tensor:
        """``q (B or 1, N, C)``, ``k, v (B, M, Ckv)`` to ``(B, N, C)``; the last ``unplaced`` keys have no place on the grid."""
        query = rotate(self.split(self.q_proj(q)), self.turn)
        key = self.split(self.k_proj(k))
        placed = key.shape[2] - unplaced
        key = torch.cat((rotate(key[:, :, :placed], self.turn), key[:, :, placed:]), dim=2)
        if self.training or v.shape[-1] == q.shape[-1]:
            value = self.split(self.v_proj(v))
            out = F.scaled_dot_product_attention(query, key, value, dropout_p=self.dropout if self.training else 0.0)
            return self.out_proj(out.transpose(1, 2).flatten(2))
        # The value projection is linear and weights sum to one, so it commutes with the average: weigh the narrow memories first.
        weights = torch.softmax((query @ key.transpose(2, 3))[:, 0] * key.shape[-1] ** -0.5, dim=-1)
        return self.out_proj(self.v_proj(weights @ v))


class MemoryAttentionLayer(nn.Module):
    """Self-attention, cross-attention to the memories, feed-forward; pre-norm."""

    def __init__(self, config: SAM2Config) -> None:
        super().__init__()
        width = config.d_model
        self.self_attn = RoPEAttention(width, config.embedding_size, config.dropout)
        self.cross_attn_image = RoPEAttention(width, config.embedding_size, config.dropout, kv_width=config.mem_dim)
        self.linear1 = nn.Linear(width, config.memory_ffn)
        self.linear2 = nn.Linear(config.memory_ffn, width)
        self.norm1, self.norm2, self.norm3 = nn.LayerNorm(width), nn.LayerNorm(width), nn.LayerNorm(width)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor, memory: Tensor, position: Tensor, pointer_tokens: int) -> Tensor:
        y = self.norm1(x)
        x = x + self.dropout(self.self_attn(y, y, y))
        x = x + self.dropout(self.cross_attn_image(self.norm2(x), memory + position, memory, unplaced=pointer_tokens))
        hidden = self.dropout(F.relu(self.linear1(self.norm3(x))))
        return x + self.dropout(self.linear2(hidden))


class MemoryAttention(nn.Module):
    """A stack of layers over the flattened frame embedding."""

    def __init__(self, config: SAM2Config) -> None:
        super().__init__()
        self.layers = nn.ModuleList(MemoryAttentionLayer(config) for _ in range(config.memory_layers))
        self.norm = nn.LayerNorm(config.d_model)

    def forward(self, embedding: Tensor, position: Tensor, memory: Tensor, memory_position: Tensor, pointer_tokens: int) -> Tensor:
        """``embedding (B or 1, C, h, w)``, ``memory, memory_position (B, M, mem_dim)`` to ``(B, C, h, w)``.

        One embedding for all objects is looked at once, until their memories part it.
        The last ``pointer_tokens`` memories are object pointers, which have no place in the frame.
        """
        x = (embedding + 0.1 * position).flatten(2).transpose(1, 2)
        for layer in self.layers:
            x = layer(x, memory, memory_position, pointer_tokens)
        return self.norm(x).transpose(1, 2).reshape(-1, *embedding.shape[1:])
