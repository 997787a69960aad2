"""Tiny mixtures of experts: Laguna, GLM 4.7 Flash, Llama 4 with its tower."""

from __future__ import annotations

from tests.unit.store.dialects import tiny as t
from tests.unit.store.dialects.tiny import Tensors, Tiny, Weights
from tests.unit.store.dialects.towers import (
    CLIP,
    Family,
    plain_block,
    vision_keys,
    widened,
    without,
)

_COUNT = 2
_KEYS = {
    "expert_count": _COUNT,
    "expert_used_count": 1,
    "expert_feed_forward_length": t.INNER,
}


def laguna() -> Family:
    w = Weights()
    tensors = t.text_tensors(w, lambda _: t.head_norms(w), blocks=4)
    for i in range(4):
        t.in_block(tensors, i, {"attn_gate.weight": w.matrix(t.WIDTH, 2)})
        if i:
            block: Tensors = {
                "ffn_norm.weight": w.vector(t.WIDTH),
                "exp_probs_b.bias": w.vector(_COUNT),
            }
            block |= t.experts(w, _COUNT, t.INNER, shared=t.INNER)
            t.in_block(tensors, i, block, without="ffn_")
    more = _KEYS | {
        "block_count": 4,
        "leading_dense_block_count": 1,
        "expert_shared_feed_forward_length": t.INNER,
        "attention.sliding_window": 32,
        "rope.dimension_count": 8,
    }
    keys = t.text_keys("laguna", **more) | t.bpe_keys()
    sliding = {"laguna.rope.swa.dimension_count": 16, "laguna.rope.swa.freq_base": 20000.0}
    stock = {"laguna.rope.dimension_count_swa": 16, "laguna.rope.freq_base_swa": 20000.0}
    return Family(
        Tiny(keys | sliding, t.renamed(tensors, [("attn_gate", "attn_g")])),
        Tiny(keys | stock, tensors),
        refusal="'blk.0.attn_gate.weight' not found",
    )


def glm4moelite() -> Family:
    w, rank, rope, head = Weights(), 32, 16, 48
    tensors = t.text_tensors(w)
    for i in range(t.BLOCKS):
        latent: Tensors = {
            "attn_norm.weight": w.vector(t.WIDTH),
            "attn_q_a.weight": w.matrix(t.WIDTH, 24),
            "attn_q_a_norm.weight": w.vector(24),
            "attn_q_b.weight": w.matrix(24, 2 * head),
            "attn_kv_a_mqa.weight": w.matrix(t.WIDTH, rank + rope),
            "attn_kv_a_norm.weight": w.vector(rank),
            "attn_k_b.weight": w.matrix(head - rope, rank, 2),
            "attn_v_b.weight": w.matrix(rank, head, 2),
            "attn_output.weight": w.matrix(2 * head, t.WIDTH),
        }
        t.in_block(tensors, i, latent, without="attn_")
    block = {"ffn_norm.weight": w.vector(t.WIDTH), "exp_probs_b.bias": w.vector(_COUNT)}
    block |= t.experts(w, _COUNT, t.INNER, shared=t.INNER)
    t.in_block(tensors, 1, block, without="ffn_")
    ends = {"tokenizer.ggml.eos_token_ids": [270, 271, 272]}
    more = _KEYS | {
        "leading_dense_block_count": 1,
        "expert_shared_count": 1,
        "expert_gating_func": 2,
        "attention.q_lora_rank": 24,
        "attention.kv_lora_rank": rank,
        "rope.dimension_count": rope,
    }
    published = more | {
        "attention.head_count_kv": 2,
        "attention.key_length": head,
        "attention.value_length": head,
    }
    stock = more | {
        "attention.head_count_kv": 1,
        "attention.key_length": rank + rope,
        "attention.value_length": rank,
        "attention.key_length_mla": head,
        "attention.value_length_mla": head,
        "expert_group_count": 1,
        "expert_group_used_count": 1,
    }
    ends_one_by_one = {"tokenizer.ggml.eot_token_id": 271, "tokenizer.ggml.eom_token_id": 272}
    return Family(
        Tiny(t.text_keys("glm4moelite", **published) | t.bpe_keys() | ends, tensors),
        Tiny(
            t.text_keys("deepseek2", **stock) | t.bpe_keys(pre="glm4") | ends | ends_one_by_one,
            tensors,
        ),
    )


def llama4() -> Family:
    w = Weights()
    tensors = t.text_tensors(w, blocks=4)
    for i in range(4):
        block = {"ffn_norm.weight": w.vector(t.WIDTH)}
        block |= t.experts(w, _COUNT, t.INNER, shared=t.INNER)
        t.in_block(tensors, i, block, without="ffn_")
    more = _KEYS | {
        "block_count": 4,
        "interleave_moe_layer_step": 1,
        "rope.dimension_count": t.HEAD,
    }
    keys = t.text_keys("llama4", **more)
    keys |= t.bpe_keys("<|image_start|>", "<|image_end|>", pre="llama4")
    tower: Tensors = {
        "v.position_embd.weight": w.matrix(t.VISION, 17),
        "v.class_embd": w.matrix(t.VISION),
        "v.patch_embd.weight": w.matrix(3 * t.PATCH**2, t.VISION),
        **{f"v.{x}_ln.{kind}": w.vector(t.VISION) for x in ("pre", "post") for kind in _KINDS},
        "mm.model.mlp.1.weight": w.matrix(4 * t.VISION, 40),
        "mm.model.mlp.2.weight": w.matrix(40, 40),
        "mm.model.fc.weight": w.matrix(40, t.WIDTH),
    } | t.vision_blocks(w, plain_block, 2)
    names = [
        ("v.position_embd.weight", "v.positional_embedding_vlm"),
        ("mm.model.mlp.", "v.vision_adapter.mlp.fc"),
        ("mm.model.fc", "mm.linear_1"),
        ("v.class_embd", "v.class_embedding"),
        ("v.post_ln", "v.layernorm_post"),
        ("v.pre_ln", "v.layernorm_pre"),
        ("v.patch_embd", "v.patch_embedding"),
        (".attn_out.", ".attn_output."),
        (".ln1.", ".attn_norm."),
        (".ln2.", ".ffn_norm."),
        (".ffn_up.", ".mlp.fc1."),
        (".ffn_down.", ".mlp.fc2."),
    ]
    vision = vision_keys("llama4", image_size=16, layer_norm_epsilon=1e-6, pixel_shuffle_ratio=0.5)
    source = keys | without(vision, "llama4.vision.attention.layer_norm_epsilon")
    clip = CLIP | {
        "clip.vision.image_size": 16,
        "clip.vision.attention.layer_norm_epsilon": 1e-6,
        "clip.vision.projector.scale_factor": 2,
        "clip.vision.image_mean": [0.5, 0.5, 0.5],
        "clip.vision.image_std": [0.5, 0.5, 0.5],
        "clip.use_gelu": True,
        "clip.projector_type": "llama4",
        "clip.vision.projector_type": "llama4",
    }
    return Family(
        Tiny(source, tensors | t.renamed(tower, names)),
        Tiny(keys, tensors),
        Tiny(clip, widened(tower, "v.class_embd", "v.position_embd.weight")),
        image_tokens=40,  # nine tiles and the whole, four each
        refusal="wrong number of tensors",
    )


_KINDS = ("weight", "bias")
