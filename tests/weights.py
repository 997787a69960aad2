"""Model files for tests, made from the embedded model's weights."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np


def with_pooling(source: Path, target: Path, pooling: gguf.PoolingType, *, name: str) -> None:
    """Copy a GGUF file and say in it how its token vectors become one.

    ``name`` makes the file unlike the other copies: equal files share a runner.
    With ``PoolingType.RANK`` it gets a head with two classes too, drawn at random.
    """
    reader = gguf.GGUFReader(source)
    architecture = _architecture(reader)
    writer = gguf.GGUFWriter(target, architecture)
    writer.add_name(name)
    _copy(reader, writer)
    writer.add_uint32(f"{architecture}.pooling_type", pooling)
    if pooling is gguf.PoolingType.RANK:
        width = int(reader.fields[f"{architecture}.embedding_length"].contents())
        head = np.random.default_rng(7).normal(size=(2, width)).astype(np.float32)
        writer.add_array(f"{architecture}.classifier.output_labels", ["yes", "no"])
        writer.add_tensor("cls.output.weight", head)
    _write(writer)


def in_pieces(source: Path, folder: Path, *, tensors: int) -> list[Path]:
    """Copy a GGUF file into several, as llama.cpp names them, of at most so many tensors each."""
    reader = gguf.GGUFReader(source)
    writer = gguf.GGUFWriter(
        folder / "model.gguf", _architecture(reader), split_max_tensors=tensors
    )
    _copy(reader, writer)
    _write(writer)
    return sorted(folder.glob("model-*-of-*.gguf"))


def _architecture(reader: gguf.GGUFReader) -> str:
    return str(reader.fields["general.architecture"].contents())


def _copy(reader: gguf.GGUFReader, writer: gguf.GGUFWriter) -> None:
    """All metadata but the name, and all tensors."""
    for key, field in reader.fields.items():
        if key.startswith("GGUF.") or key in ("general.architecture", "general.name"):
            continue
        kind = field.types[0]
        sub_type = field.types[-1] if kind is gguf.GGUFValueType.ARRAY else None
        writer.add_key_value(key, field.contents(), kind, sub_type=sub_type)
    for tensor in reader.tensors:
        writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)


def _write(writer: gguf.GGUFWriter) -> None:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
