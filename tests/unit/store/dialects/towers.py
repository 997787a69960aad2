"""What the tiny models with eyes have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.unit.store.dialects import tiny as t
from tests.unit.store.dialects.tiny import Array, Tensors, Tiny, Weights


@dataclass
class Family:
    """``source`` is what Ollama publishes; the others are what stock llama.cpp reads."""

    source: Tiny
    text: Tiny
    projector: Tiny | None = None
    image_tokens: int = 0
    audio_tokens: int = 0
    embedding: bool = False
    # What stock llama.cpp says to the source; None where it loads it, but misreads its text.
    refusal: str | None = "unknown model architecture"


def without(values: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in names}


def widened(tensors: Tensors, *names: str) -> Tensors:
    return {n: a.astype(np.float32) if n in names else a for n, a in tensors.items()}


CLIP = {
    "general.architecture": "clip",
    "clip.has_vision_encoder": True,
    "clip.vision.block_count": 2,
    "clip.vision.embedding_length": t.VISION,
    "clip.vision.feed_forward_length": t.VISION_INNER,
    "clip.vision.attention.head_count": 2,
    "clip.vision.patch_size": t.PATCH,
    "clip.vision.projection_dim": t.WIDTH,
}


MERGER_CLIP = CLIP | {
    "clip.vision.attention.layer_norm_epsilon": 1e-6,
    "clip.vision.spatial_merge_size": 2,
    "clip.vision.image_mean": [0.5, 0.5, 0.5],
    "clip.vision.image_std": [0.5, 0.5, 0.5],
    "clip.use_gelu": True,
    "clip.projector_type": "qwen3vl_merger",
}


def vision_keys(architecture: str, **more: Any) -> dict[str, Any]:
    return tower_keys(architecture, "vision", patch_size=t.PATCH, **more)


def tower_keys(architecture: str, tower: str, **more: Any) -> dict[str, Any]:
    keys = {
        "block_count": 2,
        "embedding_length": t.VISION,
        "feed_forward_length": t.VISION_INNER,
        "attention.head_count": 2,
        "attention.layer_norm_epsilon": 1e-6,
    }
    return {f"{architecture}.{tower}.{key}": value for key, value in (keys | more).items()}


def gated_block(w: Weights, *, biases: bool) -> Tensors:
    sizes = {
        "attn_q": (t.VISION, t.VISION),
        "attn_k": (t.VISION, t.VISION),
        "attn_v": (t.VISION, t.VISION),
        "attn_out": (t.VISION, t.VISION),
        "ffn_gate": (t.VISION, t.VISION_INNER),
        "ffn_up": (t.VISION, t.VISION_INNER),
        "ffn_down": (t.VISION_INNER, t.VISION),
    }
    found: Tensors = {"ln1.weight": w.vector(t.VISION), "ln2.weight": w.vector(t.VISION)}
    for name, size in sizes.items():
        linear = t.biased(w, name, *size)
        found |= linear if biases else {f"{name}.weight": linear[f"{name}.weight"]}
    return found


def plain_block(w: Weights) -> Tensors:
    """A block of a plain vision transformer."""
    found: Tensors = {}
    for name in ("ln1", "ln2"):
        found |= {f"{name}.weight": w.vector(t.VISION), f"{name}.bias": w.vector(t.VISION)}
    for name in ("attn_q", "attn_k", "attn_v", "attn_out"):
        found |= t.biased(w, name, t.VISION, t.VISION)
    found |= t.biased(w, "ffn_up", t.VISION, t.VISION_INNER)
    return found | t.biased(w, "ffn_down", t.VISION_INNER, t.VISION)


def halves(array: Array, heads: int) -> Array:
    """Rows of each head from pairs to halves, as a checkpoint has them."""
    rows, width = array.shape
    return array.reshape(heads, rows // heads // 2, 2, width).swapaxes(1, 2).reshape(rows, width)


def _merger_block(w: Weights) -> Tensors:
    found: Tensors = {}
    for name in ("ln1", "ln2"):
        found |= {f"{name}.weight": w.vector(t.VISION), f"{name}.bias": w.vector(t.VISION)}
    found |= t.biased(w, "attn_qkv", t.VISION, 3 * t.VISION)
    found |= t.biased(w, "attn_out", t.VISION, t.VISION)
    found |= t.biased(w, "ffn_up", t.VISION, t.VISION_INNER)
    return found | t.biased(w, "ffn_down", t.VISION_INNER, t.VISION)


def merger_tower(w: Weights, blocks: int) -> Tensors:
    merged = 4 * t.VISION
    return {
        "v.patch_embd.weight": w.matrix(t.PATCH, t.PATCH, 3, t.VISION).astype(np.float32),
        "v.patch_embd.weight.1": w.matrix(t.PATCH, t.PATCH, 3, t.VISION).astype(np.float32),
        "v.patch_embd.bias": w.vector(t.VISION),
        "v.position_embd.weight": w.matrix(t.VISION, 16).astype(np.float32),
        "v.post_ln.weight": w.vector(t.VISION),
        "v.post_ln.bias": w.vector(t.VISION),
        **t.biased(w, "mm.0", merged, merged),
        **t.biased(w, "mm.2", merged, t.WIDTH),
    } | t.vision_blocks(w, _merger_block, blocks)


def published_merger(tower: Tensors) -> Tensors:
    """As Ollama has it: one convolution over both frames, queries, keys and values apart."""
    frames = [tower["v.patch_embd.weight"], tower["v.patch_embd.weight.1"]]
    joined = np.stack(frames, axis=2).reshape(-1, 2, t.PATCH, t.PATCH)
    found: Tensors = {"v.patch_embed.weight": joined.astype(np.float16)}
    names = [
        ("v.patch_embd.bias", "v.patch_embed.bias"),
        ("v.position_embd", "v.pos_embed"),
        ("v.post_ln", "v.merger.norm"),
        ("mm.0", "v.merger.linear_fc1"),
        ("mm.2", "v.merger.linear_fc2"),
        ("ffn_up", "mlp.linear_fc1"),
        ("ffn_down", "mlp.linear_fc2"),
        (".ln1", ".norm1"),
        (".ln2", ".norm2"),
    ]
    for name, array in tower.items():
        if name.startswith("v.patch_embd.weight"):
            continue
        if ".attn_qkv." in name:
            for part, rows in zip("qkv", np.split(array, 3), strict=True):
                found[name.replace("attn_qkv", f"attn_{part}")] = rows
            continue
        found |= t.renamed({name: array}, names)
    return found
