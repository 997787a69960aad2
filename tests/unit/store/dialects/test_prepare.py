"""From an installed model to what a runner loads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ollama_server.errors import LoadError
from ollama_server.store.dialects.prepare import Files, prepare
from ollama_server.store.manifest import (
    MEDIA_ADAPTER,
    MEDIA_CONFIG,
    MEDIA_MODEL,
    MEDIA_PROJECTOR,
    Layer,
    Manifest,
)
from ollama_server.store.model import Model, load_model
from ollama_server.store.names import Name
from ollama_server.store.store import Store
from tests.unit.store.dialects import seeing
from tests.unit.store.dialects import tiny as t
from tests.unit.store.dialects.families import tiny_family
from tests.unit.store.dialects.tiny import Tiny

Install = Callable[..., Model]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


@pytest.fixture
def install(store: Store) -> Install:
    """Installs files as the layers of a model."""

    def installed(
        weights: Tiny, projector: Tiny | None = None, adapter: Tiny | None = None
    ) -> Model:
        config = store.blobs.put(b'{"model_format":"gguf"}')
        layers = []
        for media, file in (
            (MEDIA_MODEL, weights),
            (MEDIA_PROJECTOR, projector),
            (MEDIA_ADAPTER, adapter),
        ):
            if file is not None:
                blob = store.blobs.put(file.encode())
                layers.append(Layer(media, blob.digest, blob.size))
        name = Name.parse("m")
        layer = Layer(MEDIA_CONFIG, config.digest, config.size)
        store.write_manifest(name, Manifest(config=layer, layers=tuple(layers)))
        return load_model(store, store.resolve(name))

    return installed


def test_a_stock_model_is_loaded_from_where_it_lies(install: Install, store: Store) -> None:
    family = tiny_family("gemma3")
    model = install(family.text, family.projector)
    assert model.model_path is not None
    assert prepare(model, store.derived) == Files(model.model_path, model.projectors)
    assert not store.derived.folder.exists()


def test_a_published_model_has_its_projector_beside_it(install: Install, store: Store) -> None:
    model = install(tiny_family("gemma3").source)
    files = prepare(model, store.derived)
    assert {files.model, *files.projectors} == set(store.derived.folder.glob("*.gguf"))
    assert len(files.projectors) == 1


def test_a_projector_layer_comes_before_the_tower_in_the_file(
    install: Install, store: Store
) -> None:
    family = tiny_family("gemma3")
    model = install(family.source, family.projector)
    files = prepare(model, store.derived)
    assert files.projectors == model.projectors
    assert files.model != model.model_path


def test_nothing_is_translated_where_that_is_switched_off(install: Install, store: Store) -> None:
    model = install(tiny_family("gemma3").source)
    assert model.model_path is not None
    assert prepare(model, store.derived, translate=False) == Files(model.model_path)


def test_single_keys_and_ends_go_with_the_file(install: Install, store: Store) -> None:
    model = install(tiny_family("llama3").source)
    for _ in range(2):  # made, and found again
        files = prepare(model, store.derived)
        assert files.model == model.model_path
        assert files.end_tokens == (128009,)
        assert files.overrides == {
            "tokenizer.ggml.pre": "llama-bpe",
            "tokenizer.ggml.eos_token_id": 128009,
            "tokenizer.ggml.eot_token_id": 128009,
        }


@pytest.mark.parametrize(
    ("name", "ends"), [("gemma3n", (1, 106)), ("glm4moelite", (270, 271, 272)), ("gptoss", ())]
)
def test_ends_that_a_translation_lists_are_found(
    name: str, ends: tuple[int, ...], install: Install, store: Store
) -> None:
    model = install(tiny_family(name).source)
    for _ in range(2):  # made, and found again
        assert prepare(model, store.derived).end_tokens == ends


def test_ends_that_a_stock_file_lists_are_found(install: Install, store: Store) -> None:
    stock = tiny_family("olmo3").text
    ends = {"tokenizer.ggml.eos_token_ids": [3, -1, 5]}
    model = install(Tiny(stock.keys | ends, stock.tensors))
    assert prepare(model, store.derived).end_tokens == (3, 5)


def test_an_old_projector_and_an_adapter_are_translated_too(install: Install, store: Store) -> None:
    llava = seeing.llava()
    keys = {"general.architecture": "gptoss", "general.type": "adapter", "adapter.type": "lora"}
    adapter = Tiny(keys, {"blk.0.attn_out.weight.lora_a": t.Weights().matrix(t.WIDTH, 4)})
    model = install(llava.text, llava.source, adapter)
    files = prepare(model, store.derived)
    assert files.model == model.model_path
    assert {*files.projectors, *files.adapters} == set(store.derived.folder.glob("*.gguf"))


def test_what_must_not_load_leaves_nothing(install: Install, store: Store) -> None:
    family = tiny_family("qwen35moe").source
    model = install(Tiny(family.keys | {"qwen35moe.expert_used_count": 9}, family.tensors))
    assert model.model_path is not None
    with pytest.raises(LoadError, match=f"{model.model_path.name}.*expert_used_count is 9"):
        prepare(model, store.derived)
    assert store.derived.entries() == []
    assert store.derived.leftovers() == []


def test_a_server_tidies_up_at_its_start_even_without_pruning(
    install: Install, store: Store
) -> None:
    prepare(install(tiny_family("gemma3").source), store.derived)
    entries = store.derived.entries()
    (store.derived.folder / f".tmp-{entries[0].path.stem}-x").write_bytes(b"half")
    store.start(prune=False)
    assert store.derived.leftovers() == []
    assert store.derived.entries() == entries
