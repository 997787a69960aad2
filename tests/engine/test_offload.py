"""Layers on a GPU, where llama.cpp has been built for one and finds one."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import llama_cpp.llama_cpp as lib
import pytest

from ollama_server.engine import backends
from ollama_server.engine import protocol as p

from .conftest import TINY
from .runner import Runner

PROMPT = (
    "<|im_start|>user\nWhat is Docker?<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n"
)


def can_offload() -> bool:
    backends.start()
    return bool(lib.llama_supports_gpu_offload())


pytestmark = pytest.mark.skipif(
    not can_offload(), reason="this llama.cpp is built for the CPU alone, or finds no GPU"
)


@contextlib.contextmanager
def on_gpu(layers: int) -> Iterator[Runner]:
    runner = Runner(p.Load(str(TINY), num_ctx=512, num_gpu=layers, layers=7))
    yield runner
    assert runner.close() == 0


def test_all_layers_are_offloaded_and_say_the_same() -> None:
    with on_gpu(0) as runner:
        expected = runner.generate(PROMPT, max_tokens=24).text
    with on_gpu(-1) as runner:
        assert runner.info.num_gpu == 7
        assert runner.info.size_vram > TINY.stat().st_size / 2
        assert runner.generate(PROMPT, max_tokens=24).text == expected


def test_as_many_layers_are_offloaded_as_asked_for() -> None:
    with on_gpu(2) as runner:
        assert runner.info.num_gpu == 2
        assert 0 < runner.info.size_vram < runner.info.size


def test_without_layers_nothing_is_left_to_the_gpu() -> None:
    with on_gpu(0) as runner:
        assert (runner.info.num_gpu, runner.info.size_vram) == (0, 0)
