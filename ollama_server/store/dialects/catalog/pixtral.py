"""Mistral Small 3.1 and its relatives, Llama 4."""

from __future__ import annotations

from ollama_server.store.dialects import operations as op
from ollama_server.store.dialects import steps as s
from ollama_server.store.dialects.draft import Draft, RuleError
from ollama_server.store.dialects.lint import ROPE_SCALINGS
from ollama_server.store.gguf import LazyArray


def _interleave_heads(draft: Draft) -> None:
    heads = draft.number(".vision.attention.head_count")
    for name, part in draft.parts.items():
        if name.startswith("v.blk.") and name.endswith((".attn_q.weight", ".attn_k.weight")):
            draft.parts[name] = op.interleave_heads(draft.source.path, part, heads)


def _known_scaling(draft: Draft) -> None:
    """A name of a scaling that llama.cpp does not know means none here."""
    key = draft.key(".rope.scaling.type")
    if draft.source.metadata.get(key) not in (None, *ROPE_SCALINGS):
        draft.keys.pop(key, None)


_ROW_BREAK, _ROW_BREAK_TEXT = 12, "[IMG_BREAK]"


def _row_break(draft: Draft) -> None:
    """What stands between two rows of an image: the break token's own embedding."""
    tokens = draft.source.metadata.get("tokenizer.ggml.tokens")
    embedding = draft.part("token_embd.weight")
    width = embedding.shape[0]
    if (
        isinstance(tokens, list | LazyArray)
        and len(tokens) > _ROW_BREAK
        and tokens[_ROW_BREAK] == _ROW_BREAK_TEXT
    ):
        draft.parts["v.token_embd.img_break"] = op.row(draft.source.path, embedding, _ROW_BREAK)
    else:
        draft.parts["v.token_embd.img_break"] = op.constant([0.0] * width)


MISTRAL3 = s.Dialect(
    "mistral3",
    ("mistral3",),
    s.any_of(
        s.has_tensor(*s.TOWERS),
        s.has_key(".rope.scaling.beta_fast", ".rope.scaling.mscale_all_dim", ".rope.scaling_beta"),
    ),
    text=(
        s.copy(
            {
                ".rope.scaling.beta_fast": ".rope.scaling.yarn_beta_fast",
                ".rope.scaling.beta_slow": ".rope.scaling.yarn_beta_slow",
                ".rope.scaling.mscale_all_dim": ".rope.scaling.yarn_log_multiplier",
                ".rope.scaling_beta": ".attention.temperature_scale",
            }
        ),
        s.default_when("tokenizer.ggml.pre", ("", "default"), "tekken"),
        _known_scaling,
        s.drop(*s.TOWERS),
    ),
    projector=(
        s.vision(
            "block_count",
            "embedding_length",
            "feed_forward_length",
            "attention.head_count",
            "image_size",
            "patch_size",
            "num_channels",
        ),
        s.take(
            {
                "clip.vision.spatial_merge_size": ".spatial_merge_size",
                "clip.rope.freq_base": ".vision.rope.freq_base",
                "clip.vision.projection_dim": ".embedding_length",
                "clip.vision.attention.layer_norm_epsilon": ".vision.attention.layer_norm_epsilon",
            },
            {"clip.vision.attention.layer_norm_epsilon": 1e-5},
        ),
        s.put(
            {
                "clip.vision.image_mean": [0.48145467, 0.4578275, 0.40821072],
                "clip.vision.image_std": [0.26862955, 0.26130259, 0.2757771],
                "clip.use_silu": True,
                "clip.projector_type": "pixtral",
            }
        ),
        _interleave_heads,
        _row_break,
        s.rename(
            ("v.patch_conv.weight", "v.patch_embd.weight"),
            ("v.encoder_norm.weight", "v.pre_ln.weight"),
            ("mm.linear_1.{}", "mm.1.{}"),
            ("mm.linear_2.{}", "mm.2.{}"),
            ("mm.patch_merger.merging_layer.weight", "mm.patch_merger.weight"),
            ("mm.norm.weight", "mm.input_norm.weight"),
        ),
        s.replace(
            (".attn_output.", ".attn_out."),
            (".attn_norm.", ".ln1."),
            (".ffn_norm.", ".ln2."),
            within="v.blk.",
        ),
        s.promote("v.patch_embd.weight"),
    ),
)


def _scale_factor(draft: Draft) -> int:
    try:
        ratio = draft.value(".vision.pixel_shuffle_ratio")
    except RuleError:
        return 2
    if not isinstance(ratio, int | float) or not 1e-3 < ratio < 1e3:
        return 2
    return round(1 / ratio) or 2


LLAMA4 = s.Dialect(
    "llama4",
    ("llama4",),
    s.has_tensor(*s.TOWERS),
    text=(s.drop(*s.TOWERS),),
    projector=(
        s.vision(
            "block_count",
            "embedding_length",
            "feed_forward_length",
            "attention.head_count",
            "image_size",
            "patch_size",
        ),
        s.take(
            {
                "clip.vision.attention.layer_norm_epsilon": ".vision.layer_norm_epsilon",
                "clip.vision.projection_dim": ".embedding_length",
            }
        ),
        s.put(
            {
                "clip.vision.projector.scale_factor": _scale_factor,
                "clip.vision.image_mean": s.HALF,
                "clip.vision.image_std": s.HALF,
                "clip.use_gelu": True,
                "clip.projector_type": "llama4",
                "clip.vision.projector_type": "llama4",
            }
        ),
        s.rename(("v.positional_embedding_vlm", "v.position_embd.weight")),
        # The adapter's layers are named like a block's and come first.
        s.replace(
            ("v.vision_adapter.mlp.fc1", "mm.model.mlp.1"),
            ("v.vision_adapter.mlp.fc2", "mm.model.mlp.2"),
            ("mm.linear_1", "mm.model.fc"),
            ("v.class_embedding", "v.class_embd"),
            ("v.layernorm_post", "v.post_ln"),
            ("v.layernorm_pre", "v.pre_ln"),
            ("v.patch_embedding", "v.patch_embd"),
            (".attn_output", ".attn_out"),
            (".attn_norm", ".ln1"),
            (".ffn_norm", ".ln2"),
            (".mlp.fc1", ".ffn_up"),
            (".mlp.fc2", ".ffn_down"),
        ),
        s.promote("v.class_embd", "v.position_embd.weight"),
    ),
)
