"""LoRA adapters: a PEFT checkpoint as a GGUF adapter for one base architecture."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from ollama_server.errors import StoreError
from ollama_server.store import gguf_write as write
from ollama_server.store.convert.checkpoint import Source, read_checkpoint
from ollama_server.store.convert.settings import read_json
from ollama_server.store.convert.tensors import Recipe, dominant_type, gguf_name
from ollama_server.store.ggml import F32
from ollama_server.store.gguf import GGUF
from ollama_server.store.job import Job

# Architectures whose query and key rows GGUF keeps in interleaved rotary order.
_PERMUTED = ("llama", "granite")
CONVERTIBLE = ("llama", "granite", "qwen2", "qwen3", "gemma", "gemma2", "gemma3", "phi3")

_WRAPPING = re.compile(r"^(base_model\.model\.|model\.base_model\.)+")
_FACTOR = re.compile(r"\.lora_(?P<which>[AB])(\.\w+)?(\.weight)?$", re.IGNORECASE)
# mlx writes lower-case factors and stores both transposed.
_TRANSPOSED = re.compile(r"\.lora_[ab]$")


def convert_adapter(files: Mapping[str, Path], base: GGUF, sink: write.Sink, job: Job) -> None:
    """Write the LoRA of a safetensors set as GGUF for the model ``base``.

    Raises StoreError when the set is no LoRA or the base's architecture has no converter.
    """
    config = read_json(files, "adapter_config.json")
    if not isinstance(config, dict):
        raise StoreError("adapter_config.json is missing: it says how strong the adapter is")
    if base.architecture not in CONVERTIBLE:
        known = ", ".join(CONVERTIBLE)
        raise StoreError(
            f'unsupported architecture "{base.architecture}" for adapters; known: {known}'
        )
    sources = read_checkpoint(files)
    parts = [_recipe(source, base) for source in sources.values()]
    if not parts:
        raise StoreError("unknown tensor format: the adapter has no tensors")
    tensors = [part.tensor() for part in sorted(parts, key=lambda part: part.name)]
    write.write_gguf(sink, _metadata(config, base, sources, parts), tensors, lambda _: job.check())


def _metadata(
    config: Mapping[str, object],
    base: GGUF,
    sources: Mapping[str, Source],
    parts: list[Recipe],
) -> dict[str, write.Encoded]:
    nested = config.get("lora_parameters")
    settings = {**config, **nested} if isinstance(nested, dict) else dict(config)
    rank = _rank(sources)
    alpha = settings.get("lora_alpha", settings.get("alpha"))
    if alpha is None and isinstance(settings.get("scale"), int | float):
        alpha = float(str(settings["scale"])) * rank
    strength = float(str(alpha)) if alpha is not None else float(rank)
    if settings.get("use_rslora"):
        # llama.cpp divides by the rank where this variant divides by its root.
        strength *= rank**0.5
    return {
        "general.architecture": write.string(base.architecture),
        "general.type": write.string("adapter"),
        "general.file_type": write.uint32(dominant_type(part.target for part in parts)),
        "adapter.type": write.string("lora"),
        "adapter.lora.alpha": write.float32(strength),
    }


def _recipe(source: Source, base: GGUF) -> Recipe:
    match = _FACTOR.search(source.name)
    if match is None or len(source.shape) != 2:
        raise StoreError(f'"{source.name}" is no LoRA tensor')
    which = match["which"].lower()
    module = _WRAPPING.sub("", source.name[: match.start()])
    name = gguf_name(module + ".weight", base.architecture, int(base.get("block_count") or 0))
    heads = 0
    if which == "b" and base.architecture in _PERMUTED and re.search(r"attn_[qk]\.", name):
        heads = int(base.get("attention.head_count") or 1)
        if "attn_k." in name:
            heads = int(base.get("attention.head_count_kv") or heads)
    return Recipe(
        f"{name}.lora_{which}",
        (source,),
        F32,
        heads=heads,
        transposed=bool(_TRANSPOSED.search(source.name)),
    )


def _rank(sources: Mapping[str, Source]) -> int:
    for name, source in sources.items():
        match = _FACTOR.search(name)
        if match and match["which"].lower() == "a":
            return source.shape[1 if _TRANSPOSED.search(name) else 0]
    raise StoreError("the adapter has no lora_A tensor")
