"""Reading a GGUF file's header: metadata and the list of tensors, never their data.

Versions 1 to 3 in both byte orders. Every length is checked against the file before it is believed,
so that a truncated or hostile file gives a GGUFError and not a crash or a huge allocation. Long
arrays (the vocabulary) are stepped over and decoded when somebody asks for them.
"""

from __future__ import annotations

import struct
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, overload

from ollama_server.errors import StoreError
from ollama_server.store.disk import disk_errors
from ollama_server.store.ggml import TENSOR_TYPES, file_type_name

MAX_STRING = 16 << 20
MAX_ARRAY = 64 << 20
MAX_DIMENSIONS = 4
DEFAULT_ALIGNMENT = 32
_EAGER_ARRAY = 4096  # longer arrays, and all of the tokenizer, wait until they are needed
_MIN_READ = 1 << 20
_CACHED_FILES = 128

_SCALARS = {
    0: "B",
    1: "b",
    2: "H",
    3: "h",
    4: "I",
    5: "i",
    6: "f",
    7: "?",
    10: "Q",
    11: "q",
    12: "d",
}
_FLOAT32, _STRING, _ARRAY = 6, 8, 9
_ARRAY_HEAD = 16  # its type, its elements' type, their number

_WHOLE_NAMESPACES = ("general.", "tokenizer.", "adapter.", "split.", "clip.", "quantize.")


class GGUFError(StoreError):
    """The file is not a GGUF file, or it is damaged."""


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """A tensor's place: ``shape`` in GGUF order (rows are contiguous along ``shape[0]``)."""

    name: str
    shape: tuple[int, ...]
    type: int
    offset: int  # bytes from the start of the tensor data

    @property
    def elements(self) -> int:
        """How many numbers it has."""
        count = 1
        for dimension in self.shape:
            count *= dimension
        return count

    @property
    def type_name(self) -> str:
        """``F16``, ``Q4_K``, …; ``TYPE_<n>`` for a type this program does not know."""
        known = TENSOR_TYPES.get(self.type)
        return known.name if known else f"TYPE_{self.type}"

    @property
    def size(self) -> int:
        """Bytes of data, 0 for an unknown type."""
        known = TENSOR_TYPES.get(self.type)
        return self.elements // known.block * known.bytes if known else 0


class _Place(NamedTuple):
    path: Path
    order: str
    version: int
    kind: int
    length: int
    offset: int
    size: int  # in bytes


class LazyArray(Sequence[Any]):
    """A metadata array that is decoded from the file when it is first looked into."""

    def __init__(self, place: _Place) -> None:
        self._place = place
        self._lock = threading.Lock()

    @property
    def range(self) -> tuple[int, int]:
        """Where its elements are in the file: from here to there."""
        return self._place.offset, self._place.offset + self._place.size

    @property
    def has_texts(self) -> bool:
        """Whether its elements are texts."""
        return self._place.kind == _STRING

    def raw_texts(self) -> list[bytes]:
        """The texts' own bytes, read anew, so that nothing of them stays in memory."""
        place = self._place
        return _split_texts(self._read(), place.length, place.order, place.version)

    def __len__(self) -> int:
        return self._place.length

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> list[Any]: ...
    def __getitem__(self, index: int | slice) -> Any:
        return self.load()[index]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.load())

    def load(self) -> list[Any]:
        """All values; read once. Raises GGUFError, StoreError."""
        with self._lock:
            return self._values

    @cached_property
    def _values(self) -> list[Any]:
        place = self._place
        if not self.has_texts:
            form = f"{place.order}{place.length}{_SCALARS[place.kind]}"
            return list(struct.unpack(form, self._read()))
        return [text.decode("utf-8", "replace") for text in self.raw_texts()]

    def _read(self) -> bytes:
        path, size = self._place.path, self._place.size
        with disk_errors(path), path.open("rb") as file:
            file.seek(self._place.offset)
            data = file.read(size)
        if len(data) != size:
            raise GGUFError(f"unexpected EOF: {path.name} was cut off")
        return data


@dataclass(frozen=True)
class GGUF:
    """A header. ``metadata`` values are numbers, booleans, strings, lists and LazyArrays."""

    path: Path
    version: int
    byte_order: str  # "<" or ">"
    metadata: dict[str, Any]
    tensors: tuple[TensorInfo, ...]
    data_offset: int
    alignment: int
    file_size: int
    _by_name: dict[str, TensorInfo] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_name", {tensor.name: tensor for tensor in self.tensors})

    def get(self, key: str, default: Any = None) -> Any:
        """A metadata value; a key without a known prefix belongs to the architecture."""
        if key in self.metadata:
            return self.metadata[key]
        if key.startswith(_WHOLE_NAMESPACES):
            return default
        return self.metadata.get(f"{self.architecture}.{key}", default)

    def tensor(self, name: str) -> TensorInfo | None:
        """The tensor of that name."""
        return self._by_name.get(name)

    @property
    def architecture(self) -> str:
        """``general.architecture``, ``unknown`` when the file does not say."""
        value = self.metadata.get("general.architecture")
        return value if isinstance(value, str) and value else "unknown"

    @property
    def file_type(self) -> int | None:
        """``general.file_type``, None when the file does not say."""
        value = self.metadata.get("general.file_type")
        return value if isinstance(value, int) else None

    @property
    def file_type_name(self) -> str:
        """``Q4_K_M``, ``F16``, …, ``unknown``."""
        return file_type_name(self.file_type)

    @cached_property
    def parameter_count(self) -> int:
        """The sum of all tensors' elements."""
        return sum(tensor.elements for tensor in self.tensors)

    @property
    def chat_template(self) -> str | None:
        """The Jinja chat template."""
        value = self.metadata.get("tokenizer.chat_template")
        return value if isinstance(value, str) and value else None


def is_gguf(head: bytes) -> bool:
    """Whether a file that begins with these bytes claims to be GGUF."""
    return head[:4] in (b"GGUF", b"FUGG")


def read_gguf(path: Path, tokenizer: bool = False) -> GGUF:
    """The header of the file at ``path``, from a cache while size and mtime stay the same.

    ``tokenizer`` decodes the arrays of the vocabulary at once instead of on demand. Raises
    GGUFError for what is not a sound GGUF file and StoreError when it cannot be read.
    """
    with disk_errors(path):
        status = path.stat()
    key = (str(path), status.st_size, status.st_mtime_ns)
    with _cache_lock:
        found = _cache.get(key)
        if found is not None:
            _cache.move_to_end(key)
    if found is None:
        with disk_errors(path), path.open("rb") as file:
            found = _read(path, file, status.st_size)
        with _cache_lock:
            _cache[key] = found
            while len(_cache) > _CACHED_FILES:
                _cache.popitem(last=False)
    if tokenizer:
        for value in found.metadata.values():
            if isinstance(value, LazyArray):
                value.load()
    return found


_cache: OrderedDict[tuple[str, int, int], GGUF] = OrderedDict()
_cache_lock = threading.Lock()


def check_rewritable(header: GGUF) -> None:
    """Raise GGUFError for files whose bytes mean something else in today's format."""
    if header.byte_order != "<" or header.version == 1:
        raise GGUFError("cannot rewrite a big-endian or version 1 GGUF file: convert it anew")


def raw_values(header: GGUF) -> dict[str, bytes]:
    """Each metadata value as the file holds it: type and payload, ready to be written again.

    Raises GGUFError for big-endian files and version 1, whose bytes mean something else today.
    """
    check_rewritable(header)
    found: dict[str, bytes] = {}
    with disk_errors(header.path), header.path.open("rb") as file:
        reader = _Reader(file, header.file_size, header.byte_order, header.version)
        _read_magic(reader)
        _, pair_count = reader.count(), reader.count()
        for _ in range(pair_count):
            key, start = reader.string(), reader.position
            value = header.metadata.get(key)
            if isinstance(value, LazyArray) and value.range[0] == start + _ARRAY_HEAD:
                reader.move(value.range[1])  # known: not to be gone through text by text again
            else:
                _read_value(reader, header.path, key)
            found[key] = bytes(reader.buffer[start : reader.position])
    return found


class _Reader:
    """A cursor over the head of a file, which is read piece by piece as it is needed."""

    def __init__(self, file: BinaryIO, size: int, order: str = "<", version: int = 3) -> None:
        self.file = file
        self.size = size
        self.position = 0
        self.buffer = bytearray()
        self.set_format(order, version)

    def set_format(self, order: str, version: int) -> None:
        """Byte order, and the width of lengths."""
        self.order = order
        self.version = version
        self.length = _length_format(order, version)

    def move(self, position: int) -> None:
        """Go forward. Raises GGUFError past the end."""
        self.need(position - self.position)
        self.position = position

    def need(self, count: int) -> None:
        """Make ``count`` bytes at the cursor available. Raises GGUFError past the end."""
        wanted = self.position + count
        if wanted > self.size:
            raise GGUFError("unexpected EOF: the GGUF file is cut off inside its header")
        if wanted > len(self.buffer):
            more = max(wanted - len(self.buffer), min(len(self.buffer), 64 << 20), _MIN_READ)
            self.buffer += self.file.read(more)
            if wanted > len(self.buffer):
                raise GGUFError("unexpected EOF: the GGUF file is cut off inside its header")

    def unpack(self, form: struct.Struct) -> Any:
        self.need(form.size)
        (value,) = form.unpack_from(self.buffer, self.position)
        self.position += form.size
        return value

    def scalar(self, kind: int) -> Any:
        value = self.unpack(struct.Struct(self.order + _SCALARS[kind]))
        return shortest_float32(value) if kind == _FLOAT32 else value

    def count(self) -> int:
        value: int = self.unpack(self.length)
        return value

    def uint32(self) -> int:
        value: int = self.unpack(struct.Struct(self.order + "I"))
        return value

    def string(self) -> str:
        count = self.count()
        if count > MAX_STRING:
            raise GGUFError(f"damaged GGUF file: a string of {count} bytes")
        self.need(count)
        start = self.position
        self.position += count
        data = self.buffer[start : start + count]
        # Version 1 counted the terminating zero.
        return (data.rstrip(b"\0") if self.version == 1 else data).decode("utf-8", "replace")

    def array_head(self) -> tuple[int, int]:
        kind, count = self.uint32(), self.count()
        if kind != _STRING and kind not in _SCALARS:
            raise GGUFError(f"damaged GGUF file: an array of type {kind}")
        if count > MAX_ARRAY:
            raise GGUFError(f"damaged GGUF file: an array of {count} elements")
        return kind, count

    def array_values(self, kind: int, count: int) -> list[Any]:
        if kind == _STRING:
            return self._strings(count)
        form = struct.Struct(f"{self.order}{count}{_SCALARS[kind]}")
        self.need(form.size)
        values = form.unpack_from(self.buffer, self.position)
        self.position += form.size
        return list(values)

    def _strings(self, count: int) -> list[Any]:
        start = self.position
        self.skip_array(_STRING, count)
        data = bytes(memoryview(self.buffer)[start : self.position])
        texts = _split_texts(data, count, self.order, self.version)
        return [text.decode("utf-8", "replace") for text in texts]

    def skip_array(self, kind: int, count: int) -> None:
        if kind != _STRING:
            size = struct.calcsize("=" + _SCALARS[kind]) * count
            self.need(size)
            self.position += size
            return
        unpack, width = self.length.unpack_from, self.length.size
        position, available = self.position, len(self.buffer)
        for _ in range(count):
            if position + width > available:
                self.position = position
                self.need(width)
                available = len(self.buffer)
            length = unpack(self.buffer, position)[0]
            if length > MAX_STRING:
                raise GGUFError(f"damaged GGUF file: a string of {length} bytes")
            position += width + length
        self.position = position
        self.need(0)


def _length_format(order: str, version: int) -> struct.Struct:
    """Lengths have 32 bits in version 1."""
    return struct.Struct(order + ("I" if version == 1 else "Q"))


def _split_texts(data: bytes, count: int, order: str, version: int) -> list[bytes]:
    """As ``_Reader.string`` would read them one after another, in a third of the time."""
    form = _length_format(order, version)
    unpack, width = form.unpack_from, form.size
    found, position = [], 0
    try:
        for _ in range(count):
            end = position + width + unpack(data, position)[0]
            found.append(data[position + width : end])
            position = end
    except struct.error as error:
        raise GGUFError("the GGUF file has changed while it was read") from error
    if version == 1:  # it counted the terminating zero
        found = [text.rstrip(b"\0") for text in found]
    return found


def _read(path: Path, file: BinaryIO, size: int) -> GGUF:
    reader = _Reader(file, size)
    _read_magic(reader)
    tensor_count, pair_count = reader.count(), reader.count()
    # The smallest pair takes 13 bytes, the smallest tensor 24 (version 1: 9 and 20).
    if tensor_count * 20 > size or pair_count * 9 > size:
        raise GGUFError("unexpected EOF: the GGUF file is shorter than its header says")
    metadata: dict[str, Any] = {}
    for _ in range(pair_count):
        key = reader.string()
        metadata[key] = _read_value(reader, path, key)
    tensors = tuple(_read_tensor(reader) for _ in range(tensor_count))
    alignment = metadata.get("general.alignment", DEFAULT_ALIGNMENT)
    if not isinstance(alignment, int) or alignment <= 0:
        raise GGUFError(f"damaged GGUF file: general.alignment is {alignment}")
    data_offset = -(-reader.position // alignment) * alignment
    for tensor in tensors:
        _check_tensor(tensor, data_offset, size)
    return GGUF(path, reader.version, reader.order, metadata, tensors, data_offset, alignment, size)


def _read_magic(reader: _Reader) -> None:
    if reader.size < 4:
        raise GGUFError("invalid file magic")
    reader.need(4)
    magic = bytes(reader.buffer[:4])
    reader.position = 4
    if not is_gguf(magic):
        raise GGUFError("invalid file magic")
    if magic == b"FUGG":
        reader.set_format(">", 3)
    version = reader.uint32()
    order = reader.order
    if version & 0xFFFF == 0 and order == "<":
        # A version this large is a small one in the other byte order.
        order, version = ">", int.from_bytes(version.to_bytes(4, "little"), "big")
    if version not in (1, 2, 3):
        raise GGUFError(f"unsupported GGUF version {version}")
    reader.set_format(order, version)


def _read_value(reader: _Reader, path: Path, key: str) -> Any:
    kind = reader.uint32()
    if kind == _STRING:
        return reader.string()
    if kind in _SCALARS:
        return reader.scalar(kind)
    if kind != _ARRAY:
        raise GGUFError(f"damaged GGUF file: {key} has the unknown type {kind}")
    element, count = reader.array_head()
    if count <= _EAGER_ARRAY and not key.startswith("tokenizer."):
        return reader.array_values(element, count)
    start = reader.position
    reader.skip_array(element, count)
    size = reader.position - start
    return LazyArray(_Place(path, reader.order, reader.version, element, count, start, size))


def _read_tensor(reader: _Reader) -> TensorInfo:
    name = reader.string()
    dimensions = reader.uint32()
    if dimensions > MAX_DIMENSIONS:
        raise GGUFError(f'damaged GGUF file: tensor "{name}" has {dimensions} dimensions')
    shape = tuple(reader.count() for _ in range(dimensions))
    kind = reader.uint32()
    offset = reader.unpack(struct.Struct(reader.order + "Q"))
    return TensorInfo(name, shape, kind, offset)


def _check_tensor(tensor: TensorInfo, data_offset: int, size: int) -> None:
    known = TENSOR_TYPES.get(tensor.type)
    if known and tensor.shape and tensor.shape[0] % known.block:
        raise GGUFError(
            f'tensor "{tensor.name}" has rows of {tensor.shape[0]} elements, '
            f"which {known.name} blocks of {known.block} do not divide"
        )
    end = data_offset + tensor.offset + tensor.size
    if end > size:
        raise GGUFError(f'tensor "{tensor.name}" offset+size ({end}) exceeds file size ({size})')


def shortest_float32(value: float) -> float:
    """The double with the fewest digits that is the same float32: 1e-5, not 9.99999974e-06."""
    for digits in (6, 7, 8):
        short = float(f"{value:.{digits}g}")
        try:
            same = struct.unpack("f", struct.pack("f", short))[0] == value
        except OverflowError:
            return value
        if same:
            return short
    return value
