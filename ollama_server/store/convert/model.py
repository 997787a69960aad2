"""A whole model: settings, vocabulary and tensors of a safetensors set as one GGUF file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ollama_server.errors import StoreError
from ollama_server.store import gguf_write as write
from ollama_server.store.convert.architectures import ARCHITECTURES, Architecture, pooling_type
from ollama_server.store.convert.checkpoint import read_checkpoint
from ollama_server.store.convert.settings import Settings, read_settings
from ollama_server.store.convert.tensors import Recipe, dominant_type, recipes
from ollama_server.store.convert.vocabulary import vocabulary_metadata
from ollama_server.store.ggml import BF16, F16, F32
from ollama_server.store.job import Job

# Says of a converted file that its weights were 8-bit floats.
SOURCE_KEY, EIGHT_BIT = "source_quantization", "hf_fp8"

_WANTED = {"F32": F32, "F16": F16, "BF16": BF16}


def convert_model(
    files: Mapping[str, Path], sink: write.Sink, job: Job, *, wanted: str = ""
) -> None:
    """Write the model of a safetensors set as GGUF.

    ``wanted`` is F32, F16 or BF16; anything else keeps BF16 and F16 tensors and stores F32 ones as
    F16. Raises StoreError for what cannot be converted, naming what could be, and Canceled.
    """
    settings = read_settings(files)
    architecture = find_architecture(settings.architecture)
    sources = read_checkpoint(files)
    if not sources:
        raise StoreError("unknown tensor format: no safetensors file has any tensor")
    parts = recipes(sources, settings, architecture, _WANTED.get(wanted.upper()))
    tensors = [part.tensor() for part in parts]
    tensors += _vectors(settings, architecture)
    metadata = _metadata(settings, architecture, parts)
    write.write_gguf(sink, metadata, tensors, lambda _: job.check())


def find_architecture(name: str) -> Architecture:
    """The entry of an architecture. Raises StoreError with the list of known ones."""
    found = ARCHITECTURES.get(name)
    if found is None:
        known = ", ".join(sorted(ARCHITECTURES))
        raise StoreError(f'unsupported architecture "{name}"; known architectures: {known}')
    return found


def _metadata(
    settings: Settings, architecture: Architecture, parts: list[Recipe]
) -> dict[str, write.Encoded]:
    own = {
        key: encode(value)
        for key, names, encode in architecture.settings
        if (value := settings.get(*names)) is not None
    }
    own.update(architecture.metadata(settings))
    if architecture.offset_positions:
        positions = next(part for part in parts if part.name == "position_embd.weight")
        own["context_length"] = write.uint32(positions.shape[1])
    if architecture.experts is not None:
        own["expert_count"] = write.uint32(settings.require(*architecture.experts.count))
        own["expert_used_count"] = write.uint32(settings.require(*architecture.experts.used))
    pooling = pooling_type(settings, architecture)
    if pooling is not None:
        own["pooling_type"] = write.uint32(pooling)
    found = {f"{architecture.gguf}.{key}": value for key, value in own.items()}
    found.update(
        {
            "general.architecture": write.string(architecture.gguf),
            "general.type": write.string("model"),
            "general.file_type": write.uint32(dominant_type(part.target for part in parts)),
            "general.quantization_version": write.uint32(2),
        }
    )
    if any(source.dtype == "F8_E4M3" for part in parts for source in part.sources):
        found[f"{architecture.gguf}.{SOURCE_KEY}"] = write.string(EIGHT_BIT)
    name = settings.get("_name_or_path")
    if name:
        found["general.name"] = write.string(str(name).rstrip("/").rpartition("/")[2])
    found.update(vocabulary_metadata(settings, _vocabulary_size(parts)))
    if architecture.gguf in _TYPED:
        count = int(settings.get("type_vocab_size", default=1))
        found["tokenizer.ggml.token_type_count"] = write.uint32(count)
    return found


_TYPED = ("bert", "nomic-bert")


def _vocabulary_size(parts: list[Recipe]) -> int:
    """Rows of the embedding: llama.cpp wants exactly one token for each."""
    for part in parts:
        if part.name == "token_embd.weight":
            return part.shape[1]
    raise StoreError("the model has no token embedding")


def _vectors(settings: Settings, architecture: Architecture) -> list[write.Tensor]:
    """Tensors that the checkpoint does not have because its settings imply them."""
    return [
        write.Tensor(name, (len(values),), F32, _constant(values))
        for name, values in architecture.vectors(settings).items()
    ]


def _constant(values: list[float]) -> write.Pieces:
    data = np.asarray(values, dtype="<f4").tobytes()
    return lambda: [data]
