"""Which files are recognised, by what, and what the less common of them become."""

from __future__ import annotations

from pathlib import Path

import pytest

from ollama_server.chat.template.jinja.environment import JinjaTemplate
from ollama_server.errors import TemplateError
from ollama_server.store.dialects.draft import Draft
from ollama_server.store.dialects.recognize import find_dialect, text_draft
from ollama_server.store.gguf import read_gguf
from tests.unit.store.dialects.families import tiny_family
from tests.unit.store.dialects.tiny import Tiny, encoded

START, USER, SAID = "<start_of_turn>", {"role": "user", "content": " ab "}, "<end_of_turn>\n"


def translated(tiny: Tiny, path: Path) -> Draft | None:
    return text_draft(read_gguf(tiny.write(path / "source.gguf")))


def test_dense_layers_count_for_more_than_gemma3s_keys(tmp_path: Path) -> None:
    source = tiny_family("embeddinggemma").source
    keys = source.keys | {"gemma3.rope.global.freq_base": 1e6}
    found = find_dialect(read_gguf(Tiny(keys, source.tensors).write(tmp_path / "source.gguf")))
    assert found is not None
    assert found.name == "embeddinggemma"


def template(tmp_path: Path) -> JinjaTemplate:
    made = translated(tiny_family("gemma3").source, tmp_path)
    assert made is not None
    return JinjaTemplate(made.keys["tokenizer.chat_template"][12:].decode())


def test_a_translated_gemma3_has_a_template(tmp_path: Path) -> None:
    messages = [USER, {"role": "assistant", "content": "b"}, USER]
    values = {"messages": messages, "bos_token": "<bos>", "add_generation_prompt": True}
    assert template(tmp_path).render(values) == (
        f"<bos>{START}user\nab{SAID}{START}model\nb{SAID}{START}user\nab{SAID}{START}model\n"
    )


@pytest.mark.parametrize("messages", [[{"role": "system", "content": "a"}, USER], [USER, USER]])
def test_that_template_refuses_what_gemma3_was_not_trained_on(
    messages: list[dict[str, str]], tmp_path: Path
) -> None:
    with pytest.raises(TemplateError):
        template(tmp_path).render({"messages": messages, "bos_token": "<bos>"})


def llama3(tmp_path: Path, tokens: dict[int, str], more: dict[str, str]) -> Draft | None:
    keys = tiny_family("llama3").source.keys
    texts = list(keys["tokenizer.ggml.tokens"])
    for number, text in tokens.items():
        texts[number] = text
    return translated(Tiny(keys | {"tokenizer.ggml.tokens": texts} | more), tmp_path)


def test_llama3s_end_is_repaired_where_its_splitting_is_known(tmp_path: Path) -> None:
    draft = llama3(tmp_path, {}, {"tokenizer.ggml.pre": "smaug-bpe"})
    assert draft is not None
    assert draft.keys["tokenizer.ggml.pre"] == encoded("", "smaug-bpe")
    assert draft.keys["tokenizer.ggml.eos_token_id"] == encoded("", 128009)


@pytest.mark.parametrize("token", [128006, 128009], ids=["no sign of turns", "another end"])
def test_what_only_resembles_llama3_stays(token: int, tmp_path: Path) -> None:
    assert llama3(tmp_path, {token: "<|other|>"}, {}) is None


def test_a_template_with_turns_is_a_sign_of_llama3(tmp_path: Path) -> None:
    more = {"tokenizer.chat_template": "{{ '<|eot_id|>' }}"}
    assert llama3(tmp_path, {128006: "<|other|>"}, more) is not None


@pytest.mark.parametrize(
    ("heads", "found"), [([0, 0, 0, 4], 4), ([0, 0, 0, 0], 2)], ids=["some", "none"]
)
def test_qwen35s_heads_become_one_number(heads: list[int], found: int, tmp_path: Path) -> None:
    source = tiny_family("qwen35").source
    keys = source.keys | {"qwen35.attention.head_count_kv": heads}
    draft = translated(Tiny(keys, source.tensors), tmp_path)
    assert draft is not None
    assert draft.keys["qwen35.attention.head_count_kv"] == encoded("", found)


def test_qwen35s_sections_may_have_another_name(tmp_path: Path) -> None:
    source = tiny_family("qwen35").source
    keys = source.keys | {"qwen35.rope.mrope_section": [3, 2, 1]}
    del keys["qwen35.rope.dimension_sections"]
    draft = translated(Tiny(keys, source.tensors), tmp_path)
    assert draft is not None
    assert draft.keys["qwen35.rope.dimension_sections"] == encoded("", [3, 2, 1, 0])


def test_a_mistral3_with_an_odd_scaling_has_none(tmp_path: Path) -> None:
    source = tiny_family("mistral3").source
    keys = source.keys | {"mistral3.rope.scaling.type": "llama3"}
    draft = translated(Tiny(keys, source.tensors), tmp_path)
    assert draft is not None
    assert "mistral3.rope.scaling.type" not in draft.keys
