"""A tiny model of each dialect that loads in stock llama.cpp once it is translated."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tests.unit.store.dialects import seeing
from tests.unit.store.dialects import tiny as t
from tests.unit.store.dialects.tiny import Tensors, Tiny, Weights
from tests.unit.store.dialects.towers import Family


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


def lfm2() -> Family:
    w = Weights()
    tensors = t.text_tensors(w)
    for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
        del tensors[f"blk.0.{name}.weight"]
    tensors |= {
        "blk.0.shortconv.conv.weight": w.matrix(3, t.WIDTH).astype(np.float32),
        "blk.0.shortconv.in_proj.weight": w.matrix(t.WIDTH, 3 * t.WIDTH),
        "blk.0.shortconv.out_proj.weight": w.matrix(t.WIDTH, t.WIDTH),
        "blk.1.attn_q_norm.weight": w.vector(t.HEAD),
        "blk.1.attn_k_norm.weight": w.vector(t.HEAD),
    }
    more = {"attention.head_count_kv": [0, 1], "shortconv.l_cache": 3}
    keys = t.text_keys("lfm2", **more)
    stock = t.renamed(tensors, [("output_norm", "token_embd_norm")])
    return Family(
        Tiny(keys | t.bpe_keys() | {"lfm2.feed_forward_length": 96}, tensors),
        Tiny(keys | t.bpe_keys(pre="lfm2"), stock),
    )


FAMILIES: dict[str, Callable[[], Family]] = {
    "gemma3": seeing.gemma3,
    "embeddinggemma": embeddinggemma,
    "gptoss": gptoss,
    "mistral3": seeing.mistral3,
    "qwen25vl": seeing.qwen25vl,
    "qwen3vl": seeing.qwen3vl,
    "qwen35": seeing.qwen35,
    "gemma4": gemma4,
    "olmo3": olmo3,
    "glmocr": glmocr,
    "llama4": llama4,
    "lfm2": lfm2,
}
