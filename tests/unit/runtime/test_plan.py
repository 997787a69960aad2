from __future__ import annotations

from typing import Any

import pytest

from ollama_server.engine.protocol import ModelInfo
from ollama_server.runtime.plan import LoadOptions, needs_reload

AUTO = 4096


def info(**values: Any) -> ModelInfo:
    facts: dict[str, Any] = dict.fromkeys(ModelInfo.__struct_fields__, 0)
    return ModelInfo(**{**facts, "num_ctx": AUTO, "num_batch": 512, **values})


def reloads(old: LoadOptions, new: LoadOptions, **values: Any) -> bool:
    return needs_reload(old, info(**values), new, AUTO)


def test_equal_options_share_a_load() -> None:
    assert not reloads(LoadOptions(), LoadOptions())
    assert not reloads(LoadOptions(num_ctx=100), LoadOptions(num_ctx=100), num_ctx=100)


def test_another_context_is_another_load() -> None:
    assert reloads(LoadOptions(), LoadOptions(num_ctx=100))
    assert reloads(LoadOptions(num_ctx=100), LoadOptions(), num_ctx=100)


def test_asking_for_the_context_that_is_there_is_no_reload() -> None:
    assert not reloads(LoadOptions(), LoadOptions(num_ctx=AUTO))
    assert not reloads(LoadOptions(num_ctx=AUTO), LoadOptions())


def test_an_automatic_context_that_was_reduced_still_serves_automatic_requests() -> None:
    assert not needs_reload(LoadOptions(), info(num_ctx=2048), LoadOptions(), AUTO)


@pytest.mark.parametrize(
    "new",
    [
        LoadOptions(num_batch=64),
        LoadOptions(num_gpu=0),
        LoadOptions(main_gpu=1),
        LoadOptions(use_mmap=False),
        LoadOptions(num_thread=1),
    ],
)
def test_other_load_options_are_another_load(new: LoadOptions) -> None:
    assert reloads(LoadOptions(), new)


def test_an_automatic_number_of_layers_fits_any_load() -> None:
    assert not reloads(LoadOptions(num_gpu=7), LoadOptions(num_gpu=-1))
