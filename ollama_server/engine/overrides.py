"""Keys that a model is to have whatever its file says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import llama_cpp.llama_cpp as lib


def native(values: Mapping[str, bool | int | float | str]) -> Any:
    """As llama.cpp takes them: an array that ends with an empty key. Texts: 127 bytes at most."""
    array = (lib.llama_model_kv_override * (len(values) + 1))()
    for entry, (key, value) in zip(array, values.items(), strict=False):
        entry.key = key.encode()
        if isinstance(value, bool):
            entry.tag = lib.LLAMA_KV_OVERRIDE_TYPE_BOOL
            entry.value.val_bool = value
        elif isinstance(value, int):
            entry.tag = lib.LLAMA_KV_OVERRIDE_TYPE_INT
            entry.value.val_i64 = value
        elif isinstance(value, float):
            entry.tag = lib.LLAMA_KV_OVERRIDE_TYPE_FLOAT
            entry.value.val_f64 = value
        else:
            entry.tag = lib.LLAMA_KV_OVERRIDE_TYPE_STR
            entry.value.val_str = value.encode()
    return array
