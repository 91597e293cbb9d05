"""Attention layers and the two-way transformer of the mask decoder (Kirillov et al. 2023)."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from echoseg.model.layers import MLP


class Attention(nn.Module):
    """Multi-head attention with an optional reduction of the inner width and a separate key/value width."""

    def __init__(self, width: int, num_heads: int, downsample_rate: int = 1, kv_width: int | None = None) -> None:
        super().__init__()
        inner = width // downsample_rate
        self.num_heads = num_heads
        self.q_proj = nn.Linear(width, inner)
        self.k_proj = nn.Linear(kv_width or width, inner)
        self.v_proj = nn.Linear(kv_width or width, inner)
        self.out_proj = nn.Linear(inner, width)

    def split(self, x: Tensor) -> Tensor:
        """``(B, N, C)`` to ``(B, heads, N, C / heads)``."""
        return x.reshape(x.shape[0], x.shape[1], self.num_heads, -1).transpose(1, 2)

    def forward(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """``q (B, N, C)``, ``k, v (B, M, Ckv)`` to ``(B, N, C)``."""
        out = F.scaled_dot_product_attention(self.split(self.q_proj(q)), self.split(self.k_proj(k)), self.split(self.v_proj(v)))
        return self.out_proj(out.transpose(1, 2).flatten(2))


class TwoWayAttentionBlock(nn.Module):
    """Tokens attend to themselves, then to the image; the image then attends to the tokens."""

    def __init__(self, width: int, num_heads: int, mlp_hidden: int, skip_first_layer_pe: bool) -> None:
        super().__init__()
        self.self_attn = Attention(width, num_heads)
        self.norm1 = nn.LayerNorm(width)
        self.cross_attn_token_to_image = Attention(width, num_heads, downsample_rate=2)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = MLP(width, mlp_hidden, width, 2)
        self.norm3 = nn.LayerNorm(width)
        self.norm4 = nn.LayerNorm(width)
        self.cross_attn_image_to_token = Attention(width, num_heads, downsample_rate=2)
        self.skip_first_layer_pe = skip_first_layer_pe

    def forward(self, tokens: Tensor, image: Tensor, token_pe: Tensor, image_pe: Tensor) -> tuple[Tensor, Tensor]:
        if self.skip_first_layer_pe:
            tokens = self.self_attn(tokens, tokens, tokens)
        else:
            q = tokens + token_pe
            tokens = tokens + self.self_attn(q, q, tokens)
        tokens = self.norm1(tokens)
        tokens = self.norm2(tokens + self.cross_attn_token_to_image(tokens + token_pe, image + image_pe, image))
        tokens = self.norm3(tokens + self.mlp(tokens))
        image = self.norm4(image + self.cross_attn_image_to_token(image + image_pe, tokens + token_pe, tokens))
        return tokens, image


class TwoWayTransformer(nn.Module):
    """Two blocks and a final token-to-image attention."""

    def __init__(self, width: int, num_heads: int, mlp_hidden: int, depth: int = 2) -> None:
        super().__init__()
        self.layers = nn.ModuleList(TwoWayAttentionBlock(width, num_heads, mlp_hidden, skip_first_layer_pe=i == 0) for i in range(depth))
        self.final_attn_token_to_image = Attention(width, num_heads, downsample_rate=2)
        self.norm_final_attn = nn.LayerNorm(width)

    def forward(self, image: Tensor, image_pe: Tensor, token_pe: Tensor) -> tuple[Tensor, Tensor]:
        """``image, image_pe (B, C, h, w)`` and tokens ``(B, N, C)`` to updated tokens and image tokens ``(B, h * w, C)``."""
        image = image.flatten(2).transpose(1, 2)
        image_pe = image_pe.flatten(2).transpose(1, 2)
        tokens = token_pe
        for layer in self.layers:
            tokens, image = layer(tokens, image, token_pe, image_pe)
        tokens = self.norm_final_attn(tokens + self.final_attn_token_to_image(tokens + token_pe, image + image_pe, image))
        return tokens, image
