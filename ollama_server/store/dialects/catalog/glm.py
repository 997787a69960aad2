"""GLM 4.7 Flash, GLM-OCR."""

from __future__ import annotations

from ollama_server.store.dialects import steps as s
from ollama_server.store.dialects.draft import Draft


def _latent_length(draft: Draft) -> int:
    rank = draft.number(".attention.kv_lora_rank")
    return rank + draft.number(".rope.dimension_count")


def _ends(draft: Draft) -> None:
    key = "tokenizer.ggml.eos_token_ids"
    ends = draft.numbers(key) if key in draft.keys else []
    for name, token in zip(("eot", "eom"), ends[1:3], strict=False):
        s.default({f"tokenizer.ggml.{name}_token_id": token})(draft)


GLM4_MOE_LITE = s.Dialect(
    "glm4moelite",
    ("glm4moelite",),
    s.always,
    text=(
        s.architecture("deepseek2"),
        s.put(
            {
                ".attention.head_count_kv": 1,
                ".attention.key_length": _latent_length,
                ".attention.value_length": s.of_source(".attention.kv_lora_rank"),
                ".attention.key_length_mla": s.of_source(".attention.key_length"),
                ".attention.value_length_mla": s.of_source(".attention.key_length"),
                "tokenizer.ggml.pre": "glm4",
            }
        ),
        s.default({".expert_group_count": 1, ".expert_group_used_count": 1}),
        _ends,
    ),
)

GLM_OCR_NAMES = s.replace(
    (".attn_out.", ".attn_output."),
    (".post_attn_norm.", ".post_attention_norm."),
    (".post_ffn_norm.", ".post_ffw_norm."),
)

GLM_OCR = s.Dialect(
    "glmocr",
    ("glmocr",),
    s.always,
    text=(
        s.architecture("glm4"),
        s.sections((".rope.mrope_section",)),
        s.default({".rope.dimension_count": s.of_source(".attention.key_length")}),
        s.unless_missing("tokenizer.ggml.pre", s.put({"tokenizer.ggml.pre": "chatglm-bpe"})),
        s.drop(*s.TOWERS),
        GLM_OCR_NAMES,
        s.join("blk.", ("ffn_gate", "ffn_up"), "ffn_up", ("weight",)),
    ),
    projector=(
        s.vision(
            "block_count",
            "embedding_length",
            "attention.head_count",
            "image_size",
            "patch_size",
            "spatial_merge_size",
            "image_mean",
            "image_std",
        ),
        s.take(
            {
                "clip.vision.feed_forward_length": ".vision.intermediate_size",
                "clip.vision.projection_dim": ".vision.out_hidden_size",
                "clip.vision.attention.layer_norm_epsilon": (
                    ".vision.attention.layer_norm_rms_epsilon"
                ),
            }
        ),
        s.put({"clip.use_silu": True, "clip.projector_type": "glm4v"}),
        s.rename(
            ("v.patch_embd_0.weight", "v.patch_embd.weight"),
            ("v.patch_embd_1.weight", "v.patch_embd.weight.1"),
        ),
        s.promote("v.patch_embd.weight", "v.patch_embd.weight.1"),
    ),
)
