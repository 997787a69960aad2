"""How much memory a model will need, and how many sequences fit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ollama_server.store.model import Model

_BYTES_PER_VALUE = {"f32": 4.0, "q8_0": 34 / 32, "q5_1": 0.75, "q5_0": 22 / 32}
_BYTES_PER_VALUE |= {"q4_1": 20 / 32, "q4_0": 18 / 32, "iq4_nl": 18 / 32}
_COMPUTE_BYTES = 256 << 20
_BIG_BATCH_BYTES = {1024: 768 << 20, 2048: 2 << 30}

# A few sequences always pay. More are taken while the cache for them stays a small part of the
# memory at hand: they cost nothing until they are used.
_PARALLEL_STEPS = ((16, 0.1), (8, 0.2), (4, 1.0), (2, 1.0))


def kv_bytes_per_token(model: Model, kv_type: str) -> int:
    """Bytes that one token of one sequence takes in the KV cache; 0 for models without one."""
    gguf = model.gguf
    if gguf is None:
        return 0
    layers = _number(gguf.get("block_count"))
    heads = _number(gguf.get("attention.head_count"))
    if not layers or not heads:
        return 0
    head_size = _number(gguf.get("embedding_length")) // heads
    key = _number(gguf.get("attention.key_length")) or head_size
    value = _number(gguf.get("attention.value_length")) or head_size
    kv_heads: Any = gguf.get("attention.head_count_kv")
    per_layer = (
        kv_heads if isinstance(kv_heads, Sequence) else [_number(kv_heads) or heads] * layers
    )
    numbers = sum(_number(count) for count in per_layer) * (key + value)
    return int(numbers * _BYTES_PER_VALUE.get(kv_type, 2.0))


def offloadable_layers(model: Model) -> int:
    """The layers that a GPU may take over, the output layer included; 0 where that is unknown."""
    layers = _number(model.gguf.get("block_count")) if model.gguf is not None else 0
    return layers + 1 if layers else 0


def weight_bytes(model: Model) -> int:
    """Bytes of all files that are loaded."""
    paths = [model.model_path, *model.projectors, *model.adapters, model.draft]
    return sum(path.stat().st_size for path in paths if path is not None and path.is_file())


def needed_bytes(model: Model, *, num_ctx: int, parallel: int, num_batch: int, kv_type: str) -> int:
    """An estimate of everything a runner will allocate."""
    cache = kv_bytes_per_token(model, kv_type) * num_ctx * parallel
    return weight_bytes(model) + cache + _BIG_BATCH_BYTES.get(num_batch, _COMPUTE_BYTES)


def choose_parallel(model: Model, *, num_ctx: int, kv_type: str, free: int) -> int:
    """How many sequences to make room for: at least 4 where their KV cache fits into ``free``."""
    cache = kv_bytes_per_token(model, kv_type) * num_ctx
    room = max(0, free - weight_bytes(model) - _COMPUTE_BYTES)
    for count, share in _PARALLEL_STEPS:
        if cache * count <= room * share * 0.8:
            return count
    return 1


def readable(count: int) -> str:
    """``4.7 GiB``."""
    if count < 1 << 30:
        return f"{count / (1 << 20):.1f} MiB"
    return f"{count / (1 << 30):.1f} GiB"


def _number(value: Any) -> int:
    """A whole number of a file that may say anything; of a list the largest."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        return max((_number(item) for item in value), default=0)
    return int(value) if isinstance(value, int | float) and math.isfinite(value) else 0
