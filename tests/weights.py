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
    architecture = str(reader.fields["general.architecture"].contents())
    writer = gguf.GGUFWriter(target, architecture)
    writer.add_name(name)
    for key, field in reader.fields.items():
        if key.startswith("GGUF.") or key in ("general.architecture", "general.name"):
            continue
        kind = field.types[0]
        sub_type = field.types[-1] if kind is gguf.GGUFValueType.ARRAY else None
        writer.add_key_value(key, field.contents(), kind, sub_type=sub_type)
    writer.add_uint32(f"{architecture}.pooling_type", pooling)
    for tensor in reader.tensors:
        writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
    if pooling is gguf.PoolingType.RANK:
        width = int(reader.fields[f"{architecture}.embedding_length"].contents())
        head = np.random.default_rng(7).normal(size=(2, width)).astype(np.float32)
        writer.add_array(f"{architecture}.classifier.output_labels", ["yes", "no"])
        writer.add_tensor("cls.output.weight", head)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
