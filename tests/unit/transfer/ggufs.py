"""Small GGUF files in memory."""

from __future__ import annotations

import io
import random
from collections.abc import Mapping

from ollama_server.store import gguf_write

_F32 = 0


def gguf(seed: int, *, kind: str = "llama", rows: int = 64, **metadata: int) -> bytes:
    """A GGUF file with one tensor of ``rows`` × 32 random numbers.

    ``kind`` is the architecture; ``clip`` makes a projector. Keys of ``metadata`` have ``__`` for
    a dot.
    """
    encoded = {"general.architecture": gguf_write.string(kind)}
    if kind == "clip":
        encoded["general.type"] = gguf_write.string("mmproj")
    else:
        encoded[f"{kind}.block_count"] = gguf_write.uint32(1)
    for key, value in metadata.items():
        encoded[key.replace("__", ".")] = gguf_write.uint32(value)
    return written(encoded, {f"blk.0.t{seed}.weight": rows}, seed)


def written(
    metadata: Mapping[str, gguf_write.Encoded], tensors: Mapping[str, int], seed: int
) -> bytes:
    """A GGUF file of these metadata and of tensors with so many rows."""
    generator = random.Random(seed)

    def tensor(name: str, rows: int) -> gguf_write.Tensor:
        data = generator.randbytes(rows * 32 * 4)
        return gguf_write.Tensor(name, (32, rows), _F32, lambda: iter([data]))

    file = io.BytesIO()
    gguf_write.write_gguf(file.write, metadata, [tensor(*item) for item in tensors.items()])
    return file.getvalue()


def shards(count: int) -> list[bytes]:
    """A model split over ``count`` files the way llama.cpp splits."""
    return [
        gguf(n, split__no=n, split__count=count, split__tensors__count=count) for n in range(count)
    ]
