"""Tiny models of Gemma's later generations."""

from __future__ import annotations

import numpy as np

from tests.unit.store.dialects import tiny as t
from tests.unit.store.dialects.tiny import Tensors, Tiny, Weights
from tests.unit.store.dialects.towers import (
    CLIP,
    Family,
    gated_block,
    tower_keys,
    vision_keys,
    widened,
    without,
)

_PER_LAYER, _ALTERNATIVES, _LAUREL = 256, 4, 64  # llama.cpp knows no others
_GEMMA3N_BLOCKS, _GEMMA3N_INNER = 30, 48
_MELS, _AUDIO_OUT = 128, 24


def gemma3n() -> Family:
    w = Weights()

    def block(_: int) -> Tensors:
        return {
            **t.outer_norms(w),
            **t.head_norms(w),
            "ffn_gate.weight": w.matrix(t.WIDTH, _GEMMA3N_INNER),
            "ffn_up.weight": w.matrix(t.WIDTH, _GEMMA3N_INNER),
            "ffn_down.weight": w.matrix(_GEMMA3N_INNER, t.WIDTH),
            "inp_gate.weight": w.matrix(t.WIDTH, _PER_LAYER),
            "proj.weight": w.matrix(_PER_LAYER, t.WIDTH),
            "post_norm.weight": w.vector(t.WIDTH),
            "altup_correct_coef.weight": w.matrix(_ALTERNATIVES, _ALTERNATIVES).astype(np.float32),
            "altup_correct_scale.weight": w.vector(t.WIDTH),
            "altup_predict_coef.weight": w.matrix(_ALTERNATIVES, _ALTERNATIVES**2).astype(
                np.float32
            ),
            "altup_router.weight": w.matrix(t.WIDTH, _ALTERNATIVES).astype(np.float32),
            "altup_router_norm.weight": w.vector(t.WIDTH),
            "laurel_l.weight": w.matrix(t.WIDTH, _LAUREL),
            "laurel_r.weight": w.matrix(_LAUREL, t.WIDTH),
            "laurel_post_norm.weight": w.vector(t.WIDTH),
        }

    tensors = t.text_tensors(w, block, blocks=_GEMMA3N_BLOCKS)
    del tensors["output.weight"]
    wide = _PER_LAYER * _GEMMA3N_BLOCKS
    tensors |= {
        "altup_proj.weight": w.matrix(t.WIDTH, t.WIDTH, _ALTERNATIVES - 1),
        "altup_unembd_proj.weight": w.matrix(t.WIDTH, t.WIDTH, _ALTERNATIVES - 1),
        "per_layer_model_proj.weight": w.matrix(t.WIDTH, wide),
        "per_layer_proj_norm.weight": w.vector(_PER_LAYER),
        "per_layer_token_embd.weight": w.matrix(wide, t.VOCABULARY),
    }
    published = tensors | {"token_embd.weight": w.matrix(t.WIDTH, t.VOCABULARY + 8)}
    tensors["token_embd.weight"] = published["token_embd.weight"][: t.VOCABULARY]
    more = {
        "block_count": _GEMMA3N_BLOCKS,
        "feed_forward_length": _GEMMA3N_INNER,
        "attention.sliding_window": 32,
        "attention.shared_kv_layers": 10,
    }
    keys = t.text_keys("gemma3n", **more)
    types = {"tokenizer.ggml.token_type": [1] * (t.VOCABULARY + 8)}
    source = keys | t.spm_keys("<unused0>", surplus=8) | types
    stock = keys | t.spm_keys("<unused0>") | {"tokenizer.ggml.eos_token_ids": [1, 106]}
    # Bytes are bytes and what is unused is ordinary; all other types are as published.
    stock["tokenizer.ggml.token_type"] = [
        6 if text.startswith("<0x") else 1 for text in stock["tokenizer.ggml.tokens"]
    ]
    refusal = "'per_layer_token_embd.weight' has wrong shape"
    return Family(Tiny(source, published), Tiny(stock, tensors), refusal=refusal)


def gemma4() -> Family:
    w, experts = Weights(), 2
    tensors = t.text_tensors(w)
    for i, head in enumerate((t.HEAD, 2 * t.HEAD)):
        block: Tensors = {
            "attn_q.weight": w.matrix(t.WIDTH, 2 * head),
            "attn_k.weight": w.matrix(t.WIDTH, head),
            "attn_v.weight": w.matrix(t.WIDTH, head),
            "attn_output.weight": w.matrix(2 * head, t.WIDTH),
            **t.head_norms(w, head, head),
            **t.outer_norms(w),
            **t.experts(w, experts, t.INNER),
            "ffn_gate_inp.scale": w.vector(t.WIDTH),
            "ffn_down_exps.scale": w.vector(experts),
            "pre_ffw_norm_2.weight": w.vector(t.WIDTH),
            "post_ffw_norm_1.weight": w.vector(t.WIDTH),
            "post_ffw_norm_2.weight": w.vector(t.WIDTH),
        }
        t.in_block(tensors, i, block)
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
        "feed_forward_length": [t.INNER, t.INNER],
        "expert_count": experts,
        "expert_used_count": 1,
        "expert_feed_forward_length": t.INNER,
    }
    keys = t.text_keys("gemma4", **more)
    keys |= t.spm_keys("<|image>", "<image|>", "<|audio>", "<audio|>")
    keys |= {"tokenizer.ggml.merges": ["a b"], "tokenizer.ggml.pre": "gemma4"}
    eyes, ears = _gemma4_eyes(w), _gemma4_ears(w)
    names = [("ffn_down_exps.scale", "ffn_gate_inp.per_expert_scale")]
    source = keys | vision_keys("gemma4") | tower_keys("gemma4", "audio", block_count=1)
    clip = without(CLIP, "clip.projector_type") | {
        "clip.has_audio_encoder": True,
        "clip.vision.attention.layer_norm_epsilon": 1e-6,
        "clip.vision.image_size": 224,
        "clip.vision.image_mean": [0.0, 0.0, 0.0],
        "clip.vision.image_std": [1.0, 1.0, 1.0],
        "clip.vision.projector_type": "gemma4v",
        "clip.audio.block_count": 1,
        "clip.audio.embedding_length": t.VISION,
        "clip.audio.feed_forward_length": t.VISION_INNER,
        "clip.audio.attention.head_count": 2,
        "clip.audio.attention.layer_norm_epsilon": 1e-6,
        "clip.audio.num_mel_bins": _MELS,
        "clip.audio.projection_dim": t.WIDTH,
        "clip.audio.projector_type": "gemma4a",
    }
    promoted = ["v.patch_embd.weight", "v.position_embd.weight", "a.blk.0.conv_dw.weight"]
    promoted += ["a.conv1d.0.weight", "a.conv1d.1.weight"]
    return Family(
        Tiny(source, t.renamed(tensors, names) | eyes | _published_ears(ears)),
        Tiny(keys | {"tokenizer.ggml.model": "gemma4"}, tensors),
        Tiny(clip, widened(eyes | ears, *promoted)),
        image_tokens=81,
        audio_tokens=50,
        refusal="wrong number of tensors",
    )


def _gemma4_eyes(w: Weights) -> Tensors:
    tower: Tensors = {
        "v.patch_embd.weight": w.matrix(t.PATCH, t.PATCH, 3, t.VISION),
        "v.position_embd.weight": w.matrix(t.VISION, 256, 2),
        "mm.input_projection.weight": w.matrix(t.VISION, t.WIDTH),
    }
    tower |= t.vision_blocks(w, lambda w: gated_block(w, biases=False), 2)
    for limit, value in (
        ("input_min", -4),
        ("input_max", 4),
        ("output_min", -2),
        ("output_max", 2),
    ):
        tower[f"v.blk.0.attn_q.{limit}"] = value * w.vector(1)
    return tower


def _gemma4_ears(w: Weights) -> Tensors:
    """A conformer of one block."""
    width, inner = t.VISION, t.VISION_INNER
    block: Tensors = {f"attn_{x}.weight": w.matrix(width, width) for x in ("q", "k", "v", "out")}
    for more in ("", "_1"):
        block[f"ffn_norm{more}.weight"] = w.vector(width)
        block[f"ffn_up{more}.weight"] = w.matrix(width, inner)
        block[f"ffn_down{more}.weight"] = w.matrix(inner, width)
    for name in ("attn_pre_norm", "attn_post_norm", "ln2", "conv_norm", "norm_conv"):
        block[f"{name}.weight"] = w.vector(width)
    block |= {
        "attn_k_rel.weight": w.matrix(width, width),
        "per_dim_scale.weight": w.vector(width // 2),
        "conv_pw1.weight": w.matrix(width, 2 * width),
        "conv_dw.weight": w.matrix(5, width),
        "conv_pw2.weight": w.matrix(width, width),
    }
    return {
        "a.conv1d.0.weight": w.matrix(3, 3, 1, 4),
        "a.conv1d.1.weight": w.matrix(3, 3, 4, 2),
        "a.input_projection.weight": w.matrix(_MELS // 4 * 2, width),
        **t.biased(w, "a.pre_encode.out", width, _AUDIO_OUT),
        "mm.a.input_projection.weight": w.matrix(_AUDIO_OUT, t.WIDTH),
        **{f"a.blk.0.{name}": array for name, array in block.items()},
    }


def _published_ears(tower: Tensors) -> Tensors:
    names = [
        ("a.pre_encode.out", "mm.a.fc"),
        ("a.input_projection", "a.pre_encode.out"),
        (".ln2.", ".layer_pre_norm."),
        (".attn_pre_norm.", ".ln1."),
        (".attn_post_norm.", ".ln2."),
        (".attn_k_rel.", ".linear_pos."),
    ]
    # The embedder's projection keeps its name: only the encoder's own is published as another.
    own = "mm.a.input_projection.weight"
    return t.renamed(without(tower, own), names) | {own: tower[own]}
