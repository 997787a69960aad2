"""A tiny model of each dialect that loads in stock llama.cpp once it is translated."""

from __future__ import annotations

import base64
import struct
from collections.abc import Callable
from functools import cache

import numpy as np

from ollama_server.store import gguf_write as write
from tests.unit.store.dialects import experts, gemmas, hybrids, readers, seeing
from tests.unit.store.dialects import tiny as t
from tests.unit.store.dialects.tiny import Tensors, Tiny, Weights
from tests.unit.store.dialects.towers import Family
from tests.unit.store.dialects.variants import VARIANTS


def embeddinggemma() -> Family:
    w = Weights()
    tensors = t.text_tensors(w, lambda _: t.outer_norms(w) | t.head_norms(w), blocks=24)
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
    # A key by which other files of this architecture are known: the dense layers count for more.
    both = {"tokenizer.ggml.add_padding_token": True}
    source = t.text_keys("gemma3", **more) | t.spm_keys() | both
    source |= {"gemma3.attention.causal": False}
    names = [("output_norm", "norm"), ("dense_2", "dense.0"), ("dense_3", "dense.1")]
    return Family(
        Tiny(source, t.renamed(tensors, names)),
        Tiny(stock, tensors),
        embedding=True,
        refusal="'output_norm.weight' not found",
    )


def gptoss() -> Family:
    w, inner, experts = Weights(), 32, 4
    raw: dict[str, t.RawTensor] = {}
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


def gptoss_fused() -> Family:
    """As it was published first: gate and up in one tensor, row by row in turn."""
    return _fused(gptoss(), t.MXFP4, "unknown model architecture")


def gptoss_raw() -> Family:
    """As it was published before that: neighbours in a byte, in a type that was given up."""
    return _fused(gptoss(), t.RAW_MXFP4, "not a multiple of block size (0)")


def _fused(family: Family, kind: int, refusal: str) -> Family:
    tensors = dict(family.source.tensors)
    raw: dict[str, t.RawTensor] = {}
    for i in range(t.BLOCKS):
        block = f"blk.{i}.ffn_"
        parts = [family.source.raw[f"{block}{x}_exps.weight"] for x in ("gate", "up")]
        (_, (width, rows, experts), _), _ = parts
        arrays = [np.frombuffer(data, np.uint8).reshape(experts, rows, -1) for *_, data in parts]
        both = np.stack(arrays, axis=2).reshape(experts, 2 * rows, -1)
        raw[f"{block}gate_up_exps.weight"] = (kind, (width, 2 * rows, experts), _bytes(both, kind))
        _, shape, data = family.source.raw[f"{block}down_exps.weight"]
        down = np.frombuffer(data, np.uint8).reshape(experts, shape[1], -1)
        raw[f"{block}down_exps.weight"] = (kind, shape, _bytes(down, kind))
        biases = [tensors.pop(f"{block}{x}_exps.bias") for x in ("gate", "up")]
        tensors[f"{block}gate_up_exps.bias"] = np.stack(biases, axis=2).reshape(experts, -1)
    return Family(Tiny(family.source.keys, tensors, raw), family.text, refusal=refusal)


def _bytes(blocks: t.Array, kind: int) -> bytes:
    """Blocks of a scale and 32 numbers of four bits each, in today's order or in the old one."""
    if kind == t.MXFP4:
        return blocks.tobytes()
    blocks = blocks.reshape(-1, 17)
    numbers = np.concatenate([blocks[:, 1:] & 15, blocks[:, 1:] >> 4], axis=1)
    pairs = numbers[:, 0::2] | numbers[:, 1::2] << 4
    return np.concatenate([blocks[:, :1], pairs], axis=1).tobytes()


def olmo3() -> Family:
    w = Weights()
    tensors = t.text_tensors(w, lambda _: t.outer_norms(w) | t.head_norms(w, 2 * t.HEAD))
    for i in range(t.BLOCKS):
        del tensors[f"blk.{i}.attn_norm.weight"], tensors[f"blk.{i}.ffn_norm.weight"]
    return Family(
        Tiny(t.text_keys("olmo3") | t.bpe_keys(), tensors),
        Tiny(t.text_keys("olmo2") | t.bpe_keys(), tensors),
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
        refusal="'token_embd_norm.weight' not found",
    )


def snowflake() -> Family:
    """Its vocabulary's table of characters is published as Base64, a character an entry."""
    w = Weights()
    tensors: Tensors = {
        "token_embd.weight": w.matrix(t.WIDTH, t.VOCABULARY),
        "token_types.weight": w.matrix(t.WIDTH, 1).astype(np.float32),
        "position_embd.weight": w.matrix(t.WIDTH, 256).astype(np.float32),
        "token_embd_norm.weight": w.vector(t.WIDTH),
        "token_embd_norm.bias": w.vector(t.WIDTH),
    }
    for i in range(t.BLOCKS):
        block: Tensors = {}
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            block |= t.biased(w, name, t.WIDTH, t.WIDTH)
        block |= t.biased(w, "ffn_up", t.WIDTH, t.INNER) | t.biased(w, "ffn_down", t.INNER, t.WIDTH)
        for name in ("attn_output_norm", "layer_output_norm"):
            block |= {f"{name}.weight": w.vector(t.WIDTH), f"{name}.bias": w.vector(t.WIDTH)}
        t.in_block(tensors, i, block)
    more = {
        "attention.head_count_kv": 2,
        "attention.layer_norm_epsilon": 1e-5,
        "attention.causal": False,
        "pooling_type": 2,
    }
    keys = t.text_keys("bert", **more) | t.spm_keys()
    keys |= {"tokenizer.ggml.model": "t5", "tokenizer.ggml.token_type_count": 1}
    data = struct.pack("<I", 1024) + bytes(1024) + b"x\0"
    name = "tokenizer.ggml.precompiled_charsmap"
    return Family(
        Tiny(keys | {name: list(base64.b64encode(data).decode())}, tensors),
        Tiny(keys | {name: write.uint8s(data)}, tensors),
        embedding=True,
        refusal=f"invalid gguf type for {name}",
    )


def llama3() -> Family:
    """A vocabulary of full length, whose end of a turn nobody named. Stock llama.cpp loads it."""
    w, width, end = Weights(), 8, 128009
    tokens = [f"t{i}" for i in range(end + 1)]
    head = t.bpe_keys()["tokenizer.ggml.tokens"][:257]
    tokens[: len(head)] = head
    tokens[128000], tokens[128001] = "<|begin_of_text|>", "<|end_of_text|>"
    tokens[128006], tokens[end] = "<|start_header_id|>", "<|eot_id|>"
    tensors = {
        "token_embd.weight": w.matrix(width, len(tokens)),
        "output_norm.weight": w.vector(width),
    }
    for i in range(t.BLOCKS):
        block: Tensors = {f"attn_{x}.weight": w.matrix(width, width) for x in "qkv"}
        block["attn_output.weight"] = w.matrix(width, width)
        block |= {f"ffn_{x}.weight": w.matrix(width, t.INNER) for x in ("gate", "up")}
        block["ffn_down.weight"] = w.matrix(t.INNER, width)
        block |= {f"{x}_norm.weight": w.vector(width) for x in ("attn", "ffn")}
        t.in_block(tensors, i, block)
    more = {
        "embedding_length": width,
        "attention.head_count": 1,
        "attention.key_length": width,
        "attention.value_length": width,
    }
    keys = t.text_keys("llama", **more) | {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": [1] * 128000 + [3] * (len(tokens) - 128000),
        "tokenizer.ggml.merges": ["a b"],
        "tokenizer.ggml.bos_token_id": 128000,
    }
    stock = keys | {
        "tokenizer.ggml.pre": "llama-bpe",
        "tokenizer.ggml.eos_token_id": end,
        "tokenizer.ggml.eot_token_id": end,
        "tokenizer.ggml.eos_token_ids": [end],
    }
    source = keys | {"tokenizer.ggml.eos_token_id": 128001}
    return Family(Tiny(source, tensors), Tiny(stock, tensors), refusal=None)


FAMILIES: dict[str, Callable[[], Family]] = {
    "gemma3": seeing.gemma3,
    "embeddinggemma": embeddinggemma,
    "gemma3n": gemmas.gemma3n,
    "gemma4": gemmas.gemma4,
    "gptoss": gptoss,
    "gptoss_fused": gptoss_fused,
    "gptoss_raw": gptoss_raw,
    "qwen25vl": seeing.qwen25vl,
    "qwen3vl": seeing.qwen3vl,
    "qwen3vlmoe": seeing.qwen3vlmoe,
    "qwen35": hybrids.qwen35,
    "qwen35moe": hybrids.qwen35moe,
    "qwen3next": hybrids.qwen3next,
    "mistral3": seeing.mistral3,
    "llama3": llama3,
    "llama4": experts.llama4,
    "snowflake": snowflake,
    "olmo3": olmo3,
    "lfm2": lfm2,
    "laguna": experts.laguna,
    "glm4moelite": experts.glm4moelite,
    "glmocr": readers.glmocr,
    "deepseekocr": readers.deepseekocr,
    "nemotron_h_moe": hybrids.nemotron_h_moe,
    "nemotron_h_omni": hybrids.nemotron_h_omni,
}


def _gemma3_text() -> Family:
    return _text_only(seeing.gemma3(), refusal="key not found in model: gemma3.attention")


def _gemma4_text() -> Family:
    return _text_only(gemmas.gemma4(), refusal=None)


def _mistral3_text() -> Family:
    return _text_only(seeing.mistral3(), refusal=None)


def _text_only(family: Family, refusal: str | None) -> Family:
    """The same without towers: single keys are all that is missing."""
    source = {key: value for key, value in family.source.keys.items() if ".vision." not in key}
    for name in ("tokens", "scores", "token_type"):
        if (key := f"tokenizer.ggml.{name}") in family.text.keys:
            source[key] = family.text.keys[key]
    return Family(Tiny(source, family.text.tensors), family.text, refusal=refusal)


SCALAR: dict[str, Callable[[], Family]] = {
    "gemma3_text": _gemma3_text,
    "gemma4_text": _gemma4_text,
    "mistral3_text": _mistral3_text,
    "llama3": llama3,
}
"""Those that differ from stock files by single keys."""


@cache
def tiny_family(name: str) -> Family:
    """One of them, made once."""
    return (FAMILIES | SCALAR | VARIANTS)[name]()
