"""The model that comes with the program."""

from __future__ import annotations

from pathlib import Path

import pytest

from ollama_server.store import embedded
from ollama_server.store.embedded import embedded_folder, register_embedded
from ollama_server.store.fsck import check_store
from ollama_server.store.manifest import MEDIA_SYSTEM
from ollama_server.store.model import load_model
from ollama_server.store.names import parse
from ollama_server.store.store import Store
from tests.unit.store.gguf_files import gguf_file, tensor
from tests.unit.store.test_create import make


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A packaged model."""
    found = tmp_path / "packaged"
    gguf_file(found / "tiny.gguf", tensor("t", 4), architecture="llama")
    (found / "Modelfile").write_text("FROM ./tiny.gguf\nPARAMETER seed 7\nSYSTEM hello\n")
    return found


def test_it_is_installed_into_an_empty_store(store: Store, folder: Path) -> None:
    assert register_embedded(store, folder=folder) is not None
    model = load_model(store, store.resolve(parse("tiny")))
    assert (model.params, model.system) == ({"seed": 7}, "hello")
    assert check_store(store) == []


def test_it_is_installed_once(store: Store, folder: Path) -> None:
    register_embedded(store, folder=folder)
    assert register_embedded(store, folder=folder) is None


def test_who_deletes_it_does_not_get_it_back(store: Store, folder: Path) -> None:
    register_embedded(store, folder=folder)
    store.delete(parse("tiny"))
    assert register_embedded(store, folder=folder) is None
    assert store.list() == []


def test_new_weights_replace_the_old_ones(store: Store, folder: Path) -> None:
    old = register_embedded(store, folder=folder)
    gguf_file(folder / "tiny.gguf", tensor("t", 8, fill=1), architecture="llama")
    new = register_embedded(store, folder=folder)
    assert old is not None
    assert new is not None
    assert old.manifest.layers[0].digest != new.manifest.layers[0].digest
    assert check_store(store) == []


def test_somebody_elses_model_of_that_name_is_left_alone(store: Store, folder: Path) -> None:
    other = gguf_file(folder / "other.gguf", tensor("x", 4), architecture="llama")
    make(store, model="tiny", files={"m": store.blobs.copy(other).digest}, system="mine")
    assert register_embedded(store, folder=folder) is None
    entry = store.resolve(parse("tiny"))
    assert store.blobs.read(entry.manifest.of_type(MEDIA_SYSTEM)[0].digest) == b"mine"


def test_changing_the_file_later_does_not_change_the_blob(store: Store, folder: Path) -> None:
    register_embedded(store, folder=folder)
    with (folder / "tiny.gguf").open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"\x77")
    assert check_store(store) == []


def test_packaged_weights_take_no_second_space(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "_PACKAGED", folder)
    entry = register_embedded(store, folder=folder)
    assert entry is not None
    weights = store.blobs.path(entry.manifest.layers[0].digest)
    assert weights.samefile(folder / "tiny.gguf")


def test_nothing_happens_without_the_weights(store: Store, folder: Path) -> None:
    (folder / "tiny.gguf").unlink()
    assert register_embedded(store, folder=folder) is None


def test_the_program_finds_its_own_model() -> None:
    found = embedded_folder()
    assert found is not None
    assert (found / "Modelfile").is_file()
