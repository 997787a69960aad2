"""The Qwen3 transformer in PyTorch, as small as the training needs it."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.tiny.config import ModelConfig


def _fast() -> torch.dtype:
    """Half numbers where the processor multiplies them; where not, they take ten times as long."""
    able = torch.cpu.get_capabilities()
    half = able.get("avx512_bf16") or able.get("amx_bf16") or able.get("bf16")
    return torch.bfloat16 if half else torch.float32


FAST = _fast()


def matrix(rows: int, columns: int, scale: float) -> nn.Parameter:
    return nn.Parameter(torch.randn(rows, columns) * scale)


def linear(x: Tensor, weight: Tensor) -> Tensor:
    return functional.linear(x, weight.to(x.dtype))


class RMSNorm(nn.Module):
    def __init__(self, size: int, epsilon: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.epsilon = epsilon

    def forward(self, x: Tensor) -> Tensor:
        return functional.rms_norm(x, x.shape[-1:], self.weight.to(x.dtype), self.epsilon)


def rotate(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Applies rotary positions to (batch, heads, length, size), halves paired as in NeoX."""
    left, right = x.chunk(2, dim=-1)
    return torch.cat((left * cosine - right * sine, right * cosine + left * sine), dim=-1)


def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Tensor:
    """Grouped attention of (batch, heads, length, size) to (batch, length, heads * size).

    Written out, because on a CPU the backward pass of PyTorch's fused kernel takes a third of a
    training step at these lengths, and this takes a tenth.
    """
    batch, heads, length, size = q.shape
    grouped = q.reshape(batch, k.shape[1], -1, size)
    scores = (grouped * size**-0.5) @ k.mT
    weights = (scores.view(batch, heads, length, length) + mask).softmax(dim=-1)
    mixed = weights.view(batch, k.shape[1], -1, length) @ v
    return mixed.view(batch, heads, length, size).transpose(1, 2).reshape(batch, length, -1)


class Block(nn.Module):
    """One layer: attention with normalised queries and keys, then SwiGLU."""

    def __init__(self, c: ModelConfig) -> None:
        super().__init__()
        self.c = c
        inner, kv = c.heads * c.head_size, c.kv_heads * c.head_size
        scale = c.width**-0.5
        self.attn_norm = RMSNorm(c.width, c.norm_epsilon)
        self.attn_q = matrix(inner, c.width, scale)
        self.attn_k = matrix(kv, c.width, scale)
        self.attn_v = matrix(kv, c.width, scale)
        self.attn_q_norm = RMSNorm(c.head_size, c.norm_epsilon)
        self.attn_k_norm = RMSNorm(c.head_size, c.norm_epsilon)
        self.attn_output = matrix(c.width, inner, 0.0)
        self.ffn_norm = RMSNorm(c.width, c.norm_epsilon)
        self.ffn_gate = matrix(c.feed_forward, c.width, scale)
        self.ffn_up = matrix(c.feed_forward, c.width, scale)
        self.ffn_down = matrix(c.width, c.feed_forward, 0.0)

    def forward(self, x: Tensor, cosine: Tensor, sine: Tensor, mask: Tensor) -> Tensor:
        c, (batch, length, _) = self.c, x.shape
        h = self.attn_norm(x)
        q = linear(h, self.attn_q).view(batch, length, c.heads, c.head_size)
        k = linear(h, self.attn_k).view(batch, length, c.kv_heads, c.head_size)
        v = linear(h, self.attn_v).view(batch, length, c.kv_heads, c.head_size)
        q = rotate(self.attn_q_norm(q).transpose(1, 2), cosine, sine)
        k = rotate(self.attn_k_norm(k).transpose(1, 2), cosine, sine)
        mixed = attend(q, k, v.transpose(1, 2), mask)
        x = x + linear(mixed, self.attn_output)
        h = self.ffn_norm(x)
        gated = functional.silu(linear(h, self.ffn_gate)) * linear(h, self.ffn_up)
        return x + linear(gated, self.ffn_down)


class Network(nn.Module):
    """Token ids of shape (batch, length) to hidden states; `logits` goes on to the vocabulary."""

    def __init__(self, c: ModelConfig) -> None:
        super().__init__()
        self.c = c
        self.token_embd = matrix(c.vocabulary, c.width, 0.02)
        self.blk = nn.ModuleList(Block(c) for _ in range(c.layers))
        self.output_norm = RMSNorm(c.width, c.norm_epsilon)

    def positions(self, length: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        half = self.c.head_size // 2
        speed = self.c.rope_base ** (-torch.arange(half, dtype=torch.float32) / half)
        angle = torch.arange(length, dtype=torch.float32)[:, None] * speed[None, :]
        return angle.cos().to(dtype), angle.sin().to(dtype)

    def forward(self, ids: Tensor, dtype: torch.dtype = FAST) -> Tensor:
        return self.transform(functional.embedding(ids, self.token_embd).to(dtype))

    def transform(self, x: Tensor) -> Tensor:
        """Hidden states of embeddings of shape (batch, length, width)."""
        length, dtype = x.shape[1], x.dtype
        cosine, sine = self.positions(length, dtype)
        mask = torch.full((length, length), float("-inf"), dtype=dtype).triu(1)
        for block in self.blk:
            x = block(x, cosine, sine, mask)
        normed: Tensor = self.output_norm(x)
        return normed

    def logits(self, hidden: Tensor) -> Tensor:
        return linear(hidden, self.token_embd).float()
