"""What a load asks for reaches llama.cpp: its own words say so."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from ollama_server.engine import protocol as p
from ollama_server.engine.log import NativeLog
from ollama_server.engine.model import MOST_THREADS, Model, ModelError
from ollama_server.runtime.devices import has_huge_pages

from .conftest import TINY
from .runner import Runner


@contextmanager
def loaded(**options: Any) -> Iterator[Model]:
    model = Model(p.Load(str(TINY), num_ctx=512, **options), lambda _: None, NativeLog())
    yield model
    model.close()


def said(model: Model, pattern: str) -> str:
    match = re.search(pattern, model.log.text())
    assert match is not None, model.log.text()
    return match[1]


@pytest.mark.parametrize(("asked", "mode"), [(True, "mmap"), (False, "none")])
def test_use_mmap_decides_how_the_file_is_read(asked: bool, mode: str) -> None:
    with loaded(use_mmap=asked) as model:
        assert said(model, r"load_mode = (\w+)") == mode


@pytest.mark.skipif(not has_huge_pages(), reason="this system gives no huge pages to malloc")
def test_weights_that_are_read_lie_where_linux_gives_huge_pages() -> None:
    with contextlib.closing(Runner(p.Load(str(TINY), use_mmap=False))) as runner:
        ranges = [text for text in runner.mappings() if re.search(r"^VmFlags:.* hg\b", text, re.M)]
    sizes = [int(size) for text in ranges for size in re.findall(r"^Rss: +(\d+) kB", text, re.M)]
    assert sum(sizes) * 1024 > TINY.stat().st_size


@pytest.mark.parametrize("kind", ["f16", "q8_0", "q4_0"])
def test_the_kv_cache_has_the_type_that_was_asked_for(kind: str) -> None:
    with loaded(kv_cache_type=kind) as model:
        assert said(model, r"K \((\w+)\)") == kind
        assert said(model, r"V \((\w+)\)") == kind


def test_a_kv_cache_of_an_unknown_type_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(ModelError, match='unsupported KV cache type "q9": use one of bf16, f16'):
        Model(p.Load(str(TINY), kv_cache_type="q9"), lambda _: None, NativeLog())


@pytest.mark.parametrize(("asked", "state"), [(True, "enabled"), (False, "disabled")])
def test_flash_attention_is_switched(asked: bool, state: str) -> None:
    with loaded(flash_attention=asked) as model:
        assert said(model, r"flash_attn\s+= (\w+)") == state


def test_num_thread_is_how_many_threads_compute() -> None:
    with loaded(num_thread=1) as model:
        assert model.threads == 1


def test_no_more_threads_are_made_than_there_are_cores() -> None:
    with loaded(num_thread=2**31 - 1) as model:
        assert 1 <= model.threads <= MOST_THREADS


def test_num_batch_is_the_size_of_a_batch() -> None:
    with loaded(num_batch=64) as model:
        assert said(model, r"n_batch\s+= (\d+)") == "64"
        assert said(model, r"n_ubatch\s+= (\d+)") == "64"


@pytest.mark.parametrize("main_gpu", [0, 7])
def test_a_main_gpu_that_is_not_there_changes_nothing(main_gpu: int) -> None:
    process = Runner(p.Load(str(TINY), num_ctx=512, main_gpu=main_gpu))
    assert process.generate("Hi", max_tokens=2).finished.reason == "length"
    assert process.info.size_vram == 0
    assert process.close() == 0
