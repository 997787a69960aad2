"""A tiny model of each dialect that loads in stock llama.cpp once it is translated."""

from __future__ import annotations

from collections.abc import Callable
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
    embedding: bool = False


def _without(keys: dict[str, Any], *names: str) -> dict[str, Any]:
    return {key: value for key, value in keys.items() if key not in names}


def _widened(tensors: Tensors, *names: str) -> Tensors:
    return {n: a.astype(np.float32) if n in names else a for n, a in tensors.items()}


_CLIP = {
    "general.architecture": "clip",
    "clip.has_vision_encoder": True,
    "clip.vision.block_count": 2,
    "clip.vision.embedding_length": t.VISION,
    "clip.vision.feed_forward_length": t.VISION_INNER,
    "clip.vision.attention.head_count": 2,
    "clip.vision.patch_size": t.PATCH,
    "clip.vision.projection_dim": t.WIDTH,
}


def _vision_keys(architecture: str, **more: Any) -> dict[str, Any]:
    keys = {
        "block_count": 2,
        "embedding_length": t.VISION,
        "feed_forward_length": t.VISION_INNER,
        "attention.head_count": 2,
        "attention.layer_norm_epsilon": 1e-6,
        "patch_size": t.PATCH,
    }
    return {f"{architecture}.vision.{key}": value for key, value in (keys | more).items()}


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
    source = _without(keys, "gemma3.attention.layer_norm_rms_epsilon", "gemma3.rope.freq_base")
    source |= t.spm_keys("<start_of_image>", "<end_of_image>", surplus=3)
    source |= {"gemma3.rope.global.freq_base": 500000.0, "gemma3.rope.local.freq_base": 20000.0}
    source |= _vision_keys("gemma3", image_size=32)
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
    clip = _CLIP | {
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
        Tiny(clip, _widened(tower, "v.patch_embd.weight", "v.position_embd.weight")),
        image_tokens=4,
    )


def embeddinggemma() -> Family:
    w = Weights()

    def norms(_: int) -> Tensors:
        return {
            "post_attention_norm.weight": w.vector(t.WIDTH),
            "post_ffw_norm.weight": w.vector(t.WIDTH),
            "attn_q_norm.weight": w.vector(t.HEAD),
            "attn_k_norm.weight": w.vector(t.HEAD),
        }

    tensors = t.text_tensors(w, norms, blocks=24)
    del tensors["output.weight"]
    tensors |= {
        "dense_2.weight": w.matrix(t.WIDTH, t.INNER),
        "dense_3.weight": w.matrix(t.INNER, t.WIDTH),
    }
    more = {"attention.sliding_window": 32, "block_count": 24, "pooling_type": 1}
    stock = t.text_keys("gemma-embedding", **more) | t.spm_keys()
    stock |= {
        "gemma-embedding.dense_2_feat_in": t.WIDTH,
        "gemma-embedding.dense_2_feat_out": t.INNER,
        "gemma-embedding.dense_3_feat_in": t.INNER,
        "gemma-embedding.dense_3_feat_out": t.WIDTH,
        "gemma-embedding.rope.freq_base_swa": 10000.0,
    }
    source = t.text_keys("gemma3", **more) | t.spm_keys() | {"gemma3.attention.causal": False}
    names = [("output_norm", "norm"), ("dense_2", "dense.0"), ("dense_3", "dense.1")]
    return Family(Tiny(source, t.renamed(tensors, names)), Tiny(stock, tensors), embedding=True)


def gptoss() -> Family:
    w, inner, experts = Weights(), 32, 4
    raw: dict[str, tuple[int, tuple[int, ...], bytes]] = {}
    tensors = t.text_tensors(w)
    for i in range(t.BLOCKS):
        block = f"blk.{i}."
        for name in ("ffn_gate", "ffn_up", "ffn_down", "ffn_norm"):
            del tensors[f"{block}{name}.weight"]
        for name, size in (("attn_q", 32), ("attn_k", 16), ("attn_v", 16), ("attn_output", 32)):
            tensors[f"{block}{name}.bias"] = w.vector(size)
        tensors[block + "post_attention_norm.weight"] = w.vector(t.WIDTH)
        tensors[block + "attn_sinks.weight"] = w.vector(2)
        tensors |= t.biased(w, block + "ffn_gate_inp", t.WIDTH, experts)
        for name, size in (("gate", inner), ("up", inner), ("down", t.WIDTH)):
            data = np.random.default_rng(i).integers(0, 256, (experts * size, 17), dtype=np.uint8)
            data[:, 0] = 122
            raw[f"{block}ffn_{name}_exps.weight"] = (39, (32, size, experts), data.tobytes())
            tensors[f"{block}ffn_{name}_exps.bias"] = w.vector(size, experts)
    more = {
        "attention.sliding_window": 32,
        "expert_count": experts,
        "expert_used_count": 2,
        "rope.scaling.factor": 32.0,
        "rope.scaling.original_context_length": 128,
    }
    stock = t.text_keys("gpt-oss", **more) | t.bpe_keys(pre="gpt-4o")
    stock |= {"gpt-oss.expert_feed_forward_length": inner, "gpt-oss.rope.scaling.type": "yarn"}
    source = t.text_keys("gptoss", **more) | t.bpe_keys(pre="default")
    names = [
        ("attn_output", "attn_out"),
        ("post_attention_norm", "ffn_norm"),
        ("attn_sinks.weight", "attn_sinks"),
    ]
    return Family(Tiny(source, t.renamed(tensors, names), raw), Tiny(stock, tensors, raw))


def _gated(w: Weights, *, biases: bool) -> Tensors:
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
    } | t.vision_blocks(w, lambda w: _gated(w, biases=False), 2)
    published = {
        name: _halves(array, 2) if name.endswith(("attn_q.weight", "attn_k.weight")) else array
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
    source |= _without(
        _vision_keys("mistral3", image_size=56), "mistral3.vision.attention.layer_norm_epsilon"
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
    clip = _CLIP | {
        "clip.vision.image_size": 56,
        "clip.vision.spatial_merge_size": 2,
        "clip.vision.attention.layer_norm_epsilon": 1e-5,
        "clip.vision.image_mean": [0.48145467, 0.4578275, 0.40821072],
        "clip.vision.image_std": [0.26862955, 0.26130259, 0.2757771],
        "clip.use_silu": True,
        "clip.projector_type": "pixtral",
    }
    stock_tower = _widened(tower, "v.patch_embd.weight")
    stock_tower["v.token_embd.img_break"] = np.zeros(t.WIDTH, np.float32)
    return Family(
        Tiny(source, tensors | t.renamed(published, names)),
        Tiny(stock, tensors),
        Tiny(clip, stock_tower),
        image_tokens=71,
    )


def _halves(array: Array, heads: int) -> Array:
    """Rows of each head from pairs to halves, as a checkpoint has them."""
    rows, width = array.shape
    return array.reshape(heads, rows // heads // 2, 2, width).swapaxes(1, 2).reshape(rows, width)


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
    } | t.vision_blocks(w, lambda w: _gated(w, biases=True), 2)
    vocabulary = t.bpe_keys("<|vision_start|>", "<|vision_end|>")
    stock = t.text_keys("qwen2vl") | vocabulary
    stock["qwen2vl.rope.dimension_sections"] = [2, 3, 3, 0]
    source = t.text_keys("qwen25vl") | vocabulary | {"qwen25vl.rope.mrope_section": [2, 3, 3]}
    vision = {"spatial_merge_size": 2, "window_size": 16, "fullatt_block_indexes": [1]}
    source |= _without(_vision_keys("qwen25vl", **vision), "qwen25vl.vision.feed_forward_length")
    published = t.renamed(
        {k: v for k, v in tower.items() if not k.startswith("v.patch")},
        [("v.post_ln", "v.merger.ln_q"), ("mm.", "v.merger.mlp.")],
    )
    published |= {
        "v.patch_embd_0.weight": tower["v.patch_embd.weight"],
        "v.patch_embd_1.weight": tower["v.patch_embd.weight.1"],
    }
    clip = _CLIP | {
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
        Tiny(clip, _widened(tower, "v.patch_embd.weight", "v.patch_embd.weight.1")),
        image_tokens=64,
    )


def _merger_block(w: Weights) -> Tensors:
    found: Tensors = {}
    for name in ("ln1", "ln2"):
        found |= {f"{name}.weight": w.vector(t.VISION), f"{name}.bias": w.vector(t.VISION)}
    found |= t.biased(w, "attn_qkv", t.VISION, 3 * t.VISION)
    found |= t.biased(w, "attn_out", t.VISION, t.VISION)
    found |= t.biased(w, "ffn_up", t.VISION, t.VISION_INNER)
    return found | t.biased(w, "ffn_down", t.VISION_INNER, t.VISION)


def _merger_tower(w: Weights, blocks: int) -> Tensors:
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


def _published_merger(tower: Tensors) -> Tensors:
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
    tower = _merger_tower(w, 3)
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
    source = keys | _without(
        _vision_keys("qwen3vl", **vision), "qwen3vl.vision.feed_forward_length"
    )
    names = [(".1.", "_merger.0."), (".fc", ".linear_fc")]
    clip = _CLIP | {
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
        Tiny(source, tensors | _published_merger(tower) | t.renamed(deep, names)),
        Tiny(stock, tensors),
        Tiny(clip, tower | deep),
        image_tokens=64,
    )


def olmo3() -> Family:
    w = Weights()

    def norms(_: int) -> Tensors:
        return {
            "post_attention_norm.weight": w.vector(t.WIDTH),
            "post_ffw_norm.weight": w.vector(t.WIDTH),
            "attn_q_norm.weight": w.vector(2 * t.HEAD),
            "attn_k_norm.weight": w.vector(t.HEAD),
        }

    tensors = t.text_tensors(w, norms)
    for i in range(t.BLOCKS):
        del tensors[f"blk.{i}.attn_norm.weight"], tensors[f"blk.{i}.ffn_norm.weight"]
    return Family(
        Tiny(t.text_keys("olmo3") | t.bpe_keys(), tensors),
        Tiny(t.text_keys("olmo2") | t.bpe_keys(), tensors),
    )


def glmocr() -> Family:
    """Its text model; the tower's rules are seen elsewhere."""
    w = Weights()

    def norms(_: int) -> Tensors:
        return {
            "post_attention_norm.weight": w.vector(t.WIDTH),
            "post_ffw_norm.weight": w.vector(t.WIDTH),
        }

    published = t.text_tensors(w, norms)
    names = [("attn_output", "attn_out"), ("attention_norm", "attn_norm"), ("ffw_", "ffn_")]
    stock = dict(published)
    for i in range(t.BLOCKS):
        gate = stock.pop(f"blk.{i}.ffn_gate.weight")
        stock[f"blk.{i}.ffn_up.weight"] = np.concatenate([gate, stock[f"blk.{i}.ffn_up.weight"]])
    keys = t.text_keys("glmocr") | t.bpe_keys(pre="chatglm-bpe")
    wanted = t.text_keys("glm4") | t.bpe_keys(pre="chatglm-bpe")
    wanted |= {"glm4.rope.dimension_sections": [2, 3, 3, 0], "glm4.rope.dimension_count": t.HEAD}
    return Family(
        Tiny(keys | {"glmocr.rope.mrope_section": [2, 3, 3]}, t.renamed(published, names)),
        Tiny(wanted, stock),
    )


def llama4() -> Family:
    """Its text model with a tensor of a tower; the tower's rules are seen elsewhere."""
    w, experts = Weights(), 2

    def expert_block(_: int) -> Tensors:
        found: Tensors = {"ffn_gate_inp.weight": w.matrix(t.WIDTH, experts).astype(np.float32)}
        for name, shape in (
            ("gate", (t.WIDTH, t.INNER)),
            ("up", (t.WIDTH, t.INNER)),
            ("down", (t.INNER, t.WIDTH)),
        ):
            found[f"ffn_{name}_exps.weight"] = w.matrix(*shape, experts)
            found[f"ffn_{name}_shexp.weight"] = w.matrix(*shape)
        return found

    tensors = t.text_tensors(w, expert_block, blocks=4)
    for i in range(4):
        for name in ("gate", "up", "down"):
            del tensors[f"blk.{i}.ffn_{name}.weight"]
    more = {
        "block_count": 4,
        "expert_count": experts,
        "expert_used_count": 1,
        "expert_feed_forward_length": t.INNER,
        "interleave_moe_layer_step": 1,
        "rope.dimension_count": t.HEAD,
    }
    keys = t.text_keys("llama4", **more) | t.bpe_keys(pre="llama4")
    return Family(
        Tiny(keys, tensors | {"mm.linear_1.weight": w.matrix(40, t.WIDTH)}), Tiny(keys, tensors)
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
    tower = _merger_tower(w, 2)
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
    source |= _without(
        _vision_keys("qwen35", spatial_merge_size=2), "qwen35.vision.feed_forward_length"
    )
    published = t.renamed(tensors, [("ssm_dt.bias", "ssm_dt")]) | _published_merger(tower)
    published |= {"mtp.norm.weight": w.vector(t.WIDTH)}
    clip = _CLIP | {
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


def gemma4() -> Family:
    """Its text model with a tensor of a tower; the tower's rules are seen elsewhere."""
    w = Weights()
    tensors = t.text_tensors(w)
    for i, head in enumerate((t.HEAD, 2 * t.HEAD)):
        block: Tensors = {
            "attn_q.weight": w.matrix(t.WIDTH, 2 * head),
            "attn_k.weight": w.matrix(t.WIDTH, head),
            "attn_v.weight": w.matrix(t.WIDTH, head),
            "attn_output.weight": w.matrix(2 * head, t.WIDTH),
            "attn_q_norm.weight": w.vector(head),
            "attn_k_norm.weight": w.vector(head),
            "post_attention_norm.weight": w.vector(t.WIDTH),
            "post_ffw_norm.weight": w.vector(t.WIDTH),
        }
        tensors |= {f"blk.{i}.{name}": array for name, array in block.items()}
    tensors["rope_freqs.weight"] = w.vector(t.HEAD)
    more = {
        "attention.key_length": 2 * t.HEAD,
        "attention.value_length": 2 * t.HEAD,
        "attention.key_length_swa": t.HEAD,
        "attention.value_length_swa": t.HEAD,
        "attention.sliding_window": 32,
        "attention.sliding_window_pattern": [True, False],
        "attention.shared_kv_layers": 0,
        "embedding_length_per_layer_input": 0,
        "rope.dimension_count": 2 * t.HEAD,
        "rope.dimension_count_swa": t.HEAD,
        "rope.freq_base_swa": 10000.0,
    }
    keys = t.text_keys("gemma4", **more) | t.spm_keys()
    keys |= {"tokenizer.ggml.merges": ["a b"], "tokenizer.ggml.pre": "gemma4"}
    return Family(
        Tiny(keys, tensors | {"mm.input_projection.weight": w.matrix(t.VISION, t.WIDTH)}),
        Tiny(keys | {"tokenizer.ggml.model": "gemma4"}, tensors),
    )


FAMILIES: dict[str, Callable[[], Family]] = {
    "gemma3": gemma3,
    "embeddinggemma": embeddinggemma,
    "gptoss": gptoss,
    "mistral3": mistral3,
    "qwen25vl": qwen25vl,
    "qwen3vl": qwen3vl,
    "qwen35": qwen35,
    "gemma4": gemma4,
    "olmo3": olmo3,
    "glmocr": glmocr,
    "llama4": llama4,
}
