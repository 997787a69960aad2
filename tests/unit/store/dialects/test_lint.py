"""What llama.cpp would abort at is an error that names the file, the key and what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ollama_server.errors import LoadError
from ollama_server.store.dialects import lint
from ollama_server.store.gguf import read_gguf
from tests.unit.store.dialects.tiny import Tiny, text_keys


@pytest.mark.parametrize(
    ("architecture", "keys", "text"),
    [
        ("qwen3", {"qwen3.rope.scaling.type": "odd"}, 'rope.scaling.type is "odd"'),
        ("qwen3moe", {"qwen3moe.expert_count": 4, "qwen3moe.expert_used_count": 0}, "used_count"),
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


def test_a_sound_file_passes(tmp_path: Path) -> None:
    keys = text_keys("llama") | {"tokenizer.ggml.tokens": ["a", "b"]}
    lint.check(read_gguf(Tiny(keys).write(tmp_path / "model.gguf")))
