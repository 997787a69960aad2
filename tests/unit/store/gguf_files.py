"""Small GGUF files for tests."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path

from ollama_server.store import gguf_write as write
from ollama_server.store.ggml import F32


def tensor(name: str, *shape: int, kind: int = F32, fill: int = 0) -> write.Tensor:
    """A tensor of that shape whose bytes are all ``fill``."""
    empty = write.Tensor(name, shape, kind, list)
    data = bytes([fill]) * empty.size
    return write.Tensor(name, shape, kind, lambda: [data])


def gguf_file(
    path: Path,
    *tensors: write.Tensor,
    metadata: Mapping[str, write.Encoded] | None = None,
    architecture: str = "test",
) -> Path:
    """Write a GGUF file with these tensors and keys."""
    keys = {"general.architecture": write.string(architecture), **(metadata or {})}
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        write.write_gguf(file.write, keys, tensors)
    return path


def raw_header(order: str, version: int, *, magic: bytes = b"GGUF") -> bytes:
    """A header by hand: one text, one number, one array of texts and one tensor."""
    length = order + ("I" if version == 1 else "Q")

    def text(value: str) -> bytes:
        return struct.pack(length, len(value)) + value.encode()

    parts = [magic, struct.pack(order + "I", version), struct.pack(length, 1)]
    parts += [struct.pack(length, 3)]
    parts += [text("general.architecture"), struct.pack(order + "I", 8), text("test")]
    parts += [text("test.block_count"), struct.pack(order + "II", 4, 7)]
    parts += [text("tokenizer.ggml.tokens"), struct.pack(order + "II", 9, 8)]
    parts += [struct.pack(length, 2), text("a"), text("bc")]
    parts += [text("t"), struct.pack(order + "I", 1), struct.pack(length, 8)]
    parts += [struct.pack(order + "IQ", 0, 0)]
    header = b"".join(parts)
    return header + bytes(-len(header) % 32) + bytes(32)
