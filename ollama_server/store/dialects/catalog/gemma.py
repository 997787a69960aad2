"""Gemma 3, EmbeddingGemma, Gemma 3n, Gemma 4."""

from __future__ import annotations

import numpy as np

from ollama_server.store import gguf_write as write
from ollama_server.store.dialects import operations as op
from ollama_server.store.dialects import steps as s
from ollama_server.store.dialects.draft import Draft, RuleError
from ollama_server.store.gguf import GGUF, LazyArray

# What a prompt looks like where nobody brings a template of their own.
_GEMMA3_TEMPLATE = (
    "{{ bos_token }}"
    "{%- if messages and messages[0].role == 'system' -%}"
    "{{ raise_exception('System role not supported') }}"
    "{%- endif -%}"
    "{%- for message in messages -%}"
    "{%- if message.role != ('user' if loop.index0 is even else 'assistant') -%}"
    "{{ raise_exception('user and assistant must take turns') }}"
    "{%- endif -%}"
    "{{ '<start_of_turn>' + ('model' if message.role == 'assistant' else message.role) + '\\n'"
    " + message.content | trim + '<end_of_turn>\\n' }}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{ '<start_of_turn>model\\n' }}{%- endif -%}"
)
_LONG_CONTEXT = 131072


def _stretch_long_context(draft: Draft) -> None:
    if draft.number(".context_length", 0) >= _LONG_CONTEXT:
        s.default({".rope.scaling.type": "linear", ".rope.scaling.factor": 8.0})(draft)


EMBEDDING = s.Dialect(
    "embeddinggemma",
    ("gemma3",),
    s.has_tensor("dense.0.weight"),
    text=(
        s.architecture("gemma-embedding"),
        s.delete(".attention.causal", ".attention.sliding_window_pattern"),
        s.default({".rope.freq_base_swa": 1e4}),
        s.put(
            {
                ".dense_2_feat_in": s.dimension("dense.0.weight", 0),
                ".dense_2_feat_out": s.dimension("dense.0.weight", 1),
                ".dense_3_feat_in": s.dimension("dense.1.weight", 0),
                ".dense_3_feat_out": s.dimension("dense.1.weight", 1),
            }
        ),
        s.rename(
            ("dense.0.weight", "dense_2.weight"),
            ("dense.1.weight", "dense_3.weight"),
            ("norm.weight", "output_norm.weight"),
        ),
    ),
)

GEMMA3 = s.Dialect(
    "gemma3",
    ("gemma3",),
    s.any_of(
        s.has_key(
            ".mm.tokens_per_image",
            ".rope.global.freq_base",
            ".rope.local.freq_base",
            "tokenizer.ggml.add_padding_token",
            "tokenizer.ggml.add_unknown_token",
        ),
        s.has_tensor(*s.TOWERS),
        s.none_of(s.has_key(".attention.layer_norm_rms_epsilon")),
    ),
    text=(
        s.copy(
            {
                ".rope.global.freq_base": ".rope.freq_base",
                ".rope.local.freq_base": ".rope.freq_base_swa",
            }
        ),
        s.default(
            {
                ".attention.layer_norm_rms_epsilon": 1e-6,
                ".rope.freq_base": 1e6,
                ".rope.freq_base_swa": 1e4,
            }
        ),
        _stretch_long_context,
        s.cut_vocabulary(s.dimension("token_embd.weight", 1)),
        s.default({"tokenizer.chat_template": _GEMMA3_TEMPLATE}),
        s.drop(*s.TOWERS),
    ),
    projector=(
        s.vision(
            "block_count",
            "embedding_length",
            "feed_forward_length",
            "image_size",
            "patch_size",
            "attention.head_count",
            "attention.layer_norm_epsilon",
        ),
        s.take({"clip.vision.projection_dim": ".embedding_length"}),
        s.put(
            {
                "clip.vision.image_mean": s.HALF,
                "clip.vision.image_std": s.HALF,
                "clip.use_gelu": True,
                "clip.projector_type": "gemma3",
            }
        ),
        s.rename(
            ("v.patch_embedding.{}", "v.patch_embd.{}"),
            ("v.position_embedding.weight", "v.position_embd.weight"),
            ("v.post_layernorm.{}", "v.post_ln.{}"),
            ("mm.mm_input_projection.weight", "mm.input_projection.weight"),
            ("mm.mm_soft_emb_norm.weight", "mm.soft_emb_norm.weight"),
        ),
        s.replace(
            (".layer_norm1.", ".ln1."),
            (".layer_norm2.", ".ln2."),
            (".attn_output.", ".attn_out."),
            (".mlp.fc1.", ".ffn_up."),
            (".mlp.fc2.", ".ffn_down."),
            within="v.blk.",
        ),
        s.promote("v.patch_embd.weight", "v.position_embd.weight"),
    ),
)


def _different_vocabularies(header: GGUF) -> bool:
    tokens, per_layer = header.tensor("token_embd.weight"), header.tensor(_PER_LAYER)
    return tokens is not None and per_layer is not None and tokens.shape[1:] != per_layer.shape[1:]


def _mark_token_types(draft: Draft) -> None:
    """Byte tokens are bytes and unused ones are ordinary, whatever the file says."""
    tokens = draft.source.metadata.get("tokenizer.ggml.tokens")
    types = draft.source.metadata.get("tokenizer.ggml.token_type")
    if not isinstance(tokens, list | LazyArray) or not isinstance(types, list | LazyArray):
        raise RuleError("the file has no vocabulary")
    count = draft.dimension(_PER_LAYER, 1)
    found = []
    for text, kind in zip(tokens[:count], types[:count], strict=False):
        if len(text.encode()) == 6 and text.startswith("<0x") and text.endswith(">"):
            kind = _BYTE
        elif text.startswith("<unused"):
            kind = _NORMAL
        found.append(kind)
    draft.keys["tokenizer.ggml.token_type"] = write.int32s(found)


def _end_of_turn(draft: Draft) -> None:
    key = "tokenizer.ggml.eos_token_ids"
    known = draft.numbers(key) if key in draft.keys else [1]
    if _END_OF_TURN not in known:
        draft.set(key, [*known, _END_OF_TURN])


_PER_LAYER = "per_layer_token_embd.weight"
_NORMAL, _BYTE = 1, 6
_END_OF_TURN = 106

GEMMA3N = s.Dialect(
    "gemma3n",
    ("gemma3n",),
    _different_vocabularies,
    text=(
        s.put({"tokenizer.ggml.model": "llama"}),
        s.cut_vocabulary(s.dimension(_PER_LAYER, 1)),
        _mark_token_types,
        _end_of_turn,
        s.cut_rows("token_embd.weight", _PER_LAYER),
    ),
)


def _audio(draft: Draft) -> None:
    if not any(name.startswith("a.") for name in draft.parts):
        return
    names = (
        "block_count",
        "embedding_length",
        "feed_forward_length",
        "attention.head_count",
        "attention.layer_norm_epsilon",
    )
    draft.run(
        (
            s.take({f"clip.audio.{name}": f".audio.{name}" for name in names}),
            s.put(
                {
                    "clip.has_audio_encoder": True,
                    "clip.audio.num_mel_bins": 128,
                    "clip.audio.projection_dim": s.of_source(".embedding_length"),
                    "clip.audio.projector_type": "gemma4a",
                }
            ),
            s.rename(("a.pre_encode.out.weight", "a.input_projection.weight")),
            s.rename(("mm.a.fc.{}", "a.pre_encode.out.{}")),
            # ln2 before layer_pre_norm, which takes the name.
            s.replace(
                (".ln1.", ".attn_pre_norm."),
                (".ln2.", ".attn_post_norm."),
                (".layer_pre_norm.", ".ln2."),
                (".linear_pos.", ".attn_k_rel."),
                within="a.blk.",
            ),
            s.promote("a.conv1d.0.weight", "a.conv1d.1.weight", ".conv_dw.weight"),
        )
    )


_CLAMPED = ("attn_q", "attn_k", "attn_v", "attn_out", "ffn_gate", "ffn_up", "ffn_down")
_LIMITS = ("input_min", "input_max", "output_min", "output_max")


def _unpack_clamps(draft: Draft) -> None:
    """Limits that are packed into one tensor as the scalars that llama.cpp reads."""
    packed = draft.parts.pop("v.clamp_data", None)
    if packed is None or any(name.endswith(".input_min") for name in draft.parts):
        return
    blocks = draft.number(".vision.block_count")
    values = op.read_floats(draft.source.path, packed).reshape(-1)
    if values.size != (blocks * len(_CLAMPED) + 1) * 4:
        raise RuleError(f"v.clamp_data has {values.size} values for {blocks} blocks")
    owners = [f"v.blk.{block}.{part}" for block in range(blocks) for part in _CLAMPED]
    for owner, limits in zip(
        [*owners, "mm.input_projection"], values.reshape(-1, 4).tolist(), strict=True
    ):
        if np.any(limits):
            for limit, value in zip(_LIMITS, limits, strict=True):
                draft.parts[f"{owner}.{limit}"] = op.constant([value])


def _expert_scales(draft: Draft) -> None:
    old, new = ".ffn_gate_inp.per_expert_scale", ".ffn_down_exps.scale"
    draft.replace_names(lambda name: name.removesuffix(old) + new if name.endswith(old) else name)


GEMMA4 = s.Dialect(
    "gemma4",
    ("gemma4",),
    s.any_of(
        s.has_tensor("a.", "v.", "mm.", "model.vision_tower."),
        s.key_is("tokenizer.ggml.model", "llama"),
    ),
    text=(
        s.default_when("tokenizer.ggml.model", ("llama",), "gemma4"),
        s.drop("a.", "v.", "mm.", "model.vision_tower."),
        _expert_scales,
    ),
    projector=(
        s.vision(
            "block_count",
            "embedding_length",
            "feed_forward_length",
            "attention.head_count",
            "attention.layer_norm_epsilon",
            "patch_size",
            "projector.scale_factor",
        ),
        s.take({"clip.vision.projection_dim": ".embedding_length"}),
        s.put(
            {
                "clip.vision.image_size": 224,
                "clip.vision.image_mean": [0.0, 0.0, 0.0],
                "clip.vision.image_std": [1.0, 1.0, 1.0],
                # Two modalities have two types: never the key that names one for both.
                "clip.vision.projector_type": "gemma4v",
            }
        ),
        _unpack_clamps,
        s.promote("v.patch_embd.weight", "v.position_embd.weight"),
        _audio,
    ),
)
