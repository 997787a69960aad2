"""Options: defaults < environment < the model's parameters < the request's; type checks."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ollama_server.engine.protocol import Sampling
from ollama_server.errors import ServerError
from ollama_server.runtime.plan import LoadOptions

log = logging.getLogger(__name__)

_INTEGERS = {
    "num_ctx",
    "num_batch",
    "num_gpu",
    "main_gpu",
    "num_thread",
    "num_keep",
    "seed",
    "num_predict",
    "max_tokens",
    "top_k",
    "repeat_last_n",
    "draft_num_predict",
}
_FLOATS = {
    "top_p",
    "min_p",
    "typical_p",
    "temperature",
    "repeat_penalty",
    "presence_penalty",
    "frequency_penalty",
}
_BOOLEANS = {"use_mmap"}
# Every option there is; all others are ignored.
NAMES = frozenset(_INTEGERS | _FLOATS | _BOOLEANS | {"stop"})
_INT32 = 2**31 - 1
_FLOAT32 = (2 - 2**-23) * 2.0**127


@dataclass(frozen=True, slots=True)
class Options:
    """Everything options decide. ``num_predict`` is as given: negative for no limit of its own."""

    load: LoadOptions
    sampling: Sampling
    num_keep: int
    num_predict: int
    stop: list[str]


def resolve(
    params: Mapping[str, Any],
    requested: Mapping[str, Any],
    *,
    context_length: int = 0,
    logit_bias: Mapping[int, float] | None = None,
) -> Options:
    """The options in force; ``params`` are the model's, ``context_length`` is the environment's.

    Raises ServerError (500, as Ollama does) for a value of the wrong type.
    """
    values: dict[str, Any] = {"num_ctx": context_length} if context_length else {}
    for layer in (params, requested):
        checked = _checked(layer)
        if "max_tokens" in checked:
            checked.setdefault("num_predict", checked.pop("max_tokens"))
        values |= checked
    sampling_keys = {name for name in Sampling.__struct_fields__ if name in values}
    return Options(
        load=LoadOptions(
            num_ctx=values.get("num_ctx"),
            num_batch=values.get("num_batch"),
            num_gpu=max(-1, values.get("num_gpu", -1)),
            main_gpu=values.get("main_gpu"),
            use_mmap=values.get("use_mmap"),
            num_thread=max(0, values.get("num_thread", 0)),
            draft_num_predict=values.get("draft_num_predict"),
        ),
        sampling=Sampling(
            **{name: values[name] for name in sampling_keys}, logit_bias=dict(logit_bias or {})
        ),
        num_keep=values.get("num_keep", 4),
        num_predict=values.get("num_predict", -1),
        stop=values.get("stop", []),
    )


def token_limit(num_predict: int, num_ctx: int) -> int:
    """The most tokens to generate: ten contexts where there is no smaller limit.

    Ollama leaves 0 out of the engine's request, so that it too means no limit.
    """
    most = 10 * num_ctx
    return min(num_predict, most) if num_predict > 0 else most


def _checked(layer: Mapping[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, value in layer.items():
        if value is None:
            continue
        if key in _INTEGERS:
            values[key] = _integer(key, value)
        elif key in _FLOATS:
            values[key] = _float(key, value)
        elif key in _BOOLEANS:
            if not isinstance(value, bool):
                raise ServerError(f'option "{key}" must be of type boolean')
            values[key] = value
        elif key == "stop":
            values[key] = stops(value)
        else:
            log.warning("unknown option %s is ignored", key)
    return values


def _integer(key: str, value: Any) -> int:
    whole = isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))
    if isinstance(value, bool) or not whole:
        raise ServerError(f'option "{key}" must be of type integer')
    return max(-_INT32, min(int(value), _INT32 if key != "seed" else 2**32 - 1))


def _float(key: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ServerError(f'option "{key}" must be of type float32')
    return float(max(-_FLOAT32, min(value, _FLOAT32)))


def stops(value: Any) -> list[str]:
    """The texts of an option ``stop``, which may be one or a list. Raises ServerError."""
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list):
        raise ServerError('option "stop" must be of type array')
    if not all(isinstance(item, str) for item in value):
        raise ServerError('option "stop" must be of an array of strings')
    return [item for item in value if item]
