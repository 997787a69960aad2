"""The cache of translations: made once, whole or not at all, and never larger than it may be."""

from __future__ import annotations

import json
import multiprocessing
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ollama_server.errors import StoreError
from ollama_server.store.dialects import cache as caches
from ollama_server.store.dialects.cache import Cache, Derived, Made
from ollama_server.store.fsck import check_store
from ollama_server.store.store import Store

DIGEST = "sha256-" + "0123456789abcdef" * 4


def blob(store: Path, name: str = DIGEST, text: bytes = b"weights") -> Path:
    path = store / "blobs" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text)
    return path


def fill(size: int = 10) -> Callable[[Path], Made]:
    def make(target: Path) -> Made:
        return Made(target.write_bytes(bytes(size)))

    return make


def never(_: Path) -> Made:
    raise AssertionError("the entry exists already")


def test_an_entry_is_made_once(tmp_path: Path) -> None:
    source, cache = blob(tmp_path), Cache(tmp_path)
    first = cache.get(source, "text", fill()).path
    assert cache.get(source, "text", never).path == first
    assert first.read_bytes() == bytes(10)


def test_what_needs_no_file_is_remembered_too(tmp_path: Path) -> None:
    source, cache = blob(tmp_path), Cache(tmp_path)
    facts = {"overrides": {"a.b": 1e-6, "c": "text", "d": True, "e": 7}}
    cache.get(source, "text", lambda _: Made(facts=facts))
    found: Derived = cache.get(source, "text", never)
    assert (found.size, found.facts) == (0, facts)
    assert not found.path.exists()
    assert cache.leftovers() == []


def test_roles_have_entries_of_their_own(tmp_path: Path) -> None:
    source, cache = blob(tmp_path), Cache(tmp_path)
    assert cache.get(source, "text", fill()).path != cache.get(source, "mmproj", fill()).path


def test_another_version_makes_another_entry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, cache = blob(tmp_path), Cache(tmp_path)
    old = cache.get(source, "text", fill()).path
    monkeypatch.setattr(caches, "VERSION", caches.VERSION + 1)
    assert cache.get(source, "text", fill()).path != old
    assert not old.exists()


def test_a_failure_leaves_nothing_behind(tmp_path: Path) -> None:
    source, cache = blob(tmp_path), Cache(tmp_path)

    def fail(target: Path) -> Made:
        target.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(StoreError, match="no space left"):
        cache.get(source, "text", fail)
    assert [path.suffix for path in cache.folder.iterdir()] == [".lock"]


def test_an_entry_of_the_wrong_size_is_made_again(tmp_path: Path) -> None:
    source, cache = blob(tmp_path), Cache(tmp_path)
    path = cache.get(source, "text", fill()).path
    path.write_bytes(b"cut off")
    assert cache.get(source, "text", fill()).path.read_bytes() == bytes(10)


def test_the_least_recently_used_entry_goes_first(tmp_path: Path) -> None:
    cache = Cache(tmp_path, limit=25)
    sources = [blob(tmp_path, f"sha256-{i:064x}") for i in range(3)]
    old, used = (cache.get(source, "text", fill()).path for source in sources[:2])
    os.utime(old.with_suffix(".json"), (2, 2))
    os.utime(used.with_suffix(".json"), (1, 1))
    cache.get(sources[1], "text", never)
    new = cache.get(sources[2], "text", fill()).path
    assert [path.exists() for path in (old, used, new)] == [False, True, True]


def test_a_limit_that_was_lowered_counts_from_the_start_of_the_server(tmp_path: Path) -> None:
    store = Store(tmp_path)
    old, new = (blob(tmp_path, f"sha256-{i:064x}") for i in range(2))
    paths = [store.derived.get(source, "text", fill()).path for source in (old, new)]
    os.utime(paths[0].with_suffix(".json"), (1, 1))
    store.start(prune=False, cache_limit=15)
    assert [path.exists() for path in paths] == [False, True]


def test_entries_of_loaded_models_stay(tmp_path: Path) -> None:
    cache = Cache(tmp_path, limit=15)
    first, second = (blob(tmp_path, f"sha256-{i:064x}") for i in range(2))
    loaded = cache.get(first, "text", fill()).path
    cache.get(second, "text", fill(), in_use=[first])
    assert loaded.exists()


def test_an_entry_goes_with_its_source(tmp_path: Path) -> None:
    source, cache = blob(tmp_path), Cache(tmp_path)
    path = cache.get(source, "text", fill()).path
    source.unlink()
    cache.evict()
    assert not path.exists()
    assert cache.entries() == []


def test_what_a_crash_left_goes_at_the_start(tmp_path: Path) -> None:
    source, cache = blob(tmp_path), Cache(tmp_path)
    path = cache.get(source, "text", fill()).path
    (cache.folder / f".tmp-{path.stem}-x").write_bytes(b"half")
    (cache.folder / ("a" * 40 + ".gguf")).write_bytes(b"without a description")
    assert len(cache.leftovers()) == 2
    cache.clean()
    assert cache.leftovers() == []
    assert path.exists()


def test_a_damaged_description_is_no_entry(tmp_path: Path) -> None:
    source, cache = blob(tmp_path), Cache(tmp_path)
    path = cache.get(source, "text", fill()).path
    path.with_suffix(".json").write_text(json.dumps([1]))
    assert cache.get(source, "text", fill(20)).path.read_bytes() == bytes(20)


def _get(store: Path, source: Path, log: Path) -> None:
    def make(target: Path) -> Made:
        with log.open("a") as file:
            file.write("made\n")
        return Made(target.write_bytes(bytes(1 << 20)))

    Cache(store).get(source, "text", make)


def test_two_processes_make_an_entry_once(tmp_path: Path) -> None:
    source, log = blob(tmp_path), tmp_path / "log"
    context = multiprocessing.get_context("fork")
    processes = [
        context.Process(target=_get, args=(tmp_path, source, log), daemon=True) for _ in range(3)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    assert log.read_text() == "made\n"


def test_fsck_knows_the_cache(tmp_path: Path) -> None:
    store = Store(tmp_path)
    source = blob(tmp_path)
    path = store.derived.get(source, "text", fill()).path
    (store.derived.folder / ".tmp-half").write_bytes(b"half")
    source.unlink()
    found = {finding.subject: finding.text for finding in check_store(store)}
    assert "is gone" in found[path.name]
    assert "leftover" in found[".tmp-half"]
