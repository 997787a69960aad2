"""A published file becomes what stock llama.cpp reads, to the byte; stock files stay themselves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ollama_server.store.dialects.cache import Cache
from ollama_server.store.dialects.draft import Draft
from ollama_server.store.dialects.prepare import translated
from ollama_server.store.dialects.recognize import projector_draft, text_draft
from ollama_server.store.gguf import GGUF, raw_values, read_gguf
from tests.unit.store.dialects.families import FAMILIES
from tests.unit.store.dialects.tiny import Tiny, encoded
from tests.unit.store.dialects.towers import Family

TensorData = dict[str, tuple[tuple[int, ...], int, bytes]]


@pytest.fixture(params=FAMILIES)
def family(request: pytest.FixtureRequest) -> Family:
    made: Family = FAMILIES[request.param]()
    return made


def tensor_data(path: Path) -> TensorData:
    header = read_gguf(path)
    with path.open("rb") as file:
        found = {}
        for tensor in header.tensors:
            file.seek(header.data_offset + tensor.offset)
            found[tensor.name] = (tensor.shape, tensor.type, file.read(tensor.size))
    return found


def assert_same(found: Path, stock: Tiny, at: Path) -> None:
    wanted = tensor_data(stock.write(at))
    actual = tensor_data(found)
    assert set(actual) == set(wanted)
    assert [name for name in wanted if actual[name] != wanted[name]] == []
    keys = raw_values(read_gguf(found))
    wrong = {k: keys.get(k) for k, v in stock.keys.items() if keys.get(k) != encoded(k, v)}
    assert wrong == {}


def translate(source: Path, plan: Callable[[GGUF], Draft | None], store: Path) -> Path | None:
    return translated(source, "text", plan, Cache(store))


def test_text_becomes_the_stock_file(family: Family, tmp_path: Path) -> None:
    source = family.source.write(tmp_path / "source.gguf")
    made = translate(source, text_draft, tmp_path / "store")
    assert made is not None
    assert_same(made, family.text, tmp_path / "stock.gguf")


def test_tower_becomes_the_stock_projector(family: Family, tmp_path: Path) -> None:
    source = family.source.write(tmp_path / "source.gguf")
    made = translate(source, projector_draft, tmp_path / "store")
    if family.projector is None:
        assert made is None
    else:
        assert made is not None
        assert_same(made, family.projector, tmp_path / "stock.gguf")


def test_stock_files_need_no_translation(family: Family, tmp_path: Path) -> None:
    text = family.text.write(tmp_path / "stock.gguf")
    assert text_draft(read_gguf(text)) is None
    if family.projector is not None:
        projector = family.projector.write(tmp_path / "projector.gguf")
        assert text_draft(read_gguf(projector)) is None
        assert projector_draft(read_gguf(projector)) is None


def test_a_translation_needs_no_translation(family: Family, tmp_path: Path) -> None:
    source = family.source.write(tmp_path / "source.gguf")
    made = translate(source, text_draft, tmp_path / "store")
    assert made is not None
    assert text_draft(read_gguf(made)) is None
    assert projector_draft(read_gguf(made)) is None


def test_the_source_stays_as_it_is(family: Family, tmp_path: Path) -> None:
    source = family.source.write(tmp_path / "source.gguf")
    before = source.read_bytes()
    source.chmod(0o444)
    translate(source, text_draft, tmp_path / "store")
    assert source.read_bytes() == before
