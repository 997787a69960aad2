"""Tiny models whose files carry their towers."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.unit.store.dialects import tiny as t
from tests.unit.store.dialects.tiny import Tensors, Tiny, Weights
from tests.unit.store.dialects.towers import (
    CLIP,
    MERGER_CLIP,
    Family,
    gated_block,
    halves,
    merger_tower,
    plain_block,
    published_merger,
    vision_keys,
    widened,
    without,
)


def gemma3() -> Family:
    w = Weights()
    tensors = t.text_tensors(w, lambda _: t.outer_norms(w) | t.head_norms(w))
    tower: Tensors = {
        "v.patch_embd.weight": w.matrix(t.PATCH, t.PATCH, 3, t.VISION),
        "v.patch_embd.bias": w.vector(t.VISION),
        "v.position_embd.weight": w.matrix(t.VISION, 64),
        "v.post_ln.weight": w.vector(t.VISION),
        "v.post_ln.bias": w.vector(t.VISION),
        "mm.input_projection.weight": w.matrix(t.WIDTH, t.VISION),
        "mm.soft_emb_norm.weight": w.vector(t.VISION),
    } | t.vision_blocks(w, plain_block, 2)
    keys = t.text_keys("gemma3", **{"attention.sliding_window": 32, "context_length": 131072})
    keys |= t.spm_keys("<start_of_image>", "<end_of_image>")
    stock = keys | {
        "gemma3.rope.freq_base": 500000.0,
        "gemma3.rope.freq_base_swa": 20000.0,
        "gemma3.rope.scaling.type": "linear",
        "gemma3.rope.scaling.factor": 8.0,
    }
    source = without(keys, "gemma3.attention.layer_norm_rms_epsilon", "gemma3.rope.freq_base")
    source |= t.spm_keys("<start_of_image>", "<end_of_image>", surplus=3)
    source |= {"gemma3.rope.global.freq_base": 500000.0, "gemma3.rope.local.freq_base": 20000.0}
    source |= vision_keys("gemma3", image_size=32)
    names = [
        ("v.patch_embd", "v.patch_embedding"),
        ("v.position_embd", "v.position_embedding"),
        ("v.post_ln", "v.post_layernorm"),
        (".ln1", ".layer_norm1"),
        (".ln2", ".layer_norm2"),
        ("attn_out", "attn_output"),
        ("ffn_up", "mlp.fc1"),
        ("ffn_down", "mlp.fc2"),
        ("mm.", "mm.mm_"),
    ]
    clip = CLIP | {
        "clip.vision.image_size": 32,
        "clip.vision.attention.layer_norm_epsilon": 1e-6,
        "clip.vision.image_mean": [0.5, 0.5, 0.5],
        "clip.vision.image_std": [0.5, 0.5, 0.5],
        "clip.use_gelu": True,
        "clip.projector_type": "gemma3",
    }
    return Family(
        Tiny(source, tensors | t.renamed(tower, names)),
        Tiny(stock, tensors),
        Tiny(clip, widened(tower, "v.patch_embd.weight", "v.position_embd.weight")),
        image_tokens=4,
        refusal="key not found in model: gemma3.attention.layer_norm_rms_epsilon",
    )


def mistral3() -> Family:
    w = Weights()
    tensors = t.text_tensors(w)
    tower: Tensors = {
        "v.patch_embd.weight": w.matrix(t.PATCH, t.PATCH, 3, t.VISION),
        "v.pre_ln.weight": w.vector(t.VISION),
        "mm.1.weight": w.matrix(t.VISION, 40),
        "mm.2.weight": w.matrix(40, t.WIDTH),
        "mm.input_norm.weight": w.vector(t.VISION),
        "mm.patch_merger.weight": w.matrix(4 * t.VISION, t.VISION),
    } | t.vision_blocks(w, lambda w: gated_block(w, biases=False), 2)
    published = {
        name: halves(array, 2) if name.endswith(("attn_q.weight", "attn_k.weight")) else array
        for name, array in tower.items()
    }
    scaling = {
        "rope.dimension_count": t.HEAD,
        "rope.scaling.type": "yarn",
        "rope.scaling.factor": 16.0,
        "rope.scaling.original_context_length": 64,
    }
    keys = t.text_keys("mistral3", **scaling) | t.bpe_keys("[IMG_END]", pre=None)
    stock = keys | {
        "mistral3.rope.scaling.yarn_beta_fast": 32.0,
        "mistral3.rope.scaling.yarn_beta_slow": 1.0,
        "mistral3.rope.scaling.yarn_log_multiplier": 1.0,
        "mistral3.attention.temperature_scale": 0.1,
        "tokenizer.ggml.pre": "tekken",
    }
    source = keys | {
        "mistral3.rope.scaling.beta_fast": 32.0,
        "mistral3.rope.scaling.beta_slow": 1.0,
        "mistral3.rope.scaling.mscale_all_dim": 1.0,
        "mistral3.rope.scaling_beta": 0.1,
        "mistral3.spatial_merge_size": 2,
    }
    source |= without(
        vision_keys("mistral3", image_size=56), "mistral3.vision.attention.layer_norm_epsilon"
    )
    names = [
        ("v.patch_embd", "v.patch_conv"),
        ("v.pre_ln", "v.encoder_norm"),
        ("mm.1", "mm.linear_1"),
        ("mm.2", "mm.linear_2"),
        ("mm.input_norm", "mm.norm"),
        ("mm.patch_merger", "mm.patch_merger.merging_layer"),
        ("attn_out", "attn_output"),
        ("ln1", "attn_norm"),
        ("ln2", "ffn_norm"),
    ]
    clip = CLIP | {
        "clip.vision.image_size": 56,
        "clip.vision.spatial_merge_size": 2,
        "clip.vision.attention.layer_norm_epsilon": 1e-5,
        "clip.vision.image_mean": [0.48145467, 0.4578275, 0.40821072],
        "clip.vision.image_std": [0.26862955, 0.26130259, 0.2757771],
        "clip.use_silu": True,
        "clip.projector_type": "pixtral",
    }
    stock_tower = widened(tower, "v.patch_embd.weight")
    stock_tower["v.token_embd.img_break"] = np.zeros(t.WIDTH, np.float32)
    return Family(
        Tiny(source, tensors | t.renamed(published, names)),
        Tiny(stock, tensors),
        Tiny(clip, stock_tower),
        image_tokens=71,
        refusal="wrong number of tensors",
    )


def qwen25vl() -> Family:
    w = Weights()

    def biases(_: int) -> Tensors:
        return {
            "attn_q.bias": w.vector(2 * t.HEAD),
            "attn_k.bias": w.vector(t.HEAD),
            "attn_v.bias": w.vector(t.HEAD),
        }

    tensors = t.text_tensors(w, biases)
    merged = 4 * t.VISION
    tower: Tensors = {
        "v.patch_embd.weight": w.matrix(t.PATCH, t.PATCH, 3, t.VISION),
        "v.patch_embd.weight.1": w.matrix(t.PATCH, t.PATCH, 3, t.VISION),
        "v.post_ln.weight": w.vector(t.VISION),
        **t.biased(w, "mm.0", merged, merged),
        **t.biased(w, "mm.2", merged, t.WIDTH),
    } | t.vision_blocks(w, lambda w: gated_block(w, biases=True), 2)
    vocabulary = t.bpe_keys("<|vision_start|>", "<|vision_end|>")
    stock = t.text_keys("qwen2vl") | vocabulary
    stock["qwen2vl.rope.dimension_sections"] = [2, 3, 3, 0]
    source = t.text_keys("qwen25vl") | vocabulary | {"qwen25vl.rope.mrope_section": [2, 3, 3]}
    vision: dict[str, Any] = {
        "spatial_merge_size": 2,
        "window_size": 16,
        "fullatt_block_indexes": [1],
    }
    source |= without(vision_keys("qwen25vl", **vision), "qwen25vl.vision.feed_forward_length")
    published = t.renamed(
        {k: v for k, v in tower.items() if not k.startswith("v.patch")},
        [("v.post_ln", "v.merger.ln_q"), ("mm.", "v.merger.mlp.")],
    )
    published |= {
        "v.patch_embd_0.weight": tower["v.patch_embd.weight"],
        "v.patch_embd_1.weight": tower["v.patch_embd.weight.1"],
    }
    clip = CLIP | {
        "clip.vision.image_size": 560,
        "clip.vision.attention.layer_norm_epsilon": 1e-6,
        "clip.vision.n_wa_pattern": 2,
        "clip.vision.window_size": 16,
        "clip.vision.spatial_merge_size": 2,
        "clip.vision.image_mean": [0.48145466, 0.4578275, 0.40821073],
        "clip.vision.image_std": [0.26862954, 0.26130258, 0.27577711],
        "clip.use_silu": True,
        "clip.projector_type": "qwen2.5vl_merger",
    }
    return Family(
        Tiny(source, tensors | published),
        Tiny(stock, tensors),
        Tiny(clip, widened(tower, "v.patch_embd.weight", "v.patch_embd.weight.1")),
        image_tokens=64,
    )


def qwen3vl() -> Family:
    return _qwen3vl("qwen3vl")


def qwen3vlmoe() -> Family:
    return _qwen3vl("qwen3vlmoe", experts=2)


def _qwen3vl(architecture: str, experts: int = 0) -> Family:
    w, head = Weights(), 64
    tensors = t.text_tensors(w)
    for i in range(t.BLOCKS):
        block: Tensors = {f"attn_{x}.weight": w.matrix(t.WIDTH, head) for x in "qkv"}
        block["attn_output.weight"] = w.matrix(head, t.WIDTH)
        block |= {f"attn_{x}_norm.weight": w.vector(head) for x in "qk"}
        t.in_block(tensors, i, block)
        if experts:
            norm = {"ffn_norm.weight": w.vector(t.WIDTH)}
            t.in_block(tensors, i, t.experts(w, experts, t.INNER) | norm, without="ffn_")
    tower = merger_tower(w, 3)
    deep: Tensors = {
        "v.deepstack.1.norm.weight": w.vector(64),
        "v.deepstack.1.norm.bias": w.vector(64),
        **t.biased(w, "v.deepstack.1.fc1", 64, 64),
        **t.biased(w, "v.deepstack.1.fc2", 64, t.WIDTH),
    }
    more = {
        "attention.head_count": 1,
        "attention.key_length": head,
        "attention.value_length": head,
    }
    if experts:
        more |= {"expert_count": experts, "expert_used_count": 1}
        more |= {"expert_feed_forward_length": t.INNER}
    keys = t.text_keys(architecture, **more) | t.bpe_keys("<|vision_start|>", "<|vision_end|>")
    stock = keys | {
        f"{architecture}.rope.dimension_sections": [24, 20, 20, 0],
        f"{architecture}.n_deepstack_layers": 1,
    }
    vision: dict[str, Any] = {
        "block_count": 3,
        "spatial_merge_size": 2,
        "deepstack_visual_indexes": [1],
    }
    source = keys | vision_keys(architecture, **vision)
    names = [(".1.", "_merger.0."), (".fc", ".linear_fc")]
    clip = MERGER_CLIP | {
        "clip.vision.block_count": 3,
        "clip.vision.image_size": 16,
        "clip.vision.is_deepstack_layers": [False, True, False],
    }
    return Family(
        Tiny(
            without(source, f"{architecture}.vision.feed_forward_length"),
            tensors | published_merger(tower) | t.renamed(deep, names),
        ),
        Tiny(stock, tensors),
        Tiny(clip, tower | deep),
        image_tokens=64,
        refusal="rope.dimension_sections",
    )


def llava() -> Family:
    """Two files: a stock text model, and a projector of the time when there was but one type."""
    w = Weights()
    tower: Tensors = {
        "v.class_embd": w.vector(t.VISION),
        "v.patch_embd.weight": w.matrix(t.PATCH, t.PATCH, 3, t.VISION),
        "v.position_embd.weight": w.matrix(t.VISION, 17).astype(np.float32),
        "v.pre_ln.weight": w.vector(t.VISION),
        "v.pre_ln.bias": w.vector(t.VISION),
        **t.biased(w, "mm.0", t.VISION, t.WIDTH),
        **t.biased(w, "mm.2", t.WIDTH, t.WIDTH),
    } | t.vision_blocks(w, plain_block, 2)
    clip = CLIP | {
        "clip.has_text_encoder": False,
        "clip.has_llava_projector": True,
        "clip.vision.image_size": 16,
        "clip.vision.attention.layer_norm_epsilon": 1e-5,
        "clip.vision.image_mean": [0.5, 0.5, 0.5],
        "clip.vision.image_std": [0.5, 0.5, 0.5],
        "clip.use_gelu": False,
    }
    return Family(
        Tiny(clip, tower),
        Tiny(t.text_keys("llama") | t.bpe_keys(), t.text_tensors(w)),
        Tiny(clip | {"clip.projector_type": "mlp"}, tower),
        image_tokens=16,
    )
