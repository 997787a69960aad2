"""Qwen 2.5 VL, Qwen 3 VL, Qwen 3 Next, Qwen 3.5."""

from __future__ import annotations

from math import isqrt
from typing import Any

from ollama_server.store.dialects import steps as s
from ollama_server.store.dialects.draft import Draft, RuleError

CLIP_MEAN = [0.48145466, 0.4578275, 0.40821073]
CLIP_STD = [0.26862954, 0.26130258, 0.27577711]
_MAX_BLOCKS = 1024
_FIRST_LAYER = "v.blk.0.mlp.linear_fc1.weight"
_QKV = ("attn_q", "attn_k", "attn_v")


def _blocks(draft: Draft) -> int:
    count = draft.number(".vision.block_count")
    if not 0 < count <= _MAX_BLOCKS:
        raise RuleError(f"{count} vision blocks")
    return count


_MERGER_BLOCKS = (
    (".mlp.linear_fc1.", ".ffn_up."),
    (".mlp.linear_fc2.", ".ffn_down."),
    (".norm1.", ".ln1."),
    (".norm2.", ".ln2."),
)
_MERGER_TYPE = s.put({"clip.use_gelu": True, "clip.projector_type": "qwen3vl_merger"})
_MERGER = (
    s.join("v.blk.", _QKV, "attn_qkv", ("weight", "bias")),
    s.split_frames("v.patch_embed.weight"),
    s.rename(
        ("v.merger.norm.{}", "v.post_ln.{}"),
        ("v.merger.linear_fc1.{}", "mm.0.{}"),
        ("v.merger.linear_fc2.{}", "mm.2.{}"),
        ("v.patch_embed.bias", "v.patch_embd.bias"),
        ("v.pos_embed.weight", "v.position_embd.weight"),
    ),
    s.promote("v.position_embd.weight"),
)

_QWEN35_KEYS = (
    ".vision.block_count",
    ".image_token_id",
    ".ssm.v_head_reordered",
    ".rope.mrope_interleaved",
)


def _qwen35(name: str, *more_keys: str) -> s.Dialect:
    return s.Dialect(
        name,
        (name,),
        s.any_of(s.has_key(*_QWEN35_KEYS, *more_keys), s.has_tensor("mtp.", "v.")),
        text=(
            s.maximum(".attention.head_count_kv", all_zero=2),
            s.sections((".rope.dimension_sections", ".rope.mrope_section", ".rope.mrope_sections")),
            s.append(".ssm_dt", ".bias"),
            s.drop("v.", "mm.", "mtp."),
        ),
        projector=(
            s.vision(
                "block_count",
                "embedding_length",
                "attention.head_count",
                "patch_size",
                "spatial_merge_size",
                "num_channels",
            ),
            s.take(
                {"clip.vision.projection_dim": ".embedding_length"},
                {
                    "clip.vision.feed_forward_length": s.dimension(_FIRST_LAYER, 1),
                    "clip.vision.image_size": 768,
                    "clip.vision.attention.layer_norm_epsilon": 1e-6,
                    "clip.vision.image_mean": s.HALF,
                    "clip.vision.image_std": s.HALF,
                    "clip.vision.is_deepstack_layers": lambda d: [False] * _blocks(d),
                },
            ),
            _MERGER_TYPE,
            *_MERGER,
            s.replace(*_MERGER_BLOCKS, within="v.blk."),
        ),
    )


QWEN35 = _qwen35("qwen35")
QWEN35MOE = _qwen35("qwen35moe", ".feed_forward_length")

QWEN3NEXT = s.Dialect(
    "qwen3next",
    ("qwen3next",),
    s.tensor_ends(".ssm_dt"),
    text=(
        s.maximum(".attention.head_count_kv", all_zero=None),
        s.append(".ssm_dt", ".bias"),
    ),
)


def _attention_pattern(draft: Draft) -> int:
    key = ".vision.fullatt_block_indexes"
    try:
        listed = draft.numbers(key)
    except RuleError:
        listed = []
    return listed[0] + 1 if listed else 8


QWEN25VL = s.Dialect(
    "qwen25vl",
    ("qwen25vl",),
    s.always,
    text=(
        s.architecture("qwen2vl"),
        s.sections((".rope.mrope_section",)),
        s.drop(*s.TOWERS),
    ),
    projector=(
        s.vision(
            "attention.head_count",
            "attention.layer_norm_epsilon",
            "block_count",
            "embedding_length",
            "num_channels",
            "patch_size",
            "spatial_merge_size",
            "window_size",
        ),
        s.take({"clip.vision.projection_dim": ".embedding_length"}),
        s.put(
            {
                "clip.vision.feed_forward_length": s.dimension("v.blk.0.ffn_up.weight", 1),
                "clip.vision.n_wa_pattern": _attention_pattern,
                "clip.vision.image_size": 560,
                "clip.vision.image_mean": CLIP_MEAN,
                "clip.vision.image_std": CLIP_STD,
                "clip.use_silu": True,
                "clip.projector_type": "qwen2.5vl_merger",
            }
        ),
        s.rename(
            ("v.merger.ln_q.weight", "v.post_ln.weight"),
            ("v.merger.mlp.0.{}", "mm.0.{}"),
            ("v.merger.mlp.2.{}", "mm.2.{}"),
            ("v.patch_embd_0.weight", "v.patch_embd.weight"),
            ("v.patch_embd_1.weight", "v.patch_embd.weight.1"),
        ),
        s.promote("v.patch_embd.weight", "v.patch_embd.weight.1"),
    ),
)


def _deepstack(draft: Draft) -> list[int]:
    try:
        return draft.numbers(".vision.deepstack_visual_indexes")
    except RuleError:
        return []


def _image_size(draft: Draft) -> int:
    return isqrt(draft.dimension("v.pos_embed.weight", 1)) * draft.number(".vision.patch_size")


def _name_deepstack(draft: Draft) -> None:
    pairs: list[tuple[str, str]] = []
    for number, block in enumerate(_deepstack(draft)):
        old, new = f"v.deepstack_merger.{number}", f"v.deepstack.{block}"
        pairs += [(f"{old}.norm.{{}}", f"{new}.norm.{{}}")]
        pairs += [(f"{old}.linear_{x}.{{}}", f"{new}.{x}.{{}}") for x in ("fc1", "fc2")]
    s.rename(*pairs)(draft)


def _deepstack_flags(draft: Draft) -> Any:
    indexes = set(_deepstack(draft))
    return [block in indexes for block in range(_blocks(draft))]


QWEN3VL = s.Dialect(
    "qwen3vl",
    ("qwen3vl", "qwen3vlmoe"),
    s.any_of(s.none_of(s.has_key(".rope.dimension_sections")), s.has_tensor("v.")),
    text=(
        # All published sizes have these, and heads of 128.
        s.put({".rope.dimension_sections": [24, 20, 20, 0]}),
        s.default({".n_deepstack_layers": lambda draft: len(_deepstack(draft))}),
        s.drop(*s.TOWERS),
    ),
    projector=(
        s.vision(
            "attention.head_count",
            "attention.layer_norm_epsilon",
            "block_count",
            "embedding_length",
            "patch_size",
            "spatial_merge_size",
        ),
        s.take(
            {
                "clip.vision.num_channels": ".vision.num_channels",
                "clip.vision.temporal_patch_size": ".vision.temporal_patch_size",
                "clip.vision.rope.freq_base": ".vision.rope.freq_base",
                "clip.vision.projection_dim": ".embedding_length",
                "clip.vision.image_mean": ".vision.image_mean",
                "clip.vision.image_std": ".vision.image_std",
                "clip.vision.image_min_pixels": ".vision.shortest_edge",
                "clip.vision.image_max_pixels": ".vision.longest_edge",
            },
            {
                "clip.vision.num_channels": 3,
                "clip.vision.temporal_patch_size": 2,
                "clip.vision.rope.freq_base": 1e4,
                "clip.vision.image_mean": s.HALF,
                "clip.vision.image_std": s.HALF,
                "clip.vision.image_min_pixels": 65536,
                "clip.vision.image_max_pixels": 16777216,
            },
        ),
        s.put(
            {
                "clip.vision.feed_forward_length": s.dimension(_FIRST_LAYER, 1),
                "clip.vision.image_size": _image_size,
                "clip.vision.is_deepstack_layers": _deepstack_flags,
            }
        ),
        _MERGER_TYPE,
        *_MERGER,
        _name_deepstack,
        s.replace(*_MERGER_BLOCKS, within="v.blk."),
    ),
)
