"""DeepSeek-OCR."""

from __future__ import annotations

from ollama_server.store.dialects import steps as s
from ollama_server.store.dialects.draft import Draft, RuleError

_EXPERT, _SHARED = "blk.1.ffn_down_exps.weight", "blk.1.ffn_down_shexp.weight"


def _shared_experts(draft: Draft) -> int:
    width = draft.dimension(_EXPERT, 0)
    if not width:
        raise RuleError("experts without a width")
    return draft.dimension(_SHARED, 0) // width


def _image_encoder(draft: Draft) -> None:
    """The tower before the tower moves from ``s.`` to where llama.cpp looks for it."""
    draft.replace_names(lambda n: "v.sam." + n[2:] if n.startswith("s.") else n)


DEEPSEEK_OCR = s.Dialect(
    "deepseekocr",
    ("deepseekocr",),
    s.always,
    text=(
        s.architecture("deepseek2-ocr"),
        s.default(
            {
                ".attention.layer_norm_rms_epsilon": 1e-6,
                ".expert_feed_forward_length": s.dimension(_EXPERT, 0),
                ".expert_shared_count": _shared_experts,
            }
        ),
        s.drop("s.", "v.", "mm."),
    ),
    projector=(
        s.vision("block_count", "embedding_length", "image_size", "patch_size"),
        s.take(
            {
                "clip.vision.attention.head_count": ".vision.head_count",
                "clip.vision.sam.block_count": ".sam.block_count",
                "clip.vision.sam.embedding_length": ".sam.embedding_length",
                "clip.vision.sam.head_count": ".sam.head_count",
            },
            {
                "clip.vision.feed_forward_length": 64,
                "clip.vision.projection_dim": 1280,
                "clip.vision.projector.scale_factor": 1,
                "clip.vision.window_size": 14,
                "clip.vision.attention.layer_norm_epsilon": 1e-6,
                "clip.vision.image_mean": s.HALF,
                "clip.vision.image_std": s.HALF,
            },
        ),
        s.put({"clip.use_gelu": True, "clip.projector_type": "deepseekocr"}),
        _image_encoder,
        s.rename(("v.sam.position_embd", "v.sam.pos_embd.weight")),
        s.replace(
            (".self_attn.out_proj", ".attn_out"),
            (".self_attn.qkv_proj", ".attn_qkv"),
            (".layer_norm1", ".ln1"),
            (".layer_norm2", ".ln2"),
            (".mlp.fc1", ".ffn_up"),
            (".mlp.fc2", ".ffn_down"),
            ("v.pre_layrnorm", "v.pre_ln"),
            (".attn.proj", ".attn.out"),
            (".attn.rel_pos_h", ".attn.pos_h.weight"),
            (".attn.rel_pos_w", ".attn.pos_w.weight"),
            (".norm1", ".pre_ln"),
            (".norm2", ".post_ln"),
            ("mm.layers", "mm.model.fc"),
            ("mm.image_newline", "v.image_newline"),
            ("mm.view_seperator", "v.view_seperator"),
        ),
        s.promote(
            "v.patch_embd.weight",
            "v.sam.patch_embd.weight",
            "v.sam.pos_embd.weight",
            "v.position_embd.weight",
            ".attn.pos_h.weight",
            ".attn.pos_w.weight",
        ),
    ),
)
