"""Models that see only a window of the past: a prefix is reused only while its window is there."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest

from ollama_server.engine import protocol as p

from .conftest import TINY
from .rewriting import rewrite
from .runner import Answer, Runner

WINDOW = 48
VOCABULARY = ["alpha", "beta", "foo", "bar", "one", "two", "def", "class"]
WORDS = " ".join(random.Random(4).choices(VOCABULARY, k=40))


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The embedded model's weights as a gemma3, most of whose layers see a window."""

    def changed(name: str, value: Any) -> tuple[str, Any]:
        return name.replace("qwen3.", "gemma3."), value

    def added(writer: gguf.GGUFWriter) -> None:
        writer.add_uint32("gemma3.attention.sliding_window", WINDOW)
        for layer in range(6):
            for norm in ("post_attention_norm", "post_ffw_norm"):
                values = np.full(256, 0.5, dtype=np.float32)
                writer.add_tensor(f"blk.{layer}.{norm}.weight", values)

    target = tmp_path_factory.mktemp("narrow") / "narrow.gguf"
    return rewrite(TINY, target, "gemma3", changed=changed, added=added)


def ask(runner: Runner) -> Answer:
    sampling = p.Sampling(temperature=0, logit_bias=runner.no_end)
    prompt = WORDS + " q q q q q q q"
    return runner.generate(prompt, sampling=sampling, max_tokens=8, logprobs=True, top_logprobs=3)


@pytest.mark.parametrize("parallel", [1, 4])
def test_a_prefix_whose_window_a_shift_has_dropped_is_computed_again(
    narrow: Path, parallel: int
) -> None:
    load = p.Load(str(narrow), num_ctx=256, parallel=parallel, num_batch=128, num_thread=1)
    fresh, used = Runner(load), Runner(load)
    expected = ask(fresh)
    sampling = p.Sampling(temperature=0, logit_bias=used.no_end)
    long = used.generate(WORDS + " x", sampling=sampling, max_tokens=400, num_keep=-1)
    assert long.finished.eval_tokens == 400
    answer = ask(used)
    assert answer.text == expected.text
    first, other = (found.deltas[0].logprobs[0].top for found in (answer, expected))
    assert {entry.id for entry in first} == {entry.id for entry in other}
    for runner in (fresh, used):
        assert runner.close() == 0
