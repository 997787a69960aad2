"""Killed in the middle, out of space in the middle: nothing is used, and the next load works."""

from __future__ import annotations

import multiprocessing
import os
import random
import resource
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from ollama_server.errors import StoreError
from ollama_server.store.dialects.assemble import write_draft
from ollama_server.store.dialects.cache import Cache, Made
from ollama_server.store.dialects.draft import Array, Part
from ollama_server.store.dialects.prepare import translated
from ollama_server.store.dialects.recognize import OWN_PROJECTOR, TEXT, text_draft
from ollama_server.store.ggml import F32
from ollama_server.store.gguf import read_gguf
from tests.unit.store.dialects.families import tiny_family
from tests.unit.store.dialects.tiny import Tiny

MEGABYTE = 1 << 20
KILLS = 4
_fork = multiprocessing.get_context("fork")


def published(path: Path, megabytes: int = 0) -> Path:
    """A file to be translated, with so much data that it takes a moment."""
    tiny = tiny_family("gemma3").source
    data = np.arange(megabytes * MEGABYTE // 4, dtype=np.float32).reshape(-1, 256)
    more = {"blk.0.more.weight": data} if megabytes else {}
    return Tiny(tiny.keys, tiny.tensors | more).write(path)


def files_of(cache: Cache) -> list[str]:
    """What is in the cache, but for locks."""
    if not cache.folder.is_dir():
        return []
    return sorted(path.name for path in cache.folder.iterdir() if path.suffix != ".lock")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of a few megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "none", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small disk is not permitted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_too_small_a_disk_is_noticed_before_anything_is_written(
    small_disk: Path, tmp_path: Path
) -> None:
    source, cache = published(tmp_path / "source.gguf", 8), Cache(small_disk)
    with pytest.raises(StoreError, match=r"not enough disk space to prepare source\.gguf"):
        translated(source, TEXT, cache)
    assert files_of(cache) == []
    assert translated(source, OWN_PROJECTOR, cache).path is not None


def test_a_disk_that_fills_up_meanwhile_is_left_as_it_was(small_disk: Path, tmp_path: Path) -> None:
    source, cache = published(tmp_path / "source.gguf", 2), Cache(small_disk)
    draft, other = text_draft(read_gguf(source)), small_disk / "other"
    assert draft is not None

    def last() -> Array:
        # Somebody else takes the space once it has been found to be there.
        fill(other)
        return np.zeros(MEGABYTE // 4, np.float32)

    draft.parts["blk.0.last.weight"] = Part((MEGABYTE // 4,), F32, make=last)

    def make(target: Path) -> Made:
        return Made(write_draft(draft, target))

    with pytest.raises(StoreError, match="no space left on device"):
        cache.get(source, "text", make)
    assert files_of(cache) == []
    other.unlink()
    assert translated(source, TEXT, cache).path is not None


def fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            return


def _translate_within(limit: int, source: Path, root: Path) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        translated(source, TEXT, Cache(root))
    except StoreError:
        os._exit(3)
    os._exit(0)


def test_a_file_that_must_not_grow_is_removed(tmp_path: Path) -> None:
    source, cache = published(tmp_path / "source.gguf", 2), Cache(tmp_path)
    process = _fork.Process(target=_translate_within, args=(MEGABYTE, source, tmp_path))
    process.start()
    process.join(60)
    assert process.exitcode == 3
    assert files_of(cache) == []
    assert translated(source, TEXT, cache).path is not None


def _translate(source: Path, root: Path) -> None:
    translated(source, TEXT, Cache(root))


def test_a_kill_leaves_nothing_that_is_used(tmp_path: Path) -> None:
    source, moments = published(tmp_path / "source.gguf", 32), random.Random(KILLS)
    whole = translated(source, TEXT, Cache(tmp_path / "whole")).path
    assert whole is not None
    for number in range(KILLS):
        root = tmp_path / f"{number}"
        cache = Cache(root)
        process = _fork.Process(target=_translate, args=(source, root))
        process.start()
        while process.is_alive() and not files_of(cache):
            threading.Event().wait(0.0005)
        threading.Event().wait(moments.uniform(0, 0.02))
        process.kill()
        process.join()

        assert [entry.problem for entry in cache.entries() if entry.problem] == []
        cache.clean()
        assert cache.leftovers() == []
        again = translated(source, TEXT, cache).path
        assert again is not None
        assert again.read_bytes() == whole.read_bytes()
        assert len(files_of(cache)) == 2


def _translate_until(limit: int, source: Path, root: Path) -> None:
    """Ends like a kill when the file has ``limit`` bytes."""
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    translated(source, TEXT, Cache(root))


def test_a_kill_in_the_middle_of_a_file_leaves_a_draft_that_is_removed(tmp_path: Path) -> None:
    source, cache = published(tmp_path / "source.gguf", 2), Cache(tmp_path)
    process = _fork.Process(target=_translate_until, args=(MEGABYTE, source, tmp_path))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGXFSZ
    assert cache.leftovers() != []
    assert cache.entries() == []
    cache.clean()
    assert cache.leftovers() == []
    assert translated(source, TEXT, cache).path is not None
