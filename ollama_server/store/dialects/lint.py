"""What would make llama.cpp abort or fail without a word, found in the header before a load."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ollama_server.errors import LoadError
from ollama_server.store.gguf import GGUF, LazyArray

ROPE_SCALINGS = ("none", "linear", "yarn", "longrope")
"""llama.cpp aborts at any other."""
_INCOMPATIBLE = {"mllama": "Llama 3.2 Vision's cross-attention"}
_HEADED = (".attn_q.weight", ".attn_qkv.weight")
_SHARED_WIDTH = ("deepseek2-ocr",)  # whose heads have the model's width between them
_MAX_BLOCKS, _MAX_EXPERTS = 512, 1024
_checked_vocabularies: dict[tuple[str, int, int], str] = {}


def check(header: GGUF) -> None:
    """Raise LoadError, naming the file, the key and what to do, for a file that must not load."""
    problem = _problem(header)
    if problem:
        raise LoadError(f"cannot load {header.path.name}: {problem}")


def _problem(header: GGUF) -> str:
    architecture = header.architecture
    if architecture in _INCOMPATIBLE:
        return (
            f"{_INCOMPATIBLE[architecture]} is not supported by llama.cpp, so that this model is "
            "no longer compatible: use another vision model"
        )
    scaling = header.get(f"{architecture}.rope.scaling.type")
    if scaling is not None and scaling not in ROPE_SCALINGS:
        return (
            f'{architecture}.rope.scaling.type is "{scaling}", which llama.cpp does not know '
            f"(it knows {', '.join(ROPE_SCALINGS)}): pull or convert the model again"
        )
    return (
        _size_problem(header)
        or _head_problem(header)
        or _expert_problem(header)
        or _latent_problem(header)
        or _rope_problem(header)
        or _temperature_problem(header)
        or _vocabulary_problem(header)
    )


def _size_problem(header: GGUF) -> str:
    if header.get("block_count") == 0:
        return f"{header.architecture}.block_count is 0: pull or convert the model again"
    for name, limit in (("block_count", _MAX_BLOCKS), ("expert_count", _MAX_EXPERTS)):
        value = _number(header.get(name))
        if value > limit:
            return (
                f"{header.architecture}.{name} is {value}, more than llama.cpp's {limit}: "
                "pull or convert the model again"
            )
    return ""


def _head_problem(header: GGUF) -> str:
    """Widths are divided by the number of heads."""
    heads = _number(header.get("attention.head_count"))
    if not heads and any(tensor.name.endswith(_HEADED) for tensor in header.tensors):
        return (
            f"{header.architecture}.attention.head_count is missing: "
            "pull or convert the model again"
        )
    width = _number(header.get("embedding_length"))
    size = _number(header.get("attention.key_length"))
    if header.architecture in _SHARED_WIDTH and size and size * heads != width:
        return (
            f"{header.architecture}.attention.head_count is {heads}: heads of {size} do not make "
            f"up the width of {width}; pull or convert the model again"
        )
    return ""


def _expert_problem(header: GGUF) -> str:
    count, used = _number(header.get("expert_count")), _number(header.get("expert_used_count"))
    groups = _number(header.get("expert_group_count"))
    used_groups = _number(header.get("expert_group_used_count"))
    problem = ""
    if count and not used:
        problem = "expert_used_count is 0 although there are experts"
    elif used > count:
        problem = f"expert_used_count is {used}, but there are {count} experts"
    elif groups and groups >= count:
        problem = f"expert_group_count is {groups}, but there are {count} experts"
    elif groups > 1 and (count % groups or not 0 < used_groups < groups):
        problem = f"{used_groups} of {groups} groups of {count} experts cannot be used"
    if problem:
        return f"{header.architecture}.{problem}: pull or convert the model again"
    return ""


def _latent_problem(header: GGUF) -> str:
    """In latent attention a part of each head turns with the position, and a part does not."""
    head = _number(header.get("attention.key_length_mla"))
    turning = _number(header.get("rope.dimension_count")) or _number(
        header.get("attention.key_length")
    )
    if head and turning >= head:
        return (
            f"{header.architecture}.rope.dimension_count is {turning}, not less than the head "
            f"size of {head}: pull or convert the model again"
        )
    return ""


def _rope_problem(header: GGUF) -> str:
    sections = header.get("rope.dimension_sections")
    heads = _number(header.get("attention.head_count"))
    if not isinstance(sections, Sequence) or not heads:
        return ""
    size = _number(header.get("attention.key_length"))
    size = size or _number(header.get("embedding_length")) // heads
    total = sum(_number(section) for section in sections)
    if total > size:
        return (
            f"{header.architecture}.rope.dimension_sections add up to {total}, more than the "
            f"head size of {size}: convert the model again"
        )
    return ""


def _temperature_problem(header: GGUF) -> str:
    if (
        header.architecture == "mistral3"
        and header.get("attention.temperature_scale")
        and header.get("rope.scaling.original_context_length") is None
    ):
        return (
            "mistral3.attention.temperature_scale needs "
            "mistral3.rope.scaling.original_context_length, which is missing: "
            "pull or convert the model again"
        )
    return ""


def _vocabulary_problem(header: GGUF) -> str:
    tokens = header.metadata.get("tokenizer.ggml.tokens")
    if not isinstance(tokens, LazyArray) or not tokens.has_texts:
        return ""
    key = (str(header.path), header.file_size, len(tokens))
    found = _checked_vocabularies.get(key)
    if found is None:
        found = _checked_vocabularies[key] = _repeated_token(tokens.raw_texts())
    return found


def _repeated_token(tokens: Sequence[bytes]) -> str:
    if len(set(tokens)) == len(tokens):
        return ""
    seen: set[bytes] = set()
    for token in tokens:
        if token in seen:
            text = token.decode("utf-8", "replace")
            return (
                f"tokenizer.ggml.tokens has {text!r} more than once: "
                "pull or convert the model again"
            )
        seen.add(token)
    return ""


def _number(value: Any) -> int:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return max((_number(item) for item in value), default=0)
    return value if isinstance(value, int) else 0
