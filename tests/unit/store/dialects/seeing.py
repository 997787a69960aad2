"""Tiny models whose files carry their towers."""

from __future__ import annotations

import numpy as np

from tests.unit.store.dialects import tiny as t
from tests.unit.store.dialects.tiny import Tensors, Tiny, Weights
from tests.unit.store.dialects.towers import (
    CLIP,
    Family,
    gated_block,
    halves,
    merger_tower,
    published_merger,
    vision_keys,
    widened,
    without,
)


def gemma3() -> Family:
    w = Weights()

    def norms(_: int) -> Tensors:
        return {
            "post_attention_norm.weight": w.vector(t.WIDTH),
            "post_ffw_norm.weight": w.vector(t.WIDTH),
            "attn_q_norm.weight": w.vector(t.HEAD),
            "attn_k_norm.weight": w.vector(t.HEAD),
        }

    def block(w: Weights) -> Tensors:
        found: Tensors = {}
        for name in ("ln1", "ln2"):
            found |= {f"{name}.weight": w.vector(t.VISION), f"{name}.bias": w.vector(t.VISION)}
        for name in ("attn_q", "attn_k", "attn_v", "attn_out"):
            found |= t.biased(w, name, t.VISION, t.VISION)
        found |= t.biased(w, "ffn_up", t.VISION, t.VISION_INNER)
        return found | t.biased(w, "ffn_down", t.VISION_INNER, t.VISION)

    tensors = t.text_tensors(w, norms)
    tower: Tensors = {
        "v.patch_embd.weight": w.matrix(t.PATCH, t.PATCH, 3, t.VISION),
        "v.patch_embd.bias": w.vector(t.VISION),
        "v.position_embd.weight": w.matrix(t.VISION, 64),
        "v.post_ln.weight": w.vector(t.VISION),
        "v.post_ln.bias": w.vector(t.VISION),
        "mm.input_projection.weight": w.matrix(t.WIDTH, t.VISION),
        "mm.soft_emb_norm.weight": w.vector(t.VISION),
    } | t.vision_blocks(w, block, 2)
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
    vision = {"spatial_merge_size": 2, "window_size": 16, "fullatt_block_indexes": [1]}
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
    w, head = Weights(), 64
    tensors = t.text_tensors(w)
    for i in range(t.BLOCKS):
        block = f"blk.{i}."
        for name in ("attn_q", "attn_k", "attn_v"):
            tensors[f"{block}{name}.weight"] = w.matrix(t.WIDTH, head)
        tensors[f"{block}attn_output.weight"] = w.matrix(head, t.WIDTH)
        for name in ("attn_q_norm", "attn_k_norm"):
            tensors[f"{block}{name}.weight"] = w.vector(head)
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
    keys = t.text_keys("qwen3vl", **more) | t.bpe_keys("<|vision_start|>", "<|vision_end|>")
    stock = keys | {
        "qwen3vl.rope.dimension_sections": [24, 20, 20, 0],
        "qwen3vl.n_deepstack_layers": 1,
    }
    vision = {"block_count": 3, "spatial_merge_size": 2, "deepstack_visual_indexes": [1]}
    source = keys | without(vision_keys("qwen3vl", **vision), "qwen3vl.vision.feed_forward_length")
    names = [(".1.", "_merger.0."), (".fc", ".linear_fc")]
    clip = CLIP | {
        "clip.vision.block_count": 3,
        "clip.vision.image_size": 16,
        "clip.vision.attention.layer_norm_epsilon": 1e-6,
        "clip.vision.spatial_merge_size": 2,
        "clip.vision.image_mean": [0.5, 0.5, 0.5],
        "clip.vision.image_std": [0.5, 0.5, 0.5],
        "clip.vision.is_deepstack_layers": [False, True, False],
        "clip.use_gelu": True,
        "clip.projector_type": "qwen3vl_merger",
    }
    return Family(
        Tiny(source, tensors | published_merger(tower) | t.renamed(deep, names)),
        Tiny(stock, tensors),
        Tiny(clip, tower | deep),
        image_tokens=64,
    )


def qwen35() -> Family:
    w, blocks, state, rank = Weights(), 4, 16, 4
    key, value = state * 2, state * rank
    tensors = t.text_tensors(w, blocks=blocks)
    for i in range(blocks):
        block = f"blk.{i}."
        tensors[block + "post_attention_norm.weight"] = tensors.pop(block + "ffn_norm.weight")
        if i == blocks - 1:
            tensors[block + "attn_q.weight"] = w.matrix(t.WIDTH, 4 * t.HEAD)
            tensors[block + "attn_q_norm.weight"] = w.vector(t.HEAD)
            tensors[block + "attn_k_norm.weight"] = w.vector(t.HEAD)
            continue
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            del tensors[f"{block}{name}.weight"]
        recurrent: Tensors = {
            "attn_qkv.weight": w.matrix(t.WIDTH, 2 * key + value),
            "attn_gate.weight": w.matrix(t.WIDTH, value),
            "ssm_conv1d.weight": w.matrix(4, 2 * key + value).astype(np.float32),
            "ssm_dt.bias": w.vector(rank),
            "ssm_a": -w.vector(rank),
            "ssm_beta.weight": w.matrix(t.WIDTH, rank),
            "ssm_alpha.weight": w.matrix(t.WIDTH, rank),
            "ssm_norm.weight": w.vector(state),
            "ssm_out.weight": w.matrix(value, t.WIDTH),
        }
        tensors |= {block + name: array for name, array in recurrent.items()}
    tower = merger_tower(w, 2)
    more = {
        "block_count": blocks,
        "rope.dimension_count": t.HEAD,
        "ssm.conv_kernel": 4,
        "ssm.inner_size": value,
        "ssm.state_size": state,
        "ssm.time_step_rank": rank,
        "ssm.group_count": 2,
    }
    keys = t.text_keys("qwen35", **more) | t.bpe_keys("<|vision_start|>", "<|vision_end|>")
    stock = keys | {"qwen35.rope.dimension_sections": [2, 1, 1, 0]}
    source = keys | {
        "qwen35.attention.head_count_kv": [0, 0, 0, 1],
        "qwen35.rope.dimension_sections": [2, 1, 1],
    }
    source |= without(
        vision_keys("qwen35", spatial_merge_size=2), "qwen35.vision.feed_forward_length"
    )
    published = t.renamed(tensors, [("ssm_dt.bias", "ssm_dt")]) | published_merger(tower)
    published |= {"mtp.norm.weight": w.vector(t.WIDTH)}
    clip = CLIP | {
        "clip.vision.image_size": 768,
        "clip.vision.attention.layer_norm_epsilon": 1e-6,
        "clip.vision.spatial_merge_size": 2,
        "clip.vision.image_mean": [0.5, 0.5, 0.5],
        "clip.vision.image_std": [0.5, 0.5, 0.5],
        "clip.vision.is_deepstack_layers": [False, False],
        "clip.use_gelu": True,
        "clip.projector_type": "qwen3vl_merger",
    }
    return Family(Tiny(source, published), Tiny(stock, tensors), Tiny(clip, tower), image_tokens=64)
