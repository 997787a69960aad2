"""What can be converted and quantized is documented."""

from __future__ import annotations

from pathlib import Path

import pytest

from ollama_server.store.convert.adapter import CONVERTIBLE
from ollama_server.store.convert.architectures import ARCHITECTURES
from ollama_server.store.quantize import FILE_TYPES

DOCS = Path(__file__).parents[3].joinpath("docs/models.md").read_text()


@pytest.mark.parametrize("name", [*ARCHITECTURES, *FILE_TYPES])
def test_it_is_documented(name: str) -> None:
    assert f"`{name}`" in DOCS


@pytest.mark.parametrize("name", CONVERTIBLE)
def test_the_bases_of_adapters_are_documented(name: str) -> None:
    assert name in DOCS[DOCS.index("LoRA adapters are converted") :]
