"""Tiny models that read documents: GLM-OCR, DeepSeek-OCR."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.unit.store.dialects import tiny as t
from tests.unit.store.dialects.tiny import Tensors, Tiny, Weights
from tests.unit.store.dialects.towers import (
    CLIP,
    Family,
    gated_block,
    vision_keys,
    widened,
    without,
)

_GLM_MERGED, _GLM_INNER = 24, 40
# DeepSeek-OCR: the first tower's widths and positions, the second's, the experts'.
_SAM, _SAM_BLOCKS, _SAM_HEAD, _NECK = 16, 3, 8, 16
_WINDOW_POSITIONS, _ALL_POSITIONS = 27, 127
_CLIP_WIDTH, _CLIP_INNER = 32, 64
_EXPERT_INNER = 48


def glmocr() -> Family:
    w = Weights()
    published = t.text_tensors(w, lambda _: t.outer_norms(w))
    stock = dict(published)
    for i in range(t.BLOCKS):
        gate = stock.pop(f"blk.{i}.ffn_gate.weight")
        stock[f"blk.{i}.ffn_up.weight"] = np.concatenate([gate, stock[f"blk.{i}.ffn_up.weight"]])
    tower: Tensors = {
        "v.patch_embd.weight": w.matrix(t.PATCH, t.PATCH, 3, t.VISION),
        "v.patch_embd.weight.1": w.matrix(t.PATCH, t.PATCH, 3, t.VISION),
        "v.patch_embd.bias": w.vector(t.VISION),
        "v.post_ln.weight": w.vector(t.VISION),
        "mm.patch_merger.weight": w.matrix(2, 2, t.VISION, _GLM_MERGED),
        "mm.patch_merger.bias": w.vector(_GLM_MERGED),
        "mm.model.fc.weight": w.matrix(_GLM_MERGED, _GLM_MERGED),
        "mm.post_norm.weight": w.vector(_GLM_MERGED),
        "mm.post_norm.bias": w.vector(_GLM_MERGED),
        "mm.gate.weight": w.matrix(_GLM_MERGED, _GLM_INNER),
        "mm.up.weight": w.matrix(_GLM_MERGED, _GLM_INNER),
        "mm.down.weight": w.matrix(_GLM_INNER, t.WIDTH),
    } | t.vision_blocks(w, lambda w: gated_block(w, biases=True), 2)
    vocabulary = t.bpe_keys("<|begin_of_image|>", "<|end_of_image|>", pre="chatglm-bpe")
    mean, deviation = [0.25, 0.5, 0.75], [0.5, 0.25, 0.5]
    vision: dict[str, Any] = {
        "image_size": 336,
        "spatial_merge_size": 2,
        "image_mean": mean,
        "image_std": deviation,
        "intermediate_size": t.VISION_INNER,
        "out_hidden_size": t.WIDTH,
        "attention.layer_norm_rms_epsilon": 1e-5,
    }
    source = t.text_keys("glmocr") | vocabulary | {"glmocr.rope.mrope_section": [2, 3, 3]}
    source |= {"tokenizer.ggml.pre": "llama-bpe"}
    source |= without(
        vision_keys("glmocr", **vision),
        "glmocr.vision.feed_forward_length",
        "glmocr.vision.attention.layer_norm_epsilon",
    )
    wanted = t.text_keys("glm4") | vocabulary
    wanted |= {"glm4.rope.dimension_sections": [2, 3, 3, 0], "glm4.rope.dimension_count": t.HEAD}
    clip = CLIP | {
        "clip.vision.image_size": 336,
        "clip.vision.attention.layer_norm_epsilon": 1e-5,
        "clip.vision.spatial_merge_size": 2,
        "clip.vision.image_mean": mean,
        "clip.vision.image_std": deviation,
        "clip.use_silu": True,
        "clip.projector_type": "glm4v",
    }
    names = [("attn_output", "attn_out"), ("attention_norm", "attn_norm"), ("ffw_", "ffn_")]
    frames = [("patch_embd.weight.1", "patch_embd_1.weight")]
    frames += [("patch_embd.weight", "patch_embd_0.weight")]
    return Family(
        Tiny(source, t.renamed(published, names) | t.renamed(tower, frames)),
        Tiny(wanted, stock),
        Tiny(clip, widened(tower, "v.patch_embd.weight", "v.patch_embd.weight.1")),
        image_tokens=64,
    )


def deepseekocr() -> Family:
    w = Weights()
    tensors = t.text_tensors(w)
    for i in range(t.BLOCKS):
        for name in ("attn_q", "attn_k", "attn_v"):
            tensors[f"blk.{i}.{name}.weight"] = w.matrix(t.WIDTH, t.WIDTH)
    block = {"ffn_norm.weight": w.vector(t.WIDTH)}
    block |= t.experts(w, 2, _EXPERT_INNER, shared=2 * _EXPERT_INNER)
    t.in_block(tensors, 1, block, without="ffn_")
    more = {
        "context_length": 1024,
        "attention.head_count_kv": 2,
        "leading_dense_block_count": 1,
        "expert_count": 2,
        "expert_used_count": 1,
    }
    derived = {"expert_feed_forward_length": _EXPERT_INNER, "expert_shared_count": 2}
    source = t.text_keys("deepseekocr", **more) | t.bpe_keys(pre="deepseek-llm")
    source |= {
        "deepseekocr.vision.block_count": 2,
        "deepseekocr.vision.embedding_length": _CLIP_WIDTH,
        "deepseekocr.vision.head_count": 2,
        "deepseekocr.vision.image_size": 224,
        "deepseekocr.vision.patch_size": 14,
        "deepseekocr.sam.block_count": _SAM_BLOCKS,
        "deepseekocr.sam.embedding_length": _SAM,
        "deepseekocr.sam.head_count": _SAM // _SAM_HEAD,
    }
    stock = t.text_keys("deepseek2-ocr", **more, **derived) | t.bpe_keys(pre="deepseek-llm")
    clip = CLIP | {
        "clip.vision.embedding_length": _CLIP_WIDTH,
        "clip.vision.feed_forward_length": 64,
        "clip.vision.patch_size": 14,
        "clip.vision.image_size": 224,
        "clip.vision.projection_dim": 1280,
        "clip.vision.projector.scale_factor": 1,
        "clip.vision.window_size": 14,
        "clip.vision.attention.layer_norm_epsilon": 1e-6,
        "clip.vision.image_mean": [0.5, 0.5, 0.5],
        "clip.vision.image_std": [0.5, 0.5, 0.5],
        "clip.vision.sam.block_count": _SAM_BLOCKS,
        "clip.vision.sam.embedding_length": _SAM,
        "clip.vision.sam.head_count": _SAM // _SAM_HEAD,
        "clip.use_gelu": True,
        "clip.projector_type": "deepseekocr",
    }
    tower = _document_tower(w)
    promoted = [name for name in tower if ".pos_" in name or "patch_embd" in name]
    published = t.renamed(
        {name: array for name, array in tower.items() if name.startswith("v.sam.")}, _SAM_NAMES
    ) | t.renamed(
        {name: array for name, array in tower.items() if not name.startswith("v.sam.")}, _CLIP_NAMES
    )
    return Family(
        Tiny(without(source, "deepseekocr.attention.layer_norm_rms_epsilon"), tensors | published),
        Tiny(stock, tensors),
        Tiny(clip, widened(tower, *promoted, "v.position_embd.weight")),
        image_tokens=16 * 17 + 1,
    )


_SAM_NAMES = [
    ("v.sam.", "s."),
    ("s.pos_embd.weight", "s.position_embd"),
    (".attn.pos_h.weight", ".attn.rel_pos_h"),
    (".attn.pos_w.weight", ".attn.rel_pos_w"),
    (".attn.out.", ".attn.proj."),
    (".pre_ln.", ".norm1."),
    (".post_ln.", ".norm2."),
]
_CLIP_NAMES = [
    (".attn_out.", ".self_attn.out_proj."),
    (".attn_qkv.", ".self_attn.qkv_proj."),
    (".ln1.", ".layer_norm1."),
    (".ln2.", ".layer_norm2."),
    (".ffn_up.", ".mlp.fc1."),
    (".ffn_down.", ".mlp.fc2."),
    ("v.pre_ln", "v.pre_layrnorm"),
    ("mm.model.fc", "mm.layers"),
    ("v.image_newline", "mm.image_newline"),
    ("v.view_seperator", "mm.view_seperator"),
]


def _document_tower(w: Weights) -> Tensors:
    """Two encoders, one behind the other, whose outputs are joined."""

    def normed(name: str, width: int) -> Tensors:
        return {f"{name}.weight": w.vector(width), f"{name}.bias": w.vector(width)}

    tower: Tensors = {
        "v.sam.patch_embd.weight": w.matrix(16, 16, 3, _SAM),
        "v.sam.patch_embd.bias": w.vector(_SAM),
        "v.sam.pos_embd.weight": w.matrix(_SAM, 64, 64),
        "v.sam.neck.0.weight": w.matrix(1, 1, _SAM, _NECK),
        **normed("v.sam.neck.1", _NECK),
        "v.sam.neck.2.weight": w.matrix(3, 3, _NECK, _NECK),
        **normed("v.sam.neck.3", _NECK),
        "v.sam.net_2.weight": w.matrix(3, 3, _NECK, 24),
        "v.sam.net_3.weight": w.matrix(3, 3, 24, _CLIP_WIDTH),
        "v.class_embd": w.vector(_CLIP_WIDTH),
        "v.position_embd.weight": w.matrix(_CLIP_WIDTH, 257),
        **normed("v.pre_ln", _CLIP_WIDTH),
        "v.image_newline": w.vector(t.WIDTH),
        "v.view_seperator": w.vector(t.WIDTH),
        **t.biased(w, "mm.model.fc", 2 * _CLIP_WIDTH, t.WIDTH),
    }
    for i in range(_SAM_BLOCKS):
        # Every third block sees the whole image, the others a window of it.
        rows = _ALL_POSITIONS if i % 3 == 2 else _WINDOW_POSITIONS
        block = f"v.sam.blk.{i}"
        tower |= {
            **normed(f"{block}.pre_ln", _SAM),
            **normed(f"{block}.post_ln", _SAM),
            **t.biased(w, f"{block}.attn.qkv", _SAM, 3 * _SAM),
            **t.biased(w, f"{block}.attn.out", _SAM, _SAM),
            **t.biased(w, f"{block}.mlp.lin1", _SAM, 4 * _SAM),
            **t.biased(w, f"{block}.mlp.lin2", 4 * _SAM, _SAM),
            f"{block}.attn.pos_h.weight": w.matrix(_SAM_HEAD, rows),
            f"{block}.attn.pos_w.weight": w.matrix(_SAM_HEAD, rows),
        }
    for i in range(2):
        block = f"v.blk.{i}"
        tower |= {
            **normed(f"{block}.ln1", _CLIP_WIDTH),
            **normed(f"{block}.ln2", _CLIP_WIDTH),
            **t.biased(w, f"{block}.attn_qkv", _CLIP_WIDTH, 3 * _CLIP_WIDTH),
            **t.biased(w, f"{block}.attn_out", _CLIP_WIDTH, _CLIP_WIDTH),
            **t.biased(w, f"{block}.ffn_up", _CLIP_WIDTH, _CLIP_INNER),
            **t.biased(w, f"{block}.ffn_down", _CLIP_INNER, _CLIP_WIDTH),
        }
    return tower
