"""Between number formats: bfloat16, float16, float32 and 8-bit floats as numpy arrays."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from ollama_server.store.ggml import BF16, F16, F32

Array = np.ndarray[Any, Any]

TYPE_OF_DTYPE = {"F32": F32, "F16": F16, "BF16": BF16}


def to_float32(data: Array, dtype: str) -> Array:
    """Numbers of a safetensors type as float32."""
    if dtype == "BF16":
        return (data.astype(np.uint32) << 16).view(np.float32)
    if dtype == "F8_E4M3":
        return _float8_values()[data]
    return data.astype(np.float32)


def encode(data: Array, dtype: str, target: int) -> bytes:
    """Numbers of a safetensors type as the bytes of a ggml type (F32, F16 or BF16)."""
    if TYPE_OF_DTYPE.get(dtype) == target:
        return np.ascontiguousarray(data).tobytes()
    floats = to_float32(data, dtype)
    if target == F32:
        return np.ascontiguousarray(floats, dtype="<f4").tobytes()
    if target == BF16:
        return to_bfloat16(floats).tobytes()
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(floats).astype("<f2").tobytes()


def to_bfloat16(floats: Array) -> Array:
    """float32 as bfloat16 bits, rounded to nearest even; NaN stays NaN."""
    bits = np.ascontiguousarray(floats, dtype=np.float32).view(np.uint32)
    rounded = (bits + (0x7FFF + ((bits >> 16) & 1))) >> 16
    quiet = (bits >> 16) | 0x40
    is_nan = (bits & 0x7FFFFFFF) > 0x7F800000
    return np.where(is_nan, quiet, rounded).astype("<u2")


@cache
def _float8_values() -> Array:
    """What each byte means as E4M3: 1 sign, 4 exponent (bias 7) and 3 mantissa bits."""
    codes = np.arange(256)
    sign = np.where(codes & 0x80, -1.0, 1.0)
    exponent = (codes >> 3) & 0xF
    mantissa = codes & 7
    normal = (1 + mantissa / 8) * np.exp2(exponent - 7.0)
    values = sign * np.where(exponent == 0, mantissa / 8 * 2.0**-6, normal)
    values[(codes & 0x7F) == 0x7F] = np.nan
    return values.astype(np.float32)
