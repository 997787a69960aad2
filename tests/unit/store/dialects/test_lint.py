"""What llama.cpp would abort at is an error that names the file, the key and what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ollama_server.errors import LoadError
from ollama_server.store.dialects import lint, lint_projector
from ollama_server.store.gguf import read_gguf
from tests.unit.store.dialects.families import FAMILIES, tiny_family
from tests.unit.store.dialects.tiny import Tiny, text_keys
from tests.unit.store.dialects.variants import VARIANTS


@pytest.mark.parametrize(
    ("architecture", "keys", "text"),
    [
        ("qwen3", {"qwen3.rope.scaling.type": "odd"}, 'rope.scaling.type is "odd"'),
        ("qwen3moe", {"qwen3moe.expert_count": 4, "qwen3moe.expert_used_count": 0}, "used_count"),
        ("qwen3moe", {"qwen3moe.expert_count": 2, "qwen3moe.expert_used_count": 4}, "2 experts"),
        (
            "deepseek2",
            {
                "deepseek2.expert_count": 4,
                "deepseek2.expert_used_count": 2,
                "deepseek2.expert_group_count": 4,
            },
            "expert_group_count is 4",
        ),
        ("deepseek2", {"deepseek2.attention.key_length_mla": 16}, "not less than the head size"),
        (
            "deepseek2-ocr",
            {"deepseek2-ocr.attention.head_count": 1},
            "heads of 16 do not make up the width of 32",
        ),
        ("qwen3", {"qwen3.block_count": 0}, "block_count is 0"),
        ("qwen3", {"qwen3.block_count": 513}, "more than llama.cpp's 512"),
        ("qwen2vl", {"qwen2vl.rope.dimension_sections": [16, 24, 24, 0]}, "add up to 64"),
        ("mistral3", {"mistral3.attention.temperature_scale": 0.1}, "original_context_length"),
        ("llama", {"tokenizer.ggml.tokens": ["a", "b", "a"]}, "'a' more than once"),
        ("mllama", {}, "no longer compatible"),
    ],
)
def test_what_aborts_is_refused(
    tmp_path: Path, architecture: str, keys: dict[str, Any], text: str
) -> None:
    path = Tiny(text_keys(architecture) | keys).write(tmp_path / "model.gguf")
    with pytest.raises(LoadError, match=r"model\.gguf") as caught:
        lint.check(read_gguf(path))
    assert text in str(caught.value)


@pytest.mark.parametrize("count", [0, [0, 0], "many"])
def test_attention_without_heads_is_refused(tmp_path: Path, count: object) -> None:
    tiny = tiny_family("olmo3").text
    keys = tiny.keys | {"olmo2.attention.head_count": count}
    path = Tiny(keys, tiny.tensors).write(tmp_path / "model.gguf")
    with pytest.raises(LoadError, match="head_count is missing"):
        lint.check(read_gguf(path))


def test_a_sound_file_passes(tmp_path: Path) -> None:
    keys = text_keys("llama") | {"tokenizer.ggml.tokens": ["a", "b"]}
    lint.check(read_gguf(Tiny(keys).write(tmp_path / "model.gguf")))


def projector(path: Path, name: str) -> Tiny:
    found = tiny_family(name).projector
    assert found is not None
    lint_projector.check(read_gguf(found.write(path / "sound.gguf")))
    return found


@pytest.mark.parametrize("name", [n for n in FAMILIES | VARIANTS if tiny_family(n).projector])
def test_sound_projectors_pass(name: str, tmp_path: Path) -> None:
    assert any(tensor.startswith(("v.", "a.")) for tensor in projector(tmp_path, name).tensors)


@pytest.mark.parametrize(
    ("name", "tensor", "text"),
    [
        ("gemma3", "v.position_embd.weight", "v.position_embd.weight is missing"),
        ("gemma3", "v.blk.0.ffn_up.bias", "v.blk.0.ffn_up.bias has 47 elements"),
        ("qwen3vl", "v.blk.1.attn_qkv.bias", "v.blk.1.attn_qkv.bias is missing"),
        ("qwen25vl", "v.blk.1.attn_k.bias", "v.blk.1.attn_k.bias is missing"),
        ("gemma3", "v.blk.0.attn_k.weight", "v.blk.0.attn_k.weight is missing"),
        ("mistral3", "v.blk.0.ln1.weight", "v.blk.0.ln1.weight has 15 elements"),
        ("qwen3vl", "mm.2.weight", "mm.0.weight and mm.2.weight do not fit"),
        ("llama4", "v.blk.1.attn_q.weight", "v.blk.1.attn_q.weight"),
        ("deepseekocr", "v.sam.blk.0.attn.pos_w.weight", "v.sam.blk.0.attn.pos_w.weight"),
        ("deepseekocr", "v.sam.blk.2.mlp.lin2.weight", "v.sam.blk.2.mlp.lin2.weight"),
        ("deepseekocr", "v.sam.neck.2.weight", "v.sam.neck.2.weight is missing"),
        ("gemma4", "a.blk.0.attn_pre_norm.weight", "a.blk.0.attn_pre_norm.weight has 15"),
        ("gemma4", "a.blk.0.conv_pw1.weight", "a.blk.0.conv_pw1.weight"),
        ("gemma4", "a.blk.0.ffn_up_1.weight", "a.blk.0.ffn_up_1.weight"),
        ("mistral3", "mm.patch_merger.weight", "mm.patch_merger.weight and mm.1.weight do not"),
        ("mistral3", "mm.1.weight", "mm.1.weight and mm.2.weight do not"),
        ("gemma4", "a.blk.0.ffn_down.weight", "a.blk.0.ffn_down"),
    ],
)
def test_tensors_of_projectors_that_do_not_fit_are_refused(
    name: str, tensor: str, text: str, tmp_path: Path
) -> None:
    whole = projector(tmp_path, name)
    tensors = dict(whole.tensors)
    if "missing" in text:
        del tensors[tensor]
    elif text.startswith(f"{tensor} and "):
        tensors[tensor] = tensors[tensor][:-1]
    else:
        tensors[tensor] = tensors[tensor][..., :-1]
    path = Tiny(whole.keys, tensors).write(tmp_path / "projector.gguf")
    with pytest.raises(LoadError, match=r"projector\.gguf") as caught:
        lint_projector.check(read_gguf(path))
    assert text in str(caught.value)


@pytest.mark.parametrize("heads", [0, 7])
def test_heads_that_do_not_share_a_towers_width_are_refused(heads: int, tmp_path: Path) -> None:
    whole = projector(tmp_path, "glmocr")
    keys = whole.keys | {"clip.vision.attention.head_count": heads}
    path = Tiny(keys, whole.tensors).write(tmp_path / "projector.gguf")
    with pytest.raises(LoadError, match=f"head_count is {heads} for a width of 16"):
        lint_projector.check(read_gguf(path))


@pytest.mark.parametrize("value", ["", [1, 2, 3], [True], 1.5])
def test_keys_of_projectors_have_their_types(value: object, tmp_path: Path) -> None:
    whole = projector(tmp_path, "gemma3")
    keys = whole.keys | {"clip.vision.embedding_length": value}
    path = Tiny(keys, whole.tensors).write(tmp_path / "projector.gguf")
    with pytest.raises(LoadError, match="embedding_length is no number"):
        lint_projector.check_keys(read_gguf(path))
