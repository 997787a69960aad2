"""LoRA adapters: base and adapter compute what the merged weights compute."""

from __future__ import annotations

import ctypes
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from ollama_server.errors import StoreError
from ollama_server.store.convert import convert_adapter
from ollama_server.store.gguf import read_gguf
from ollama_server.store.job import Job
from tests.unit.store.checkpoints import (
    TOKENS,
    Array,
    convert,
    exact_settings,
    file_set,
    goldens,
    logits,
    quiet_llama,
    write_checkpoint,
)
from tests.unit.store.conftest import random_weights
from tests.unit.store.gguf_files import gguf_file

CASES = json.loads(goldens.GOLDENS.read_text())
RANK, ALPHA = 4, 8.0
MODULES = (
    "self_attn.q_proj",
    "self_attn.k_proj",
    "self_attn.v_proj",
    "self_attn.o_proj",
    "mlp.gate_proj",
    "mlp.down_proj",
)


def adapter_weights(weights: dict[str, Array]) -> dict[str, Array]:
    """Random factors for every adapted module: A is rank × in, B is out × rank."""
    shapes: dict[str, list[int]] = {}
    for name, values in weights.items():
        module = name.removesuffix(".weight")
        if module.endswith(MODULES):
            rows, columns = values.shape
            shapes[f"base_model.model.{module}.lora_A.weight"] = [RANK, columns]
            shapes[f"base_model.model.{module}.lora_B.weight"] = [rows, RANK]
    return {name: values * 4 for name, values in random_weights(shapes, 1).items()}


def merged(weights: dict[str, Array], factors: dict[str, Array], scale: float) -> dict[str, Array]:
    found = dict(weights)
    for name, first in factors.items():
        if ".lora_A." in name:
            second = factors[name.replace(".lora_A.", ".lora_B.")]
            target = name.removeprefix("base_model.model.").replace(".lora_A.weight", ".weight")
            found[target] = found[target] + scale * (second @ first)
    return found


def adapter_files(folder: Path, factors: dict[str, Array], **config: Any) -> dict[str, Path]:
    folder.mkdir()
    (folder / "adapter_config.json").write_text(json.dumps({"lora_alpha": ALPHA, **config}))
    save_file(factors, folder / "adapter_model.safetensors")
    return file_set(folder)


def logits_with_adapter(base: Path, adapter: Path) -> Array:
    llama_cpp = quiet_llama()
    model = llama_cpp.llama_model_load_from_file(
        str(base).encode(), llama_cpp.llama_model_default_params()
    )
    lora = llama_cpp.llama_adapter_lora_init(model, str(adapter).encode())
    assert lora, f"llama.cpp refuses {adapter}"
    context = llama_cpp.llama_init_from_model(model, exact_settings())
    adapters = (llama_cpp.llama_adapter_lora_p_ctypes * 1)(lora)
    scales = (ctypes.c_float * 1)(1.0)
    assert llama_cpp.llama_set_adapters_lora(context, adapters, 1, scales) == 0
    tokens = (llama_cpp.llama_token * len(TOKENS))(*TOKENS)
    batch = llama_cpp.llama_batch_get_one(tokens, len(TOKENS))
    assert llama_cpp.llama_decode(context, batch) == 0
    pointer = ctypes.cast(
        llama_cpp.llama_get_logits_ith(context, -1), ctypes.POINTER(ctypes.c_float)
    )
    width = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(model))
    found = np.ctypeslib.as_array(pointer, (width,)).copy()
    llama_cpp.llama_free(context)
    llama_cpp.llama_model_free(model)
    return found


@pytest.mark.parametrize("name", ["llama", "qwen2", "gemma2"])
@pytest.mark.parametrize("variant", ["peft", "rslora"])
def test_base_and_adapter_compute_what_the_merged_model_computes(
    name: str, variant: str, tmp_path: Path
) -> None:
    case = CASES[name]
    config = case["config"] | {"query_pre_attn_scalar": case["config"].get("head_dim", 16)}
    weights = goldens.checkpoint_weights(case["shapes"])
    factors = adapter_weights(weights)
    base = convert(write_checkpoint(tmp_path / "base", config, weights), tmp_path / "base.gguf")
    scale = ALPHA / (RANK**0.5 if variant == "rslora" else RANK)
    whole = merged(weights, factors, scale)
    expected = logits(
        convert(write_checkpoint(tmp_path / "whole", config, whole), tmp_path / "whole.gguf"),
        TOKENS,
    )[-1]
    files = adapter_files(tmp_path / "lora", factors, use_rslora=variant == "rslora")
    target = tmp_path / "lora.gguf"
    with target.open("wb") as file:
        convert_adapter(files, read_gguf(base), file.write, Job())
    found = logits_with_adapter(base, target)
    plain = logits(base, TOKENS)[-1]
    assert abs(found - expected).max() < 1e-3 * abs(expected).max()
    assert abs(plain - expected).max() > 0.05 * abs(expected).max()


def test_transposed_factors_make_the_same_adapter(tmp_path: Path) -> None:
    weights = goldens.checkpoint_weights(CASES["llama"]["shapes"])
    factors = adapter_weights(weights)
    transposed = {
        name.removeprefix("base_model.model.")
        .replace(".lora_A.weight", ".lora_a")
        .replace(".lora_B.weight", ".lora_b"): np.ascontiguousarray(values.T)
        for name, values in factors.items()
    }
    files = write_checkpoint(tmp_path / "base", CASES["llama"]["config"], weights)
    base = read_gguf(convert(files, tmp_path / "base.gguf"))
    sets = (
        adapter_files(tmp_path / "peft", factors),
        adapter_files(
            tmp_path / "mlx", transposed, lora_alpha=None, lora_parameters={"scale": ALPHA / RANK}
        ),
    )
    made = []
    for number, found in enumerate(sets):
        with (tmp_path / f"{number}.gguf").open("w+b") as file:
            convert_adapter(found, base, file.write, Job())
            file.seek(0)
            made.append(file.read())
    assert made[0] == made[1]


def test_the_adapter_says_what_it_is(tmp_path: Path) -> None:
    weights = goldens.checkpoint_weights(CASES["llama"]["shapes"])
    files = write_checkpoint(tmp_path / "base", CASES["llama"]["config"], weights)
    base = read_gguf(convert(files, tmp_path / "base.gguf"))
    target = tmp_path / "lora.gguf"
    with target.open("wb") as file:
        convert_adapter(
            adapter_files(tmp_path / "lora", adapter_weights(weights)), base, file.write, Job()
        )
    header = read_gguf(target)
    assert header.get("general.type") == "adapter"
    assert header.get("adapter.type") == "lora"
    assert header.get("adapter.lora.alpha") == ALPHA
    assert header.architecture == "llama"
    assert header.tensor("blk.0.attn_q.weight.lora_a") is not None


def test_an_adapter_for_an_unknown_architecture_is_refused(tmp_path: Path) -> None:
    base = read_gguf(gguf_file(tmp_path / "base", architecture="mamba"))
    files = adapter_files(tmp_path / "lora", {"x.lora_A.weight": np.ones((1, 2), np.float32)})
    with pytest.raises(StoreError, match='unsupported architecture "mamba"'):
        convert_adapter(files, base, lambda data: None, Job())


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("something.else.weight", "is no LoRA tensor"),
        ("base_model.model.model.layers.0.secret.lora_A.weight", "unknown tensor"),
    ],
)
def test_tensors_that_belong_to_no_adapter_are_refused(
    name: str, text: str, tmp_path: Path
) -> None:
    base = read_gguf(gguf_file(tmp_path / "base", architecture="llama"))
    files = adapter_files(tmp_path / "lora", {name: np.ones((1, 2), np.float32)})
    with pytest.raises(StoreError, match=text):
        convert_adapter(files, base, lambda data: None, Job())


def test_a_set_without_its_settings_is_refused(tmp_path: Path) -> None:
    base = read_gguf(gguf_file(tmp_path / "base", architecture="llama"))
    files = adapter_files(tmp_path / "lora", {"x.lora_A.weight": np.ones((1, 2), np.float32)})
    del files["adapter_config.json"]
    with pytest.raises(StoreError, match=r"adapter_config\.json is missing"):
        convert_adapter(files, base, lambda data: None, Job())
