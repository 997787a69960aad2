"""A vision transformer with LLaVA's projector in front of a small Qwen3 decoder, in PyTorch.

The encoder is what llama.cpp computes for a projector of type ``mlp``: no class token, layer norms
before attention and feed-forward, GELU in its tanh form.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.sight.config import DECODER, ENCODER, EncoderConfig
from models.sight.drawings import COLOURS, MOST, SHAPES
from models.tiny.network import FAST, Network, linear, matrix

IMAGE_ID = -1


class LayerNorm(nn.Module):
    def __init__(self, size: int, epsilon: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.bias = nn.Parameter(torch.zeros(size))
        self.epsilon = epsilon

    def forward(self, x: Tensor) -> Tensor:
        weight, bias = self.weight.to(x.dtype), self.bias.to(x.dtype)
        return functional.layer_norm(x, x.shape[-1:], weight, bias, self.epsilon)


class Linear(nn.Module):
    """A matrix of shape (rows, columns) and a bias."""

    def __init__(self, rows: int, columns: int, scale: float) -> None:
        super().__init__()
        self.weight = matrix(rows, columns, scale)
        self.bias = nn.Parameter(torch.zeros(rows))

    def forward(self, x: Tensor) -> Tensor:
        return linear(x, self.weight) + self.bias.to(x.dtype)


class VisionBlock(nn.Module):
    """One layer: attention over all patches, then feed-forward."""

    def __init__(self, c: EncoderConfig) -> None:
        super().__init__()
        self.heads = c.heads
        scale = c.width**-0.5
        self.ln1 = LayerNorm(c.width, c.norm_epsilon)
        self.attn_q = matrix(c.width, c.width, scale)
        self.attn_k = matrix(c.width, c.width, scale)
        self.attn_v = matrix(c.width, c.width, scale)
        self.attn_out = matrix(c.width, c.width, 0.0)
        self.ln2 = LayerNorm(c.width, c.norm_epsilon)
        self.ffn_up = Linear(c.feed_forward, c.width, scale)
        self.ffn_down = Linear(c.width, c.feed_forward, 0.0)

    def forward(self, x: Tensor) -> Tensor:
        batch, length, width = x.shape
        shape = (batch, length, self.heads, width // self.heads)
        h = self.ln1(x)
        q, k, v = (
            linear(h, weight).view(shape).transpose(1, 2)
            for weight in (self.attn_q, self.attn_k, self.attn_v)
        )
        scores = (q * shape[-1] ** -0.5) @ k.mT
        mixed = (scores.softmax(dim=-1) @ v).transpose(1, 2).reshape(batch, length, width)
        x = x + linear(mixed, self.attn_out)
        h = functional.gelu(self.ffn_up(self.ln2(x)), approximate="tanh")
        return x + self.ffn_down(h)


def places(side: int, width: int) -> Tensor:
    """Where each patch lies, as sines and cosines of its row and column: (side², width).

    Small random numbers would do in the end, but it takes long until attention finds neighbours in
    them, and without neighbours nothing can be counted.
    """
    quarter = width // 4
    speed = math.pi / 2 * 16 ** (-torch.arange(quarter) / quarter)
    angle = torch.arange(side)[:, None] * speed
    waves = torch.cat((angle.sin(), angle.cos()), dim=1)
    rows, columns = waves[:, None].expand(-1, side, -1), waves[None].expand(side, -1, -1)
    return 2 * torch.cat((rows, columns), dim=2).reshape(side * side, width)


class Encoder(nn.Module):
    """Pixels of shape (batch, side, side, 3), 0 to 255, to one feature vector a patch."""

    def __init__(self, c: EncoderConfig = ENCODER) -> None:
        super().__init__()
        self.c = c
        inputs = 3 * c.patch * c.patch
        self.patch_embd = Linear(c.width, inputs, inputs**-0.5)
        self.position_embd = nn.Parameter(places(c.side, c.width))
        self.blk = nn.ModuleList(VisionBlock(c) for _ in range(c.layers))
        self.post_ln = LayerNorm(c.width, c.norm_epsilon)

    def patches(self, pixels: Tensor) -> Tensor:
        """Patches of shape (batch, tokens, 3 * patch²), scaled to -1 to 1, channels first."""
        c = self.c
        x = (pixels.float() / 255 - 0.5) / 0.5
        x = x.view(-1, c.side, c.patch, c.side, c.patch, 3).permute(0, 1, 3, 5, 2, 4)
        return x.reshape(-1, c.tokens, 3 * c.patch * c.patch)

    def forward(self, pixels: Tensor, dtype: torch.dtype = FAST) -> Tensor:
        x = self.patch_embd(self.patches(pixels).to(dtype))
        x = x + self.position_embd.to(dtype)
        for block in self.blk:
            x = block(x)
        normed: Tensor = self.post_ln(x)
        return normed


class Projector(nn.Module):
    """Features of patches to embeddings of the decoder."""

    def __init__(self, c: EncoderConfig = ENCODER) -> None:
        super().__init__()
        self.first = Linear(c.projector, c.width, c.width**-0.5)
        self.second = Linear(c.output, c.projector, 0.3 * c.projector**-0.5)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.second(functional.gelu(self.first(x), approximate="tanh"))
        return result


class Teacher(nn.Module):
    """What each patch is asked while the encoder learns: is a shape's centre here, and of which
    kind, in which colour, in how large a group, and of how many in all? Only training needs it."""

    def __init__(self, c: EncoderConfig = ENCODER) -> None:
        super().__init__()
        self.shape = Linear(len(SHAPES) + 1, c.width, c.width**-0.5)
        self.colour = Linear(len(COLOURS), c.width, c.width**-0.5)
        self.count = Linear(MOST, c.width, c.width**-0.5)

        self.total = Linear(MOST, c.width, c.width**-0.5)

    def forward(self, features: Tensor) -> tuple[Tensor, ...]:
        """Logits for shape, colour, count and total."""
        heads = (self.shape, self.colour, self.count, self.total)
        return tuple(head(features).float() for head in heads)


class Sight(nn.Module):
    """Token ids and pixels to hidden states; IMAGE_ID stands where an image's tokens go."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = Encoder()
        self.projector = Projector()
        self.teacher = Teacher()
        self.decoder = Network(DECODER)

    def embed(self, ids: Tensor, images: Tensor) -> Tensor:
        """Embeddings of a batch in which ``images``, one after the other, replace IMAGE_ID."""
        x = functional.embedding(ids.clamp(min=0), self.decoder.token_embd).to(images.dtype)
        return x.masked_scatter((ids == IMAGE_ID)[..., None], images)

    def forward(
        self, ids: Tensor, pixels: Tensor, order: Tensor, dtype: torch.dtype = FAST
    ) -> tuple[Tensor, Tensor]:
        """Hidden states of the decoder, and the encoder's features.

        ``order`` has the index into ``pixels`` of each image in the ids.
        """
        features = self.encoder(pixels, dtype)
        return self.read(ids, features, order), features

    def read(self, ids: Tensor, features: Tensor, order: Tensor) -> Tensor:
        """Hidden states of the decoder where the encoder has already looked."""
        return self.decoder.transform(self.embed(ids, self.projector(features)[order]))
