"""A published file becomes what stock llama.cpp reads, to the byte; stock files stay themselves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ollama_server.store.dialects.assemble import write_draft
from ollama_server.store.dialects.cache import Cache
from ollama_server.store.dialects.draft import Draft
from ollama_server.store.dialects.prepare import Translation, translated
from ollama_server.store.dialects.recognize import TEXT, projector_draft, text_draft
from ollama_server.store.gguf import GGUF, raw_values, read_gguf
from tests.unit.store.dialects.families import FAMILIES, SCALAR, tiny_family
from tests.unit.store.dialects.tiny import Tiny, encoded
from tests.unit.store.dialects.towers import Family
from tests.unit.store.dialects.variants import VARIANTS

TensorData = dict[str, tuple[tuple[int, ...], int, bytes]]


@pytest.fixture(params=FAMILIES | VARIANTS)
def family(request: pytest.FixtureRequest) -> Family:
    return tiny_family(request.param)


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


def made(source: Path, plan: Callable[[GGUF], Draft | None]) -> Path | None:
    """The translation's file."""
    draft = plan(read_gguf(source))
    if draft is None:
        return None
    target = source.with_name("made.gguf")
    target.touch()
    write_draft(draft, target)
    return target


def test_text_becomes_the_stock_file(family: Family, tmp_path: Path) -> None:
    source = family.source.write(tmp_path / "source.gguf")
    found = made(source, text_draft)
    assert found is not None
    assert_same(found, family.text, tmp_path / "stock.gguf")


def test_tower_becomes_the_stock_projector(family: Family, tmp_path: Path) -> None:
    source = family.source.write(tmp_path / "source.gguf")
    found = made(source, projector_draft)
    if family.projector is None:
        assert found is None
    else:
        assert found is not None
        assert_same(found, family.projector, tmp_path / "stock.gguf")


def test_stock_files_need_no_translation(family: Family, tmp_path: Path) -> None:
    text = family.text.write(tmp_path / "stock.gguf")
    assert text_draft(read_gguf(text)) is None
    if family.projector is not None:
        projector = family.projector.write(tmp_path / "projector.gguf")
        assert text_draft(read_gguf(projector)) is None
        assert projector_draft(read_gguf(projector)) is None


def test_a_translation_needs_no_translation(family: Family, tmp_path: Path) -> None:
    source = family.source.write(tmp_path / "source.gguf")
    found = made(source, text_draft)
    assert found is not None
    assert text_draft(read_gguf(found)) is None
    assert projector_draft(read_gguf(found)) is None


def test_the_source_stays_as_it_is(family: Family, tmp_path: Path) -> None:
    source = family.source.write(tmp_path / "source.gguf")
    before = source.read_bytes()
    source.chmod(0o444)
    made(source, text_draft)
    made(source, projector_draft)
    assert source.read_bytes() == before


@pytest.mark.parametrize("name", SCALAR)
def test_single_keys_need_no_file(name: str, tmp_path: Path) -> None:
    family = tiny_family(name)
    source = family.source.write(tmp_path / "source.gguf")
    found = translated(source, TEXT, Cache(tmp_path / "store"))
    stock = family.text.keys
    assert found.path is None
    assert found.overrides
    assert {key: encoded(key, value) for key, value in found.overrides.items()} == {
        key: encoded(key, stock.get(key, found.overrides[key])) for key in found.overrides
    }


def test_what_stays_itself_is_looked_into_once(tmp_path: Path) -> None:
    """A file that is recognised, although nothing has to change."""
    stock = tiny_family("mistral3").text
    keys = stock.keys | {"mistral3.rope.scaling.beta_fast": 32.0}
    source = Tiny(keys, stock.tensors).write(tmp_path / "source.gguf")
    cache = Cache(tmp_path / "store")
    assert translated(source, TEXT, cache) == Translation()
    assert [(entry.size, entry.problem) for entry in cache.entries()] == [(0, "")]
