"""Safetensors files as a set of tensors, read one at a time.

The format is an 8-byte length, a JSON header and the data; see
https://huggingface.co/docs/safetensors. Headers are checked before anything is believed.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from ollama_server.errors import StoreError
from ollama_server.store.disk import disk_errors

_MAX_HEADER = 100 << 20
_STREAMED_ELEMENTS = 4 << 20

# numpy has no bfloat16 and no float8: their bits travel as unsigned integers.
DTYPES: dict[str, Any] = {
    "F64": np.dtype("<f8"),
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "BF16": np.dtype("<u2"),
    "F8_E4M3": np.dtype("u1"),
    "I64": np.dtype("<i8"),
    "I32": np.dtype("<i4"),
    "I16": np.dtype("<i2"),
    "I8": np.dtype("i1"),
    "U8": np.dtype("u1"),
    "BOOL": np.dtype("?"),
}


@dataclass(frozen=True, slots=True)
class Source:
    """A tensor in a file; ``shape`` as PyTorch writes it (the last dimension is contiguous)."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    path: Path
    offset: int

    @property
    def elements(self) -> int:
        """How many numbers it has."""
        return prod(self.shape)

    def read(self) -> np.ndarray[Any, Any]:
        """The whole tensor, in the file's own type (BF16 as uint16). Raises StoreError."""
        with disk_errors(self.path), self.path.open("rb") as file:
            file.seek(self.offset)
            data = np.fromfile(file, DTYPES[self.dtype], self.elements)
        if data.size != self.elements:
            raise StoreError(f'tensor "{self.name}" is cut off in {self.path.name}')
        return data.reshape(self.shape)

    def stream(self) -> Iterator[np.ndarray[Any, Any]]:
        """The same numbers flat and in order, in pieces of a few megabytes."""
        left = self.elements
        with disk_errors(self.path), self.path.open("rb") as file:
            file.seek(self.offset)
            while left:
                data = np.fromfile(file, DTYPES[self.dtype], min(left, _STREAMED_ELEMENTS))
                if not data.size:
                    raise StoreError(f'tensor "{self.name}" is cut off in {self.path.name}')
                left -= data.size
                yield data


def read_checkpoint(paths: Mapping[str, Path]) -> dict[str, Source]:
    """Every tensor of all ``.safetensors`` files directly in the set's top folder.

    Raises StoreError for damaged files, unknown types and names that occur twice.
    """
    found: dict[str, Source] = {}
    for file_name in sorted(paths):
        if not file_name.endswith(".safetensors") or "/" in file_name:
            continue
        for source in read_file(paths[file_name], file_name):
            if source.name in found:
                raise StoreError(f"duplicate tensor name '{source.name}' was found for this model")
            found[source.name] = source
    _check_index(paths, found)
    return found


def read_file(path: Path, file_name: str) -> Iterator[Source]:
    """The tensors of one file. Raises StoreError."""
    with disk_errors(path):
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(8)
            length = struct.unpack("<Q", head)[0] if len(head) == 8 else size
            if length > min(size - 8, _MAX_HEADER):
                raise StoreError(f"unknown tensor format: {file_name} is no safetensors file")
            try:
                header = json.loads(file.read(length))
            except ValueError as error:
                raise StoreError(f"unknown tensor format: {file_name}: {error}") from error
    if not isinstance(header, dict):
        raise StoreError(f"unknown tensor format: {file_name}")
    header.pop("__metadata__", None)
    for name, value in header.items():
        yield _source(name, value, path, 8 + length, size)


def _source(name: str, value: Any, path: Path, start: int, size: int) -> Source:
    try:
        dtype, shape = value["dtype"], tuple(int(n) for n in value["shape"])
        begin, end = (int(n) for n in value["data_offsets"])
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(f'damaged safetensors header: tensor "{name}"') from error
    if dtype not in DTYPES:
        raise StoreError(f"unknown data type: {dtype}")
    if min((begin, *shape), default=0) < 0 or start + end > size:
        raise StoreError(f'tensor "{name}" is cut off: the safetensors file is incomplete')
    if end - begin != prod(shape) * DTYPES[dtype].itemsize:
        raise StoreError(f'damaged safetensors header: tensor "{name}" has the wrong size')
    return Source(name, dtype, shape, path, start + begin)


def _check_index(paths: Mapping[str, Path], found: Mapping[str, Source]) -> None:
    """A sharded model's index says which tensors there are: none may be missing."""
    index = next((n for n in paths if n.endswith(".safetensors.index.json")), None)
    if index is None or "/" in index:
        return
    try:
        names = json.loads(paths[index].read_bytes())["weight_map"]
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(f"damaged {index}: {error}") from error
    missing = {name: file for name, file in names.items() if name not in found}
    if missing:
        name, file = next(iter(sorted(missing.items())))
        raise StoreError(f'tensor "{name}" of {file} is missing: {index} lists it')
