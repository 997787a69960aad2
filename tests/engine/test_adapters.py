"""LoRA adapters: applied at load, as strongly as their scale says, refused when they do not fit."""

from __future__ import annotations

import ctypes
from pathlib import Path

import gguf
import llama_cpp.llama_cpp as lib
import numpy as np
import pytest

from ollama_server.engine import protocol as p

from .conftest import TINY
from .rewriting import save
from .runner import GREEDY, Runner

RANK, ALPHA = 4, 8.0
PROMPT = "<|im_start|>user\nWhy is the sky blue?<|im_end|>\n<|im_start|>assistant\n"


def write_adapter(path: Path, *, rows: int, columns: int, architecture: str = "qwen3") -> Path:
    """A random LoRA of the first three blocks' query and output projections."""
    rng = np.random.default_rng(3)
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_string("general.type", "adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", ALPHA)
    for block in range(3):
        name = f"blk.{block}.attn_q.weight"
        writer.add_tensor(f"{name}.lora_a", rng.normal(0, 0.3, (RANK, columns)).astype(np.float32))
        writer.add_tensor(f"{name}.lora_b", rng.normal(0, 0.3, (rows, RANK)).astype(np.float32))
    save(writer)
    return path


@pytest.fixture(scope="module")
def adapter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_adapter(tmp_path_factory.mktemp("lora") / "a.gguf", rows=256, columns=256)


def likeliest(adapters: list[p.Adapter], count: int = 6) -> list[tuple[int, float]]:
    """The next token's candidates behind the prompt, with a runner that loads the adapters."""
    runner = Runner(p.Load(str(TINY), adapters=adapters, num_ctx=256, num_thread=1))
    assert isinstance(runner.answer, p.Ready), runner.answer
    request = p.Generate(
        runner.id(), [p.Text(PROMPT)], GREEDY, max_tokens=1, logprobs=True, top_logprobs=count
    )
    entry = runner.generate_all([request])[0].deltas[0].logprobs[0]
    runner.close()
    return [(candidate.id, candidate.logprob) for candidate in entry.top]


def reference(adapter: Path, scale: float) -> np.ndarray:
    """Log probabilities of the next token as llama.cpp computes them with the adapter."""
    model = lib.llama_model_load_from_file(str(TINY).encode(), lib.llama_model_default_params())
    params = lib.llama_context_default_params()
    params.n_ctx, params.n_threads, params.n_threads_batch = 256, 1, 1
    context = lib.llama_init_from_model(model, params)
    lora = lib.llama_adapter_lora_init(model, str(adapter).encode())
    adapters = (lib.llama_adapter_lora_p_ctypes * 1)(lora)
    assert lib.llama_set_adapters_lora(context, adapters, 1, (ctypes.c_float * 1)(scale)) == 0
    vocabulary = lib.llama_model_get_vocab(model)
    data = PROMPT.encode()
    tokens = (lib.llama_token * 256)()
    count = lib.llama_tokenize(vocabulary, data, len(data), tokens, 256, False, True)
    assert lib.llama_decode(context, lib.llama_batch_get_one(tokens, count)) == 0
    size = lib.llama_vocab_n_tokens(vocabulary)
    logits = np.ctypeslib.as_array(lib.llama_get_logits_ith(context, -1), shape=(size,)).copy()
    lib.llama_free(context)
    lib.llama_model_free(model)
    return logits - np.log(np.exp(logits - logits.max()).sum()) - logits.max()


@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_an_adapter_changes_the_model_as_llama_cpp_says(adapter: Path, scale: float) -> None:
    expected = reference(adapter, scale)
    for token, logprob in likeliest([p.Adapter(str(adapter), scale)]):
        assert logprob == pytest.approx(expected[token], abs=0.25)
    assert likeliest([p.Adapter(str(adapter), scale)]) != likeliest([])


def test_an_adapter_of_scale_zero_changes_nothing(adapter: Path) -> None:
    assert np.allclose(likeliest([p.Adapter(str(adapter), 0.0)]), likeliest([]), atol=1e-3)


@pytest.mark.parametrize(
    ("columns", "architecture"), [(64, "qwen3"), (256, "llama")], ids=["shape", "architecture"]
)
def test_an_adapter_of_another_model_is_refused(
    tmp_path: Path, columns: int, architecture: str
) -> None:
    path = write_adapter(tmp_path / "b.gguf", rows=256, columns=columns, architecture=architecture)
    runner = Runner(p.Load(str(TINY), adapters=[p.Adapter(str(path))], num_ctx=256))
    assert isinstance(runner.answer, p.LoadFailed)
    assert runner.answer.error
    runner.close()
