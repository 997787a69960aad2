from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ollama_server.runtime import memory
from ollama_server.runtime.plan import LoadOptions, Plan, make_plan, out_of_memory
from ollama_server.settings import Settings
from ollama_server.store.dialects.prepare import Files
from ollama_server.store.embedded import register_embedded
from ollama_server.store.model import Model, load_model
from ollama_server.store.names import Name
from ollama_server.store.store import Store
from tests.unit.store.dialects.tiny import Tiny, text_keys

GIB = 1 << 30


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """The embedded model in a store of its own."""
    store = Store(tmp_path_factory.mktemp("store"))
    register_embedded(store)
    return load_model(store, store.resolve(Name.parse("tiny")))


def settings(**values: object) -> Settings:
    return Settings(**values)  # type: ignore[arg-type]


def plan_for(
    model: Model,
    options: LoadOptions = LoadOptions(),
    *,
    gpu: bool = False,
    free: int = 64 * GIB,
    huge_pages: bool = False,
    **values: object,
) -> Plan:
    return make_plan(
        model, options, settings(**values), auto=8192, gpu=gpu, free=free, huge_pages=huge_pages
    )


def test_the_cache_of_a_token_is_keys_and_values_of_all_layers(model: Model) -> None:
    gguf = model.gguf
    assert gguf is not None
    size = gguf.get("attention.key_length") + gguf.get("attention.value_length")
    values = gguf.get("block_count") * gguf.get("attention.head_count_kv") * size
    assert memory.kv_bytes_per_token(model, "") == values * 2
    assert memory.kv_bytes_per_token(model, "q8_0") == values * 34 // 32


@pytest.mark.parametrize("heads", [["a", "b"], [math.inf, 1], "x", math.nan])
def test_a_file_that_says_nonsense_is_estimated_all_the_same(
    model: Model, heads: object, tmp_path: Path
) -> None:
    keys = text_keys("llama", **{"attention.head_count_kv": heads, "embedding_length": heads})
    odd = replace(model, model_path=Tiny(keys).write(tmp_path / "model.gguf"))
    assert memory.kv_bytes_per_token(odd, "") >= 0


def test_more_sequences_are_made_while_memory_is_plenty(model: Model) -> None:
    cache = memory.kv_bytes_per_token(model, "") * 4096
    fixed = memory.weight_bytes(model) + (256 << 20)

    def choose(caches: float) -> int:
        free = fixed + int(cache * caches / 0.8) + 1
        return memory.choose_parallel(model, num_ctx=4096, kv_type="", free=free)

    assert choose(160) == 16
    assert choose(40) == 8
    assert choose(4) == 4
    assert choose(3) == 2
    assert choose(0) == 1


def test_num_parallel_is_taken_as_it_is(model: Model) -> None:
    assert plan_for(model, num_parallel=3).parallel == 3
    assert plan_for(model, num_parallel=1000).parallel == 256


def test_a_batch_is_as_large_as_asked_for_up_to_what_computes_faster(model: Model) -> None:
    def batch(num_batch: int | None, num_ctx: int = 2048) -> int:
        return plan_for(model, LoadOptions(num_ctx=num_ctx, num_batch=num_batch)).num_batch

    assert batch(None) == 512
    assert batch(64) == 64
    assert batch(2**31 - 1) == 8192
    assert plan_for(model, LoadOptions(64, 2**31 - 1), num_parallel=2).num_batch == 128


def test_a_context_is_clamped_between_its_floor_and_the_trained_one(model: Model) -> None:
    assert LoadOptions(num_ctx=1).clamped(model).num_ctx == 4
    assert LoadOptions(num_ctx=10**6).clamped(model).num_ctx == model.context_length
    sees = replace(model, projectors=(Path("mmproj.gguf"),))
    assert LoadOptions(num_ctx=100).clamped(sees).num_ctx == 2048


def test_short_memory_takes_sequences_first_and_then_the_automatic_context(model: Model) -> None:
    plan: Plan | None = plan_for(model)
    seen = []
    while plan is not None:
        seen.append((plan.parallel, plan.num_ctx))
        plan = plan.smaller()
    assert seen == [(16, 8192), (8, 8192), (4, 8192), (2, 8192), (1, 8192), (1, 4096)]


def test_all_load_options_are_in_the_message_to_the_runner(model: Model, tmp_path: Path) -> None:
    assert model.model_path is not None
    options = LoadOptions(
        num_ctx=300, num_batch=64, num_gpu=3, main_gpu=1, use_mmap=False, num_thread=2
    )
    plan = plan_for(
        model, options, num_parallel=2, kv_cache_type="q8_0", flash_attention=True, models=tmp_path
    )
    load = plan.message(Files(model.model_path))
    assert (load.model, load.num_ctx, load.parallel) == (str(model.model_path), 300, 2)
    assert (load.num_batch, load.num_gpu, load.main_gpu) == (64, 3, 1)
    assert (load.use_mmap, load.num_thread) == (False, 2)
    assert (load.kv_cache_type, load.flash_attention) == ("q8_0", True)
    assert model.gguf is not None
    assert load.layers == model.gguf.get("block_count") + 1


def test_what_nobody_chose_is_left_to_llama_cpp(model: Model) -> None:
    assert model.model_path is not None
    load = plan_for(model).message(Files(model.model_path))
    assert (load.num_gpu, load.main_gpu, load.use_mmap, load.num_thread) == (-1, None, None, 0)
    assert (load.kv_cache_type, load.flash_attention) == ("f16", None)


def test_weights_are_read_into_huge_pages_where_memory_is_plenty(model: Model) -> None:
    def mapped(use_mmap: bool | None = None, **values: Any) -> bool | None:
        options = LoadOptions(use_mmap=use_mmap)
        return plan_for(model, options, num_parallel=1, **{"huge_pages": True, **values}).use_mmap

    needed = plan_for(model, num_parallel=1).needed_bytes
    assert mapped() is False
    assert mapped(free=needed * 5 // 3) is False
    assert mapped(free=needed * 5 // 4) is None
    assert mapped(huge_pages=False) is None
    assert mapped(gpu=True) is None
    assert mapped(True) is True


def test_what_was_asked_for_is_never_made_smaller(model: Model) -> None:
    assert plan_for(model, LoadOptions(num_ctx=8192), num_parallel=4).smaller() is None


def test_the_error_says_what_to_do(model: Model) -> None:
    text = str(out_of_memory(plan_for(model, LoadOptions(num_ctx=8192)), GIB))
    assert "requires more system memory" in text
    assert "lower num_ctx (now 8192)" in text
