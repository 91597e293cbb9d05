"""Memory attention for a graph: rotary positions in real arithmetic, and the gathering of memories inside.

The network turns neighbouring channels as complex numbers, which no ONNX operator does. Here the channels of a query and a key are put in
another order, all real parts before all imaginary ones: the same order for both leaves their products what they were.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from echoseg.model.memory_attention import MemoryAttentionLayer, RoPEAttention
from echoseg.model.position import sine_1d
from echoseg.model.sam2 import SAM2


class SplitProjection(nn.Module):
    """A linear layer whose output channels come with the even ones first, times ``scale``."""

    def __init__(self, layer: nn.Linear, scale: float = 1.0) -> None:
        super().__init__()
        order = torch.arange(layer.out_features).reshape(-1, 2).T.flatten()
        self.register_buffer("weight", layer.weight.detach()[order].T.contiguous() * scale)
        self.register_buffer("bias", layer.bias.detach()[order] * scale)

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.weight + self.bias  # type: ignore[operator]


class Turn(nn.Module):
    """Turns tokens ``(..., N, C)`` of :class:`SplitProjection` by their places on the grid of N cells."""

    def __init__(self, turn: Tensor) -> None:
        super().__init__()
        self.register_buffer("cos", turn.real.contiguous())
        self.register_buffer("sin", turn.imag.contiguous())

    def forward(self, tokens: Tensor) -> Tensor:
        real, imaginary = tokens.chunk(2, dim=-1)
        return torch.cat((real * self.cos - imaginary * self.sin, real * self.sin + imaginary * self.cos), dim=-1)  # type: ignore[operator]


class _Attention(nn.Module):
    def __init__(self, attention: RoPEAttention) -> None:
        super().__init__()
        self.query = SplitProjection(attention.q_proj, attention.q_proj.out_features**-0.5)
        self.key = SplitProjection(attention.k_proj)
        self.value, self.out, self.turn = attention.v_proj, attention.out_proj, Turn(attention.turn)


class SelfAttention(_Attention):
    """The frame's tokens ``(F, N, C)`` attend to each other."""

    def forward(self, x: Tensor) -> Tensor:
        weights = torch.softmax(self.turn(self.query(x)) @ self.turn(self.key(x)).transpose(1, 2), dim=-1)
        return self.out(weights @ self.value(x))


class CrossAttention(_Attention):
    """Tokens ``(F, N, C)`` attend to memories ``(B, K, N, mem_dim)``, which lie on the same grid, and to pointers ``(B, P, mem_dim)``."""

    def forward(self, x: Tensor, placed: Tensor, unplaced: Tensor, values: Tensor) -> Tensor:
        """``placed``, ``unplaced``: with positions. ``values (B, K * N + P, mem_dim)``: both, without."""
        keys = torch.cat((self.turn(self.key(placed)).flatten(1, 2), self.key(unplaced)), dim=1)
        weights = torch.softmax(self.turn(self.query(x)) @ keys.transpose(1, 2), dim=-1)
        return self.out(self.value(weights @ values))


class Layer(nn.Module):
    """See :class:`MemoryAttentionLayer`, without its dropout."""

    def __init__(self, layer: MemoryAttentionLayer) -> None:
        super().__init__()
        self.self_attention, self.cross_attention = SelfAttention(layer.self_attn), CrossAttention(layer.cross_attn_image)
        self.linear1, self.linear2 = layer.linear1, layer.linear2
        self.norm1, self.norm2, self.norm3 = layer.norm1, layer.norm2, layer.norm3

    def forward(self, x: Tensor, placed: Tensor, unplaced: Tensor, values: Tensor) -> Tensor:
        x = x + self.self_attention(self.norm1(x))
        x = x + self.cross_attention(self.norm2(x), placed, unplaced, values)
        return x + self.linear2(torch.relu(self.linear1(self.norm3(x))))


class AttendMemory(nn.Module):
    """:meth:`SAM2.gather_memory` and :meth:`SAM2.attend_memory` in one.

    Objects part where they first look at their memories: what comes before is done once for a frame, not for each of them.
    """

    def __init__(self, network: SAM2) -> None:
        super().__init__()
        self.parts = network.config.d_model // network.config.mem_dim
        self.width, self.mem_dim = network.config.d_model, network.config.mem_dim
        self.layers = nn.ModuleList(Layer(layer) for layer in network.memory_attention.layers)  # type: ignore[arg-type]
        self.norm = network.memory_attention.norm
        self.pointer_position = network.obj_ptr_tpos_proj if network.config.add_tpos_enc_to_obj_ptrs else None
        self.register_buffer("frame_position", 0.1 * network.frame_position)
        self.register_buffer("grid", network.memory_position.flatten(2).transpose(1, 2).contiguous())
        self.register_buffer("moments", network.maskmem_tpos_enc.detach()[:, 0])

    def forward(self, embedding: Tensor, memories: Tensor, places: Tensor, pointers: Tensor, ages: Tensor) -> Tensor:
        """Conditions an embedding on what its objects remember.

        Args:
            embedding: ``(B or 1, C, h, w)``.
            memories: ``(B, K, mem_dim, h * w)``.
            places: ``(K,)`` int64 rows of the temporal encoding: the distance less one, the last for a prompted frame.
            pointers: ``(B, P, C)``; P may be 0.
            ages: ``(P,)`` distances of the pointers over their span.
        """
        grids = memories.transpose(2, 3)
        # Shapes are spelled out: there may be no pointers, and nothing divided among them.
        count = ages.shape[0] * self.parts
        tokens = pointers.reshape(pointers.shape[0], count, self.mem_dim)
        placed = grids + (self.grid + self.moments[places])  # type: ignore[index, operator]
        unplaced = tokens
        if self.pointer_position is not None:
            encoding = self.pointer_position(sine_1d(ages, self.width))[:, None].expand(-1, self.parts, -1).reshape(count, self.mem_dim)
            unplaced = tokens + encoding
        values = torch.cat((grids.flatten(1, 2), tokens), dim=1)
        x = (embedding + self.frame_position).flatten(2).transpose(1, 2)  # type: ignore[operator]
        for layer in self.layers:
            x = layer(x, placed, unplaced, values)
        return self.norm(x).transpose(1, 2).unflatten(2, embedding.shape[2:])
