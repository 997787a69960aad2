"""Tiny models whose blocks are not all attention: Qwen 3 Next, Qwen 3.5, Nemotron 3."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.unit.store.dialects import tiny as t
from tests.unit.store.dialects.tiny import Array, Tensors, Tiny, Weights
from tests.unit.store.dialects.towers import (
    CLIP,
    MERGER_CLIP,
    Family,
    merger_tower,
    plain_block,
    published_merger,
    tower_keys,
    vision_keys,
    widened,
    without,
)

_BLOCKS, _STATE, _RANK, _GROUPS = 4, 16, 4, 2
_KEY, _VALUE = _STATE * _GROUPS, _STATE * _RANK
_EXPERTS, _LATENT, _NEMOTRON_INNER = 2, 16, 48
_SSM = {
    "ssm.conv_kernel": 4,
    "ssm.inner_size": _VALUE,
    "ssm.state_size": _STATE,
    "ssm.time_step_rank": _RANK,
    "ssm.group_count": _GROUPS,
}
_EXPERT_KEYS = {
    "expert_count": _EXPERTS,
    "expert_used_count": 1,
    "expert_feed_forward_length": t.INNER,
    "expert_shared_feed_forward_length": t.INNER,
}


def qwen35() -> Family:
    return _qwen35("qwen35", {}, lambda _: {})


def qwen35moe() -> Family:
    return _qwen35("qwen35moe", _EXPERT_KEYS, _shared_experts)


def _qwen35(architecture: str, more: dict[str, Any], experts: Any) -> Family:
    w = Weights()
    decays = {"ssm_beta.weight": _RANK, "ssm_alpha.weight": _RANK}
    tensors = _delta_net(w, decays, experts)
    tower = merger_tower(w, 2)
    keys = t.text_keys(
        architecture, **_SSM, **more, block_count=_BLOCKS, **{"rope.dimension_count": t.HEAD}
    ) | t.bpe_keys("<|vision_start|>", "<|vision_end|>")
    stock = keys | {f"{architecture}.rope.dimension_sections": [2, 1, 1, 0]}
    source = keys | {
        f"{architecture}.attention.head_count_kv": [0, 0, 0, 1],
        f"{architecture}.rope.dimension_sections": [2, 1, 1],
    }
    source |= without(
        vision_keys(architecture, spatial_merge_size=2),
        f"{architecture}.vision.feed_forward_length",
    )
    published = t.renamed(tensors, [("ssm_dt.bias", "ssm_dt")]) | published_merger(tower)
    published |= {"mtp.norm.weight": w.vector(t.WIDTH)}
    clip = MERGER_CLIP | {
        "clip.vision.image_size": 768,
        "clip.vision.is_deepstack_layers": [False, False],
    }
    return Family(
        Tiny(source, published),
        Tiny(stock, tensors),
        Tiny(clip, tower),
        image_tokens=64,
        refusal="rope.dimension_sections has wrong array length",
    )


def qwen3next() -> Family:
    w = Weights()
    tensors = _delta_net(w, {"ssm_ba.weight": 2 * _RANK}, _shared_experts)
    keys = t.text_keys("qwen3next", **_SSM, **_EXPERT_KEYS, block_count=_BLOCKS) | t.bpe_keys()
    keys |= {"qwen3next.rope.dimension_count": t.HEAD}
    return Family(
        Tiny(
            keys | {"qwen3next.attention.head_count_kv": [0, 0, 0, 1]},
            t.renamed(tensors, [("ssm_dt.bias", "ssm_dt")]),
        ),
        Tiny(keys, tensors),
        refusal="'blk.0.ssm_dt.bias' not found",
    )


def _shared_experts(w: Weights) -> Tensors:
    return {
        **t.experts(w, _EXPERTS, t.INNER, shared=t.INNER),
        "ffn_gate_inp_shexp.weight": w.vector(t.WIDTH),
    }


def _delta_net(w: Weights, decays: dict[str, int], experts: Any) -> Tensors:
    """Gated delta nets, with attention in every fourth block."""
    tensors = t.text_tensors(w, blocks=_BLOCKS)
    for i in range(_BLOCKS):
        norm = tensors.pop(f"blk.{i}.ffn_norm.weight")
        t.in_block(tensors, i, {"post_attention_norm.weight": norm})
        if feed_forward := experts(w):
            t.in_block(tensors, i, feed_forward, without="ffn_")
        if i == _BLOCKS - 1:
            gated = {"attn_q.weight": w.matrix(t.WIDTH, 4 * t.HEAD)}
            t.in_block(tensors, i, gated | t.head_norms(w))
            continue
        recurrent: Tensors = {
            "attn_norm.weight": w.vector(t.WIDTH),
            "attn_qkv.weight": w.matrix(t.WIDTH, 2 * _KEY + _VALUE),
            "attn_gate.weight": w.matrix(t.WIDTH, _VALUE),
            "ssm_conv1d.weight": w.matrix(4, 2 * _KEY + _VALUE).astype(np.float32),
            "ssm_dt.bias": w.vector(_RANK),
            "ssm_a": -w.vector(_RANK),
            "ssm_norm.weight": w.vector(_STATE),
            "ssm_out.weight": w.matrix(_VALUE, t.WIDTH),
            **{name: w.matrix(t.WIDTH, size) for name, size in decays.items()},
        }
        t.in_block(tensors, i, recurrent, without="attn_")
    return tensors


def nemotron_h_moe() -> Family:
    w = Weights()
    tensors, keys = _nemotron(w)
    architecture = {"general.architecture": "nemotron_h_moe"}
    return Family(
        Tiny(architecture | _prefixed("nemotron_h_moe", keys), _published_nemotron(w, tensors)),
        Tiny(
            architecture | _prefixed("nemotron_h_moe", keys | {"moe_latent_size": _LATENT}), tensors
        ),
        refusal="'blk.2.ffn_down_exps.weight' has wrong shape",
    )


def nemotron_h_omni() -> Family:
    return _omni(experts=True)


def nemotron_h_omni_dense() -> Family:
    return _omni(experts=False)


def _omni(*, experts: bool) -> Family:
    w = Weights()
    tensors, keys = _nemotron(w, experts=experts)
    target = "nemotron_h_moe" if experts else "nemotron_h"
    tower: Tensors = {
        "v.class_embd": w.vector(t.VISION, 3),
        "v.patch_embd.weight": w.matrix(t.PATCH, t.PATCH, 3, t.VISION),
        "mm.model.mlp.0.weight": w.vector(4 * t.VISION),
        "mm.model.mlp.1.weight": w.matrix(4 * t.VISION, 40),
        "mm.model.mlp.3.weight": w.matrix(40, t.WIDTH),
    } | t.vision_blocks(w, plain_block, 2)
    positions = w.matrix(t.VISION, 64)
    names = [
        ("v.class_embd", "v.cls_embd"),
        ("mm.model.mlp.0", "mm.norm"),
        ("mm.model.mlp.1", "mm.1"),
        ("mm.model.mlp.3", "mm.2"),
    ]
    text = _published_nemotron(w, tensors) if experts else tensors
    published = text | t.renamed(tower, names)
    published |= {
        "v.patch_embd.weight": tower["v.patch_embd.weight"].reshape(t.VISION, -1),
        "v.position_embd": positions,
        "a.x.weight": w.vector(4),
        "mm.a.x.weight": w.vector(4),
    }
    source = {"general.architecture": "nemotron_h_omni"}
    source |= _prefixed("nemotron_h_omni", keys)
    source |= vision_keys("nemotron_h_omni", image_size=16)
    source |= tower_keys("nemotron_h_omni", "audio")
    clip = CLIP | {
        "clip.has_audio_encoder": False,
        "clip.vision.attention.layer_norm_epsilon": 1e-6,
        "clip.vision.image_size": 16,
        "clip.vision.projector.scale_factor": 2,
        "clip.vision.image_mean": [0.48145466, 0.4578275, 0.40821073],
        "clip.vision.image_std": [0.26862954, 0.26130258, 0.27577711],
        "clip.use_gelu": True,
        "clip.vision.projector_type": "nemotron_v2_vl",
    }
    eyes = widened(tower, "v.patch_embd.weight")
    eyes["v.position_embd.weight"] = _resized(positions.astype(np.float32), 8, 4)
    stock = _prefixed(target, keys | ({"moe_latent_size": _LATENT} if experts else {}))
    return Family(
        Tiny(source, published),
        Tiny({"general.architecture": target} | stock, tensors),
        Tiny(clip, eyes),
        image_tokens=4,
    )


def _prefixed(architecture: str, keys: dict[str, Any]) -> dict[str, Any]:
    return {
        key if key.startswith("tokenizer.") else f"{architecture}.{key}": value
        for key, value in keys.items()
    }


def _nemotron(w: Weights, *, experts: bool = True) -> tuple[Tensors, dict[str, Any]]:
    """Mamba, attention, experts or a plain layer: one of each."""
    tensors = t.text_tensors(w, blocks=3)
    mixed = _VALUE + 2 * _GROUPS * _STATE
    for i in range(3):
        t.in_block(tensors, i, {}, without="ffn_")
    mamba: Tensors = {
        "attn_norm.weight": w.vector(t.WIDTH),
        "ssm_in.weight": w.matrix(t.WIDTH, _VALUE + mixed + _RANK),
        "ssm_conv1d.weight": w.matrix(4, mixed).astype(np.float32),
        "ssm_conv1d.bias": w.vector(mixed),
        "ssm_dt.bias": w.vector(_RANK),
        "ssm_a": -w.vector(1, _RANK),
        "ssm_d": w.vector(1, _RANK),
        "ssm_norm.weight": w.vector(_VALUE // _GROUPS, _GROUPS),
        "ssm_out.weight": w.matrix(_VALUE, t.WIDTH),
    }
    t.in_block(tensors, 0, mamba, without="attn_")
    last = _latent_experts(w) if experts else _plain_layer(w)
    t.in_block(tensors, 2, last | {"attn_norm.weight": w.vector(t.WIDTH)}, without="attn_")
    prefix = "x."
    keys = {
        key.removeprefix(prefix): value
        for key, value in (t.text_keys("x") | t.bpe_keys()).items()
        if key != "general.architecture"
    }
    keys |= _SSM | {
        "block_count": 3,
        "attention.head_count_kv": [0, 1, 0],
        "feed_forward_length": [0, 0, _NEMOTRON_INNER],
        "attention.layer_norm_epsilon": 1e-6,
    }
    if experts:
        keys |= _EXPERT_KEYS | {"expert_feed_forward_length": _NEMOTRON_INNER}
    return tensors, keys


def _latent_experts(w: Weights) -> Tensors:
    routed = t.experts(w, _EXPERTS, _NEMOTRON_INNER, t.INNER, width=_LATENT)
    return {
        **{name: array for name, array in routed.items() if not name.startswith("ffn_gate_")},
        "ffn_gate_inp.weight": routed["ffn_gate_inp.weight"],
        "exp_probs_b.bias": w.vector(_EXPERTS),
        "ffn_latent_down.weight": w.matrix(t.WIDTH, _LATENT),
        "ffn_latent_up.weight": w.matrix(_LATENT, t.WIDTH),
    }


def _plain_layer(w: Weights) -> Tensors:
    return {
        "ffn_up.weight": w.matrix(t.WIDTH, _NEMOTRON_INNER),
        "ffn_down.weight": w.matrix(_NEMOTRON_INNER, t.WIDTH),
    }


def _published_nemotron(w: Weights, tensors: Tensors) -> Tensors:
    names = [("ffn_latent_down", "ffn_latent_in"), ("ffn_latent_up", "ffn_latent_out")]
    return t.renamed(tensors, names) | {"mtp.norm.weight": w.vector(t.WIDTH)}


def _resized(positions: Array, old: int, side: int) -> Array:
    """Bilinear, corners on corners, one number after another."""
    grid = positions.reshape(old, old, -1)

    def between(low: Array, high: Array, part: float) -> Array:
        share = np.float32(part)
        return low * (np.float32(1) - share) + high * share

    def at(row: int, column: int) -> Array:
        y, x = (n * (old - 1) / (side - 1) for n in (row, column))
        top, left = int(y), int(x)
        bottom, right = min(top + 1, old - 1), min(left + 1, old - 1)
        return between(
            between(grid[top, left], grid[bottom, left], y - top),
            between(grid[top, right], grid[bottom, right], y - top),
            x - left,
        )

    return np.stack([at(row, column) for row in range(side) for column in range(side)])
