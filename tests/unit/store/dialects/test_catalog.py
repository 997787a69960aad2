"""Each dialect's rules, seen in what becomes of keys, names and shapes."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ollama_server.store import gguf_write as write
from ollama_server.store.dialects.draft import Draft
from ollama_server.store.dialects.recognize import (
    adapter_draft,
    projector_draft,
    separate_projector_draft,
    text_draft,
)
from ollama_server.store.gguf import read_gguf
from tests.unit.store.dialects import tiny as t
from tests.unit.store.dialects.tiny import Tensors, Tiny, Weights, encoded
from tests.unit.store.dialects.towers import merger_tower, published_merger, vision_keys


def zeros(*names_and_shapes: tuple[str, tuple[int, ...]]) -> Tensors:
    return {name: np.zeros(shape[::-1], np.float16) for name, shape in names_and_shapes}


def keys(architecture: str, **more: Any) -> dict[str, Any]:
    return {"general.architecture": architecture} | more


def text(path: Path, tiny: Tiny) -> Draft:
    draft = text_draft(read_gguf(tiny.write(path / "source.gguf")))
    assert draft is not None
    return draft


def projector(path: Path, tiny: Tiny) -> Draft:
    draft = projector_draft(read_gguf(tiny.write(path / "source.gguf")))
    assert draft is not None
    return draft


def assert_keys(draft: Draft, **wanted: Any) -> None:
    found = {key: draft.keys.get(key) for key in wanted}
    assert found == {key: encoded(key, value) for key, value in wanted.items()}


def test_qwen35(tmp_path: Path) -> None:
    tower = merger_tower(Weights(), 2)
    more = {
        "qwen35.attention.head_count_kv": [0, 0, 0, 1],
        "qwen35.rope.dimension_sections": [2, 1, 1],
        "qwen35.embedding_length": 32,
    }
    tensors = zeros(("blk.0.ssm_dt", (4,)), ("mtp.norm.weight", (4,)))
    source = Tiny(
        keys("qwen35", **more, **vision_keys("qwen35")), tensors | published_merger(tower)
    )
    made = text(tmp_path, source)
    assert list(made.parts) == ["blk.0.ssm_dt.bias"]
    assert_keys(
        made,
        **{
            "qwen35.attention.head_count_kv": 1,
            "qwen35.rope.dimension_sections": [2, 1, 1, 0],
        },
    )
    eyes = projector(tmp_path, source)
    assert set(eyes.parts) == set(tower)
    assert {n: p.shape for n, p in eyes.parts.items()} == {
        n: a.shape[::-1] for n, a in tower.items()
    }
    assert_keys(
        eyes,
        **{
            "clip.projector_type": "qwen3vl_merger",
            "clip.vision.feed_forward_length": t.VISION_INNER,
            "clip.vision.is_deepstack_layers": [False, False],
            "clip.vision.image_size": 768,
        },
    )


def test_gemma4(tmp_path: Path) -> None:
    limits = np.array([*range(1, 5), *[0] * 24, 5, 6, 7, 8], np.float32)
    tensors = zeros(
        ("blk.0.ffn_gate_inp.per_expert_scale", (4,)),
        ("v.patch_embd.weight", (4, 4, 3, 16)),
        ("v.blk.0.attn_q.weight", (16, 16)),
        ("a.pre_encode.out.weight", (64, 16)),
        ("mm.a.fc.weight", (16, 24)),
        ("a.blk.0.ln1.weight", (16,)),
        ("a.blk.0.ln2.weight", (16,)),
        ("a.blk.0.layer_pre_norm.weight", (16,)),
        ("a.blk.0.linear_pos.weight", (16, 16)),
    ) | {"v.clamp_data": limits}
    more = {"gemma4.embedding_length": 32, "gemma4.vision.block_count": 1}
    source = Tiny(keys("gemma4", **more, **{"tokenizer.ggml.model": "llama"}), tensors)
    made = text(tmp_path, source)
    assert list(made.parts) == ["blk.0.ffn_down_exps.scale"]
    assert_keys(made, **{"tokenizer.ggml.model": "gemma4"})
    senses = projector(tmp_path, source)
    assert {name for name in senses.parts if name.startswith("a.")} == {
        "a.input_projection.weight",
        "a.pre_encode.out.weight",
        "a.blk.0.attn_pre_norm.weight",
        "a.blk.0.attn_post_norm.weight",
        "a.blk.0.ln2.weight",
        "a.blk.0.attn_k_rel.weight",
    }
    made_of = senses.parts["v.blk.0.attn_q.output_min"].make
    assert made_of is not None
    assert made_of().tolist() == [3.0]
    assert "v.blk.0.attn_k.input_min" not in senses.parts
    assert "mm.input_projection.input_max" in senses.parts
    assert "clip.projector_type" not in senses.keys
    assert_keys(
        senses,
        **{
            "clip.vision.projector_type": "gemma4v",
            "clip.audio.projector_type": "gemma4a",
            "clip.has_audio_encoder": True,
        },
    )


def test_llama4(tmp_path: Path) -> None:
    tensors = zeros(
        ("token_embd.weight", (32, 4)),
        ("v.positional_embedding_vlm", (16, 17)),
        ("v.class_embedding", (16,)),
        ("v.vision_adapter.mlp.fc1.weight", (64, 40)),
        ("mm.linear_1.weight", (40, 32)),
        ("v.patch_embedding.weight", (48, 16)),
        ("v.blk.0.mlp.fc1.weight", (16, 48)),
        ("v.blk.0.attn_norm.weight", (16,)),
    )
    source = Tiny(keys("llama4", **{"llama4.vision.pixel_shuffle_ratio": 0.5}), tensors)
    assert list(text(tmp_path, source).parts) == ["token_embd.weight"]
    eyes = projector(tmp_path, source)
    assert set(eyes.parts) == {
        "v.position_embd.weight",
        "v.class_embd",
        "mm.model.mlp.1.weight",
        "mm.model.fc.weight",
        "v.patch_embd.weight",
        "v.blk.0.ffn_up.weight",
        "v.blk.0.ln1.weight",
    }
    assert_keys(eyes, **{"clip.vision.projector.scale_factor": 2})


def test_deepseek_ocr(tmp_path: Path) -> None:
    tensors = zeros(
        ("blk.1.ffn_down_exps.weight", (48, 32, 2)),
        ("blk.1.ffn_down_shexp.weight", (96, 32)),
        ("s.position_embd", (16, 8, 8)),
        ("s.blk.0.attn.rel_pos_h", (8, 27)),
        ("s.blk.0.norm1.weight", (16,)),
        ("v.pre_layrnorm.weight", (32,)),
        ("v.blk.0.self_attn.qkv_proj.weight", (32, 96)),
        ("mm.layers.weight", (64, 32)),
        ("mm.view_seperator", (32,)),
    )
    made = text(tmp_path, source := Tiny(keys("deepseekocr"), tensors))
    assert len(made.parts) == 2
    assert_keys(
        made,
        **{
            "general.architecture": "deepseek2-ocr",
            "deepseek2-ocr.expert_feed_forward_length": 48,
            "deepseek2-ocr.expert_shared_count": 2,
        },
    )
    assert set(projector(tmp_path, source).parts) == {
        "v.sam.pos_embd.weight",
        "v.sam.blk.0.attn.pos_h.weight",
        "v.sam.blk.0.pre_ln.weight",
        "v.pre_ln.weight",
        "v.blk.0.attn_qkv.weight",
        "mm.model.fc.weight",
        "v.view_seperator",
    }


def test_nemotron_omni(tmp_path: Path) -> None:
    tensors = zeros(
        ("blk.2.ffn_latent_in.weight", (32, 16)),
        ("mtp.x.weight", (4,)),
        ("a.x.weight", (4,)),
        ("mm.a.x.weight", (4,)),
        ("v.cls_embd", (16, 3)),
        ("v.position_embd", (16, 64)),
        ("v.patch_embd.weight", (48, 16)),
        ("mm.norm.weight", (64,)),
        ("mm.2.weight", (40, 32)),
    )
    more = {"expert_count": 2, "vision.embedding_length": 16}
    more |= {"vision.image_size": 16, "vision.patch_size": 4}
    source = Tiny(
        keys("nemotron_h_omni", **{f"nemotron_h_omni.{k}": v for k, v in more.items()}), tensors
    )
    made = text(tmp_path, source)
    assert list(made.parts) == ["blk.2.ffn_latent_down.weight"]
    assert_keys(made, **{"nemotron_h_moe.moe_latent_size": 16, "nemotron_h_moe.expert_count": 2})
    eyes = projector(tmp_path, source)
    assert {name: part.shape for name, part in eyes.parts.items()} == {
        "v.class_embd": (16, 3),
        "v.position_embd.weight": (16, 16),
        "v.patch_embd.weight": (4, 4, 3, 16),
        "mm.model.mlp.0.weight": (64,),
        "mm.model.mlp.3.weight": (40, 32),
    }
    assert_keys(eyes, **{"clip.has_audio_encoder": False})


def test_glm_ocr(tmp_path: Path) -> None:
    tensors = zeros(
        ("blk.0.attn_out.weight", (32, 32)),
        ("blk.0.ffn_gate.weight", (32, 48)),
        ("blk.0.ffn_up.weight", (32, 48)),
        ("v.patch_embd_1.weight", (4, 4, 3, 16)),
    )
    more = {"glmocr.rope.mrope_section": [2, 3, 3], "glmocr.attention.key_length": 16}
    made = text(tmp_path, source := Tiny(keys("glmocr", **more), tensors))
    assert {n: p.shape for n, p in made.parts.items()} == {
        "blk.0.attn_output.weight": (32, 32),
        "blk.0.ffn_up.weight": (32, 96),
    }
    header = read_gguf(tmp_path / "source.gguf")
    gate = header.tensor("blk.0.ffn_gate.weight")
    assert gate is not None
    first = made.parts["blk.0.ffn_up.weight"].spans[0]
    assert first.offset == header.data_offset + gate.offset
    assert_keys(
        made, **{"glm4.rope.dimension_sections": [2, 3, 3, 0], "glm4.rope.dimension_count": 16}
    )
    assert "v.patch_embd.weight.1" in projector(tmp_path, source).parts


def test_glm4_moe_lite(tmp_path: Path) -> None:
    more = {
        "attention.head_count_kv": 2,
        "attention.key_length": 48,
        "attention.kv_lora_rank": 32,
        "rope.dimension_count": 16,
    }
    ends = {"tokenizer.ggml.eos_token_ids": [1, 2, 3]}
    source = keys("glm4moelite", **{f"glm4moelite.{k}": v for k, v in more.items()}, **ends)
    wanted = {
        "attention.head_count_kv": 1,
        "attention.key_length": 48,
        "attention.value_length": 32,
        "attention.key_length_mla": 48,
        "expert_group_count": 1,
    }
    assert_keys(
        text(tmp_path, Tiny(source)),
        **{f"deepseek2.{k}": v for k, v in wanted.items()},
        **{"tokenizer.ggml.eot_token_id": 2, "tokenizer.ggml.eom_token_id": 3},
    )


def test_gemma3n(tmp_path: Path) -> None:
    vocabulary = {
        "tokenizer.ggml.tokens": ["a", "<0x0A>", "<unused0>", "surplus"],
        "tokenizer.ggml.token_type": [1, 1, 4, 1],
        "tokenizer.ggml.model": "gpt2",
    }
    tensors = zeros(("token_embd.weight", (32, 4)), ("per_layer_token_embd.weight", (64, 3)))
    made = text(tmp_path, Tiny(keys("gemma3n", **vocabulary), tensors))
    assert made.parts["token_embd.weight"].shape == (32, 3)
    assert_keys(
        made,
        **{
            "tokenizer.ggml.tokens": ["a", "<0x0A>", "<unused0>"],
            "tokenizer.ggml.token_type": [1, 6, 1],
            "tokenizer.ggml.model": "llama",
            "tokenizer.ggml.eos_token_ids": [1, 106],
        },
    )


def test_small_dialects(tmp_path: Path) -> None:
    tensors = zeros(("output_norm.weight", (32,)), ("blk.0.ffn_gate.weight", (32, 64)))
    lfm2 = text(tmp_path, Tiny(keys("lfm2", **{"lfm2.feed_forward_length": 96}), tensors))
    assert "token_embd_norm.weight" in lfm2.parts
    assert_keys(lfm2, **{"lfm2.feed_forward_length": 64, "tokenizer.ggml.pre": "lfm2"})
    tensors = zeros(("blk.0.attn_g.weight", (32, 2)))
    laguna = text(tmp_path, Tiny(keys("laguna", **{"laguna.rope.swa.freq_base": 1e4}), tensors))
    assert list(laguna.parts) == ["blk.0.attn_gate.weight"]
    assert_keys(laguna, **{"laguna.rope.freq_base_swa": 1e4})
    next_ = keys("qwen3next", **{"qwen3next.attention.head_count_kv": [0, 2]})
    made = text(tmp_path, Tiny(next_, zeros(("blk.0.ssm_dt", (4,)))))
    assert_keys(made, **{"qwen3next.attention.head_count_kv": 2})


def llama3(**more: Any) -> Tiny:
    tokens = [f"t{i}" for i in range(128010)]
    tokens[128009], tokens[128006] = "<|eot_id|>", "<|start_header_id|>"
    return Tiny(keys("llama", **{"tokenizer.ggml.tokens": tokens, **more}))


def test_llama3_without_its_end_of_turn(tmp_path: Path) -> None:
    assert_keys(
        text(tmp_path, llama3(**{"tokenizer.ggml.eos_token_id": 128001})),
        **{
            "tokenizer.ggml.pre": "llama-bpe",
            "tokenizer.ggml.eos_token_id": 128009,
            "tokenizer.ggml.eot_token_id": 128009,
            "tokenizer.ggml.eos_token_ids": [128009],
        },
    )


def test_a_sound_llama3_stays(tmp_path: Path) -> None:
    sound = {"tokenizer.ggml.pre": "llama-bpe", "tokenizer.ggml.eos_token_id": 128009}
    path = llama3(**sound).write(tmp_path / "source.gguf")
    assert text_draft(read_gguf(path)) is None


def charsmap(value: list[str]) -> Tiny:
    name = "tokenizer.ggml.precompiled_charsmap"
    return Tiny(keys("bert", **{"tokenizer.ggml.model": "t5", name: value}))


def test_snowflake(tmp_path: Path) -> None:
    data = bytes(range(100))
    made = text(tmp_path, charsmap(list(base64.b64encode(data).decode())))
    assert made.keys["tokenizer.ggml.precompiled_charsmap"] == write.uint8s(data)


@pytest.mark.parametrize("value", [["ab", "c"], ["\u00e9", "a"], ["!", "!"]])
def test_a_charsmap_that_is_none_stays(tmp_path: Path, value: list[str]) -> None:
    assert text_draft(read_gguf(charsmap(value).write(tmp_path / "source.gguf"))) is None


def test_gptoss_with_fused_experts(tmp_path: Path) -> None:
    rows = np.arange(4 * 2 * 17, dtype=np.uint8).reshape(2, 4, 17)
    raw: dict[str, t.RawTensor] = {
        "blk.0.ffn_gate_up_exps.weight": (39, (32, 4, 2), rows.tobytes())
    }
    bias = {"blk.0.ffn_gate_up_exps.bias": np.arange(8, dtype=np.float32).reshape(2, 4)}
    made = text(tmp_path, Tiny(keys("gptoss"), bias, raw))
    gate, up = (made.parts[f"blk.0.ffn_{x}_exps.weight"] for x in ("gate", "up"))
    assert gate.shape == up.shape == (32, 2, 2)
    assert gate.make is not None
    assert up.make is not None
    assert (gate.make().reshape(2, 2, 17) == rows[:, 0::2]).all()
    assert (up.make().reshape(2, 2, 17) == rows[:, 1::2]).all()
    biases = made.parts["blk.0.ffn_up_exps.bias"].make
    assert biases is not None
    assert biases().tolist() == [[1, 3], [5, 7]]
    assert_keys(made, **{"gpt-oss.expert_feed_forward_length": 2})


def test_an_old_projector_is_told_its_type(tmp_path: Path) -> None:
    old = Tiny(keys("clip", **{"clip.has_vision_encoder": True}))
    draft = separate_projector_draft(read_gguf(old.write(tmp_path / "p.gguf")))
    assert draft is not None
    assert_keys(draft, **{"clip.projector_type": "mlp"})
    typed = Tiny(old.keys | {"clip.projector_type": "gemma3"})
    assert separate_projector_draft(read_gguf(typed.write(tmp_path / "q.gguf"))) is None


def test_half_precision_vectors_of_a_separate_projector_become_floats(tmp_path: Path) -> None:
    typed = keys("clip", **{"clip.has_vision_encoder": True, "clip.projector_type": "ldp"})
    tensors = zeros(("v.class_embd", (16,)), ("v.position_embd.weight", (16, 4)))
    draft = separate_projector_draft(read_gguf(Tiny(typed, tensors).write(tmp_path / "p.gguf")))
    assert draft is not None
    assert {name: part.type for name, part in draft.parts.items()} == {
        "v.class_embd": 0,
        "v.position_embd.weight": 1,
    }


def test_an_adapter_names_the_public_architecture(tmp_path: Path) -> None:
    adapter = Tiny(keys("gptoss", **{"general.type": "adapter"}))
    draft = adapter_draft(read_gguf(adapter.write(tmp_path / "a.gguf")))
    assert draft is not None
    assert_keys(draft, **{"general.architecture": "gpt-oss"})


@pytest.mark.parametrize("value", ["", "default"])
def test_a_rope_scaling_that_means_none_is_removed(tmp_path: Path, value: str) -> None:
    draft = text(tmp_path, Tiny(keys("qwen3", **{"qwen3.rope.scaling.type": value})))
    assert "qwen3.rope.scaling.type" not in draft.keys


def test_half_precision_norms_become_floats(tmp_path: Path) -> None:
    draft = text(tmp_path, Tiny(keys("qwen3"), zeros(("blk.0.attn_norm.weight", (32,)))))
    assert draft.parts["blk.0.attn_norm.weight"].type == 0
