"""From a checkpoint's tensors to GGUF tensors: new names, other layouts, other number formats."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from ollama_server.errors import StoreError
from ollama_server.store.convert.architectures import Architecture, Experts
from ollama_server.store.convert.checkpoint import Source
from ollama_server.store.convert.numbers import Array, encode, to_float32
from ollama_server.store.convert.settings import Settings
from ollama_server.store.ggml import BF16, F16, F32
from ollama_server.store.gguf_write import Tensor

# These stay F32 whatever else becomes smaller: they are small, or the router decides by them.
_ALWAYS_F32 = re.compile(
    r"(_norm|ffn_gate_inp|ffn_gate_inp_shexp|token_types|position_embd)\.weight$|\.bias$"
)
_BLOCK = re.compile(r"^blk\.(\d+)\.")
_SCALE_SUFFIXES = ("_scale_inv", "_scale", ".scale_inv", ".scale", ".weight_scale_inv")


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one GGUF tensor comes from the checkpoint: from one tensor, or one for each expert.

    ``heads`` asks for the rotary permutation of that many heads, ``first_row`` and ``last_row``
    leave rows out, ``shift`` and ``factor`` change the numbers, ``scale`` belongs to 8-bit floats.
    """

    name: str
    sources: tuple[Source, ...]
    target: int
    heads: int = 0
    first_row: int = 0
    last_row: int | None = None
    shift: float = 0.0
    factor: float = 1.0
    transposed: bool = False
    scale: Source | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """In GGUF order: reversed, the experts last."""
        stored = self.sources[0].shape or (1,)
        rows, *rest = reversed(stored) if self.transposed else stored
        rows = len(range(rows)[self.first_row : self.last_row])
        shape = (*reversed(rest), rows)
        return (*shape, len(self.sources)) if len(self.sources) > 1 else shape

    @property
    def is_plain(self) -> bool:
        """Whether the numbers keep their order and values."""
        unchanged = self.shift == 0 and self.factor == 1 and self.scale is None
        return (
            unchanged
            and not (self.heads or self.transposed)
            and not self.first_row
            and self.last_row is None
        )

    def tensor(self) -> Tensor:
        """The tensor, whose data is made when it is written."""
        return Tensor(self.name, self.shape, self.target, self.pieces)

    def pieces(self) -> Iterator[bytes]:
        """The bytes: streamed where the layout stays, tensor by tensor where it changes."""
        for source in self.sources:
            if self.is_plain:
                for part in source.stream():
                    yield encode(part, source.dtype, self.target)
            else:
                yield self._changed(source)

    def _changed(self, source: Source) -> bytes:
        data, dtype = source.read(), source.dtype
        if self.scale is not None:
            data, dtype = _dequantized(data, self.scale), "F32"
        if self.transposed:
            data = data.T
        data = data[self.first_row : self.last_row]
        if self.heads:
            data = _interleaved(data, self.heads)
        if self.shift or self.factor != 1:
            data, dtype = (to_float32(data, dtype) + self.shift) * self.factor, "F32"
        return encode(np.ascontiguousarray(data), dtype, self.target)


def recipes(
    sources: Mapping[str, Source],
    settings: Settings,
    architecture: Architecture,
    wanted: int | None,
) -> list[Recipe]:
    """How to make every GGUF tensor, ordered by block and name.

    ``wanted`` is a ggml type; None keeps BF16 and F16 and makes F16 of F32. Raises StoreError for
    a tensor that the architecture does not have.
    """
    found = _Cook(sources, settings, architecture, wanted).all()
    return sorted(found, key=lambda recipe: _order(recipe.name))


@dataclass(frozen=True, slots=True)
class _Cook:
    sources: Mapping[str, Source]
    settings: Settings
    architecture: Architecture
    wanted: int | None

    def all(self) -> Iterator[Recipe]:
        stacks: dict[str, dict[int, Source]] = defaultdict(dict)
        for name, source in self.sources.items():
            renamed = self._renamed(name)
            if renamed is None:
                continue
            expert = _expert_of(renamed, self.architecture.experts)
            if expert is not None:
                stacks[expert[0]][expert[1]] = source
                continue
            new = gguf_name(renamed, self.architecture.gguf, self.settings.layers)
            yield self._recipe(new, source)
        for new, experts in stacks.items():
            ordered = tuple(experts[number] for number in sorted(experts))
            yield Recipe(new, ordered, self._target(new, ordered[0]))

    def _renamed(self, name: str) -> str | None:
        """The name to look up, None for what GGUF has no place for."""
        architecture = self.architecture
        if self.sources[name].dtype in ("I64", "BOOL") or _is_scale(name, self.sources):
            return None
        if re.search(architecture.skip, name):
            return None
        for pattern, replacement in architecture.rename:
            name = re.sub(pattern, replacement, name)
        tied = architecture.output_is_tied or self.settings.get("tie_word_embeddings")
        if re.search(architecture.skip, name) or (tied and name == "lm_head.weight"):
            return None
        return name

    def _recipe(self, name: str, source: Source) -> Recipe:
        settings, architecture = self.settings, self.architecture
        heads = first_row = 0
        last_row = None
        if architecture.permuted and re.search(r"attn_[qk]\.(weight|bias)$", name):
            heads = settings.heads if "attn_q." in name else settings.key_value_heads
        if architecture.offset_positions and name == "position_embd.weight":
            first_row = int(settings.get("pad_token_id", default=0)) + 1
        if name in ("token_embd.weight", "output.weight"):
            # Rows behind the vocabulary are padding that no token reaches.
            stated = settings.get("vocab_size")
            last_row = stated if stated and stated < source.shape[0] else None
        return Recipe(
            name,
            (source,),
            self._target(name, source),
            heads=heads,
            first_row=first_row,
            last_row=last_row,
            shift=architecture.shift if name.endswith("norm.weight") else 0.0,
            factor=architecture.query_factor(settings) if self._scales_queries(name) else 1.0,
            scale=_scale_of(source, self.sources),
        )

    def _scales_queries(self, name: str) -> bool:
        """Whether a factor on queries belongs to this tensor: their norm, else their projection."""
        normed = any("q_norm" in other for other in self.sources)
        return name.endswith("attn_q_norm.weight" if normed else "attn_q.weight")

    def _target(self, name: str, source: Source) -> int:
        if len(source.shape) <= 1 or _ALWAYS_F32.search(name):
            return F32
        if self.wanted is not None:
            return self.wanted
        return BF16 if source.dtype in ("BF16", "F8_E4M3") else F16


def gguf_name(name: str, architecture: str, layers: int) -> str:
    """The GGUF name of a tensor. Raises StoreError when the architecture has no such tensor."""
    new = _name_map(architecture, layers).get_name(name, try_suffixes=(".weight", ".bias"))
    if new is None:
        raise StoreError(f'unknown tensor "{name}" for the architecture {architecture}')
    return str(new)


@cache
def _name_map(architecture: str, layers: int) -> Any:
    from gguf.constants import MODEL_ARCH_NAMES
    from gguf.tensor_mapping import get_tensor_name_map

    numbers = {text: number for number, text in MODEL_ARCH_NAMES.items()}
    return get_tensor_name_map(numbers[architecture], layers)


def _expert_of(name: str, experts: Experts | None) -> tuple[str, int] | None:
    match = re.match(experts.pattern, name) if experts else None
    if match is None or experts is None:
        return None
    layer, expert, part = match.groups()
    return f"blk.{layer}.{experts.names[part]}.weight", int(expert)


def _interleaved(data: Array, heads: int) -> Array:
    """Rows of each head from (first halves, second halves) to pairs, as ggml rotates them."""
    rows, *rest = data.shape
    pairs = data.reshape(heads, 2, rows // heads // 2, *rest)
    return pairs.swapaxes(1, 2).reshape(data.shape)


def _scale_of(source: Source, sources: Mapping[str, Source]) -> Source | None:
    if source.dtype != "F8_E4M3":
        return None
    stem = source.name.removesuffix(".weight")
    candidates = [source.name + suffix for suffix in _SCALE_SUFFIXES]
    candidates += [stem + suffix for suffix in _SCALE_SUFFIXES]
    return next((sources[name] for name in candidates if name in sources), None)


def _is_scale(name: str, sources: Mapping[str, Source]) -> bool:
    if not name.endswith(_SCALE_SUFFIXES):
        return False
    return any(source.dtype == "F8_E4M3" for source in sources.values())


def _dequantized(data: Array, scale: Source) -> Array:
    """8-bit floats times their scales: one for all, one a row, or one for each block."""
    floats = to_float32(data, "F8_E4M3")
    scales = to_float32(scale.read(), scale.dtype)
    for axis, (length, count) in enumerate(zip(floats.shape, scales.shape, strict=False)):
        repeats = -(-length // count)
        scales = np.repeat(scales, repeats, axis=axis).take(range(length), axis=axis)
    scaled: Array = floats * scales
    return scaled


def _order(name: str) -> tuple[int, str]:
    match = _BLOCK.match(name)
    return (int(match[1]) if match else -1, name)


def dominant_type(types: Iterable[int]) -> int:
    """``general.file_type`` of a file with these tensor types: F32, F16 or BF16."""
    present = set(types)
    if BF16 in present:
        return 32
    return 1 if F16 in present else 0
