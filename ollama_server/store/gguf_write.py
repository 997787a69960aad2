"""Writing GGUF version 3, front to back, so that a file can go straight into a blob.

All sizes are known before the first byte: the header is written once, and the tensors follow one
at a time, each in pieces. Nothing holds more than one piece of one tensor in memory.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ollama_server.store.disk import disk_errors
from ollama_server.store.ggml import TENSOR_TYPES
from ollama_server.store.gguf import DEFAULT_ALIGNMENT, GGUF, GGUFError, TensorInfo, raw_values

_CHUNK = 4 << 20
_LIST_HEAD = 16

_UINT8, _UINT16, _UINT32, _INT32, _FLOAT32, _BOOL = 0, 2, 4, 5, 6, 7
_STRING, _ARRAY, _UINT64 = 8, 9, 10

Encoded = bytes
"""A metadata value as the file holds it: its type and its payload."""

Pieces = Callable[[], Iterable[bytes | memoryview]]
Sink = Callable[[bytes | memoryview], object]


def uint16(value: int) -> Encoded:
    """An unsigned 16-bit value."""
    return struct.pack("<IH", _UINT16, value)


def uint32(value: int) -> Encoded:
    """An unsigned 32-bit value."""
    return struct.pack("<II", _UINT32, value)


def int32(value: int) -> Encoded:
    """A signed 32-bit value."""
    return struct.pack("<Ii", _INT32, value)


def uint64(value: int) -> Encoded:
    """An unsigned 64-bit value."""
    return struct.pack("<IQ", _UINT64, value)


def float32(value: float) -> Encoded:
    """A 32-bit float."""
    return struct.pack("<If", _FLOAT32, value)


def boolean(value: bool) -> Encoded:
    """A truth value."""
    return struct.pack("<I?", _BOOL, value)


def string(value: str) -> Encoded:
    """UTF-8 text."""
    return struct.pack("<I", _STRING) + _text(value)


def strings(values: Sequence[str | bytes]) -> Encoded:
    """A list of texts; bytes are taken as they are (tokens need not be valid UTF-8)."""
    head = struct.pack("<IIQ", _ARRAY, _STRING, len(values))
    return head + b"".join(_text(value) for value in values)


def uint8s(values: bytes) -> Encoded:
    """A list of bytes."""
    return struct.pack("<IIQ", _ARRAY, _UINT8, len(values)) + values


def int32s(values: Sequence[int]) -> Encoded:
    """A list of signed 32-bit values."""
    return struct.pack(f"<IIQ{len(values)}i", _ARRAY, _INT32, len(values), *values)


def uint32s(values: Sequence[int]) -> Encoded:
    """A list of unsigned 32-bit values."""
    return struct.pack(f"<IIQ{len(values)}I", _ARRAY, _UINT32, len(values), *values)


def float32s(values: Sequence[float]) -> Encoded:
    """A list of 32-bit floats."""
    return struct.pack(f"<IIQ{len(values)}f", _ARRAY, _FLOAT32, len(values), *values)


def booleans(values: Sequence[bool]) -> Encoded:
    """A list of truth values."""
    return struct.pack(f"<IIQ{len(values)}?", _ARRAY, _BOOL, len(values), *values)


def cut_list(encoded: Encoded, count: int) -> Encoded:
    """The first ``count`` entries of a longer list of texts or 32-bit numbers.

    Unsigned numbers become signed ones. Raises GGUFError for lists of anything else.
    """
    _, kind, _ = struct.unpack_from("<IIQ", encoded)
    end = _LIST_HEAD
    if kind == _STRING:
        length = struct.Struct("<Q").unpack_from
        for _ in range(count):
            end += 8 + length(encoded, end)[0]
    elif kind in (_UINT32, _INT32, _FLOAT32):
        end += 4 * count
    else:
        raise GGUFError(f"a list of type {kind} cannot be cut")
    kind = _INT32 if kind == _UINT32 else kind
    return struct.pack("<IIQ", _ARRAY, kind, count) + encoded[_LIST_HEAD:end]


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor to write: ``shape`` in GGUF order, ``pieces`` its bytes, made when they are due."""

    name: str
    shape: tuple[int, ...]
    type: int
    pieces: Pieces

    @property
    def size(self) -> int:
        """Bytes of data."""
        count = 1
        for dimension in self.shape:
            count *= dimension
        known = TENSOR_TYPES[self.type]
        return count // known.block * known.bytes


def total_size(metadata: Mapping[str, Encoded], tensors: Sequence[Tensor]) -> int:
    """How long the file will be."""
    return len(header_bytes(metadata, tensors)) + sum(_padded(tensor.size) for tensor in tensors)


def write_gguf(
    sink: Sink,
    metadata: Mapping[str, Encoded],
    tensors: Sequence[Tensor],
    report: Callable[[int], None] | None = None,
) -> None:
    """Write a whole file to ``sink``; ``report`` hears the number of bytes after each piece.

    Keys are sorted. Raises GGUFError when a tensor's data has not the size its shape says.
    """
    header = header_bytes(metadata, tensors)
    sink(header)
    written = len(header)
    for tensor in tensors:
        size = 0
        for piece in tensor.pieces():
            sink(piece)
            size += memoryview(piece).nbytes
            if report:
                report(written + size)
        if size != tensor.size:
            raise GGUFError(
                f'tensor "{tensor.name}" has {size} bytes where its shape needs {tensor.size}'
            )
        sink(bytes(_padded(size) - size))
        written += _padded(size)


def tensors_of(header: GGUF) -> list[Tensor]:
    """The tensors of an existing file, to be copied."""
    return [_existing(header, tensor) for tensor in header.tensors]


def metadata_of(header: GGUF) -> dict[str, Encoded]:
    """The metadata of an existing file with its exact types. Raises GGUFError."""
    found = raw_values(header)
    found.pop("general.alignment", None)  # what is written here is aligned to the default
    return found


def copy_pieces(path: Path, offset: int, size: int) -> Iterator[bytes]:
    """``size`` bytes of a file from ``offset`` on, in pieces. Raises GGUFError when it is short."""
    with disk_errors(path), path.open("rb") as file:
        file.seek(offset)
        while size:
            piece = file.read(min(size, _CHUNK))
            if not piece:
                raise GGUFError(f"unexpected EOF in the tensor data of {path.name}")
            size -= len(piece)
            yield piece


def _existing(header: GGUF, tensor: TensorInfo) -> Tensor:
    if tensor.type not in TENSOR_TYPES:
        raise GGUFError(f'tensor "{tensor.name}" has the unknown type {tensor.type}')
    offset = header.data_offset + tensor.offset

    def pieces() -> Iterator[bytes]:
        return copy_pieces(header.path, offset, tensor.size)

    return Tensor(tensor.name, tensor.shape, tensor.type, pieces)


def header_bytes(metadata: Mapping[str, Encoded], tensors: Sequence[Tensor]) -> bytes:
    """Everything before the tensor data, up to the alignment; keys are sorted."""
    header = _unpadded_header(metadata, tensors)
    return header + bytes(_padded(len(header)) - len(header))


def header_size(metadata: Mapping[str, Encoded], tensors: Sequence[Tensor]) -> int:
    """Bytes of the header before it is padded."""
    return len(_unpadded_header(metadata, tensors))


def _unpadded_header(metadata: Mapping[str, Encoded], tensors: Sequence[Tensor]) -> bytes:
    parts = [b"GGUF", struct.pack("<IQQ", 3, len(tensors), len(metadata))]
    for key in sorted(metadata):
        parts += [_text(key), metadata[key]]
    offset = 0
    for tensor in tensors:
        rank = len(tensor.shape)
        parts += [
            _text(tensor.name),
            struct.pack(f"<I{rank}QIQ", rank, *tensor.shape, tensor.type, offset),
        ]
        offset += _padded(tensor.size)
    return b"".join(parts)


def _padded(size: int) -> int:
    return -(-size // DEFAULT_ALIGNMENT) * DEFAULT_ALIGNMENT


def _text(value: Any) -> bytes:
    data = value if isinstance(value, bytes) else value.encode("utf-8", "replace")
    return struct.pack("<Q", len(data)) + data
