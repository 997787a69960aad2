"""A file that is to be written: the keys and tensors of a source, changed step by step."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ollama_server.store import gguf_write as write
from ollama_server.store.ggml import TENSOR_TYPES
from ollama_server.store.gguf import GGUF, LazyArray, TensorInfo, check_rewritable, raw_values

log = logging.getLogger(__name__)

Array = NDArray[Any]
_MAX_UINT32 = (1 << 32) - 1
_FLOAT_KEYS = ("epsilon", "freq_base", "image_mean", "image_std", "scaling.factor")


class RuleError(Exception):
    """A rule does not fit this file; the rule is skipped."""


class Span(NamedTuple):
    """A range of the source file."""

    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class Part:
    """A tensor to be written: ranges of the source one after another, or computed by ``make``.

    ``shape`` is in GGUF order (rows are contiguous along ``shape[0]``). ``make`` gives an array of
    exactly the part's bytes and is called when they are due, so that one tensor is in memory.
    """

    shape: tuple[int, ...]
    type: int
    spans: tuple[Span, ...] = ()
    make: Callable[[], Array] | None = None

    @property
    def size(self) -> int:
        """Bytes of data. Raises RuleError for a type this program does not know."""
        return self.row_bytes * prod(self.shape[1:])

    @property
    def row_bytes(self) -> int:
        """Bytes of one row. Raises RuleError for a type this program does not know."""
        known = TENSOR_TYPES.get(self.type)
        if known is None:
            raise RuleError(f"unknown tensor type {self.type}")
        return (self.shape[0] if self.shape else 1) // known.block * known.bytes

    def rows(self, count: int) -> Part:
        """Only the first ``count`` entries of the last dimension. Raises RuleError."""
        if len(self.shape) != 2 or len(self.spans) != 1 or not 0 < count <= self.shape[1]:
            raise RuleError(f"cannot keep {count} rows of a tensor of shape {list(self.shape)}")
        span = Span(self.spans[0].offset, self.row_bytes * count)
        return replace(self, shape=(self.shape[0], count), spans=(span,))


class Draft:
    """``keys`` are encoded values, ``parts`` tensors by name in the order they are written.

    The keys are the source's, where none are given. Raises GGUFError for a source of another time.
    """

    def __init__(self, source: GGUF, keys: dict[str, write.Encoded] | None = None) -> None:
        check_rewritable(source)
        self.source = source
        self.keys: dict[str, write.Encoded] = raw_values(source) if keys is None else keys
        self.parts: dict[str, Part] = {t.name: _part(source, t) for t in source.tensors}
        self.architecture = source.architecture
        self._source_keys, self._source_parts = dict(self.keys), dict(self.parts)

    @property
    def changes_nothing(self) -> bool:
        """Whether the source says the same already."""
        return self.keys == self._source_keys and self.keeps_tensors

    @property
    def keeps_tensors(self) -> bool:
        """Whether all tensors are the source's."""
        return self.parts == self._source_parts

    @property
    def changed_keys(self) -> dict[str, write.Encoded | None]:
        """Keys that the source does not have so; None for those that are gone."""
        names = {**self._source_keys, **self.keys}
        return {
            name: self.keys.get(name)
            for name in names
            if self.keys.get(name) != self._source_keys.get(name)
        }

    def key(self, name: str) -> str:
        """A full key: one that begins with a dot belongs to the architecture."""
        return self.architecture + name if name.startswith(".") else name

    def set(self, name: str, value: Any) -> None:
        """Give a key a value. Raises RuleError when it has none of a key's types."""
        key = self.key(name)
        self.keys[key] = encode(value, as_float=key.endswith(_FLOAT_KEYS))

    def value(self, name: str) -> Any:
        """The source's value; raises RuleError when it has none. Arrays are lists."""
        key = self.source.architecture + name if name.startswith(".") else name
        value = self.source.metadata.get(key)
        if value is None:
            raise RuleError(f"the file has no key {key}")
        return value.load() if isinstance(value, LazyArray) else value

    def number(self, name: str, default: int | None = None) -> int:
        """A whole number of the source. Raises RuleError when it is missing or something else."""
        try:
            value = self.value(name)
        except RuleError:
            if default is None:
                raise
            return default
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MAX_UINT32:
            raise RuleError(f"{self.key(name)} is no number")
        return value

    def numbers(self, name: str) -> list[int]:
        """A list of whole numbers of the source. Raises RuleError."""
        value = self.value(name)
        if not isinstance(value, list) or not all(isinstance(x, int) for x in value):
            raise RuleError(f"{self.key(name)} is no list of numbers")
        return value

    def part(self, name: str) -> Part:
        """A tensor. Raises RuleError when there is none of that name."""
        found = self.parts.get(name)
        if found is None:
            raise RuleError(f"the file has no tensor {name}")
        return found

    def dimension(self, name: str, axis: int) -> int:
        """``ne0``, ``ne1``, … of a tensor. Raises RuleError."""
        shape = self.part(name).shape
        if axis >= len(shape):
            raise RuleError(f"tensor {name} has {len(shape)} dimensions")
        return shape[axis]

    def replace_names(self, new_name: Callable[[str], str]) -> None:
        """Rename tensors; one whose new name is taken keeps its own."""
        taken = set(self.parts)
        parts: dict[str, Part] = {}
        for name, part in self.parts.items():
            wanted = new_name(name)
            if wanted != name and wanted not in taken:
                taken.add(wanted)
                name = wanted
            parts[name] = part
        self.parts = parts

    def run(self, steps: Iterable[Callable[[Draft], None]]) -> None:
        """Apply steps one after another; what does not fit is skipped and logged."""
        for step in steps:
            try:
                step(self)
            except RuleError as error:
                log.warning("%s: a rule is skipped: %s", self.source.path.name, error)


def encode(value: Any, *, as_float: bool = False) -> write.Encoded:
    """A key's value as the file holds it; whole numbers become uint32. Raises RuleError."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        return _encode_list(list(value), as_float)
    if isinstance(value, bool):
        return write.boolean(value)
    if isinstance(value, int) and not as_float:
        if not 0 <= value <= _MAX_UINT32:
            raise RuleError(f"{value} is no 32-bit number")
        return write.uint32(value)
    if isinstance(value, int | float):
        return write.float32(_float32(value))
    if isinstance(value, str):
        return write.string(value)
    raise RuleError(f"{value!r} cannot be a key's value")


def _encode_list(values: list[Any], as_float: bool) -> write.Encoded:
    kinds = {type(value) for value in values}
    if kinds == {bool}:
        return write.booleans(values)
    if kinds == {str}:
        return write.strings(values)
    if kinds == {int} and not as_float:
        if not all(-(1 << 31) <= value < 1 << 31 for value in values):
            raise RuleError("a list with numbers of more than 32 bits")
        return write.int32s(values)
    if kinds and kinds <= {int, float}:
        return write.float32s([_float32(value) for value in values])
    raise RuleError("a list that cannot be a key's value")


def _float32(value: float) -> float:
    with np.errstate(over="ignore"):
        return float(np.float32(value))


def _part(source: GGUF, tensor: TensorInfo) -> Part:
    return Part(tensor.shape, tensor.type, (Span(source.data_offset + tensor.offset, tensor.size),))
