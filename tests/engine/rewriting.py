"""GGUF files made of others: keys and tensors copied, changed or left out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gguf


def rewrite(
    source: Path,
    target: Path,
    architecture: str,
    *,
    changed: Callable[[str, Any], tuple[str, Any]],
    kept: Callable[[str], bool] = lambda tensor: True,
    added: Callable[[gguf.GGUFWriter], None] = lambda writer: None,
) -> Path:
    """Copy a model: keys and values as ``changed`` gives them, the tensors that are ``kept``."""
    reader = gguf.GGUFReader(source)
    writer = gguf.GGUFWriter(target, architecture)
    for field in reader.fields.values():
        if field.name.startswith("GGUF.") or field.name == "general.architecture":
            continue
        name, value = changed(field.name, field.contents())
        part = field.types[-1] if field.types[0] == gguf.GGUFValueType.ARRAY else None
        writer.add_key_value(name, value, field.types[0], part)
    added(writer)
    for tensor in reader.tensors:
        if kept(tensor.name):
            writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
    save(writer)
    return target


def save(writer: gguf.GGUFWriter) -> None:
    """Write the file and close it."""
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
