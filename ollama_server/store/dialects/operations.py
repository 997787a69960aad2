"""The few things that translations do to tensor data, one tensor in memory at a time.

Those that only put ranges of the source one after another cost no memory at all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isqrt, prod
from pathlib import Path

import gguf
import numpy as np

from ollama_server.store.dialects.draft import Array, Part, RuleError, Span
from ollama_server.store.disk import disk_errors
from ollama_server.store.ggml import BF16, F16, F32
from ollama_server.store.gguf import GGUFError

MXFP4 = 39
_MXFP4_BLOCK, _MXFP4_BYTES = 32, 17
_MAX_POSITIONS = 1 << 18


def read_bytes(path: Path, part: Part) -> Array:
    """A part's bytes, from its source. Raises GGUFError when the file is short."""
    if part.make is not None:
        return np.ascontiguousarray(part.make()).view(np.uint8).reshape(-1)
    data = np.empty(sum(span.size for span in part.spans), np.uint8)
    view = data.data
    with disk_errors(path), path.open("rb") as file:
        for span in part.spans:
            file.seek(span.offset)
            if file.readinto(view[: span.size]) != span.size:
                raise GGUFError(f"unexpected EOF in the tensor data of {path.name}")
            view = view[span.size :]
    return data


def read_floats(path: Path, part: Part) -> Array:
    """A part as float32, of the shape reversed (numpy's order)."""
    data = read_bytes(path, part)
    shape = part.shape[::-1]
    if part.type == F32:
        return data.view("<f4").reshape(shape)
    if part.type == F16:
        return data.view("<f2").astype(np.float32).reshape(shape)
    if part.type == BF16:
        return (data.view("<u2").astype(np.uint32) << 16).view(np.float32).reshape(shape)
    try:
        kind = gguf.GGMLQuantizationType(part.type)
        values: Array = gguf.quants.dequantize(data.reshape(-1, part.row_bytes), kind)
    except (ValueError, NotImplementedError) as error:
        raise GGUFError(f"tensor data of type {part.type} cannot be dequantized") from error
    return values.astype(np.float32, copy=False).reshape(shape)


def _made(shape: Sequence[int], make: Callable[[], Array]) -> Part:
    return Part(tuple(shape), F32, make=lambda: np.ascontiguousarray(make(), dtype="<f4"))


def promote(path: Path, part: Part) -> Part:
    """As float32."""
    return part if part.type == F32 else _made(part.shape, lambda: read_floats(path, part))


def constant(values: Sequence[float]) -> Part:
    """A vector."""
    return _made((len(values),), lambda: np.asarray(values))


def join_rows(path: Path, parts: Sequence[Part], *, as_float: bool = False) -> Part:
    """Several tensors as one, their rows (a vector's elements) one after another."""
    first = parts[0]
    axis = len(first.shape) - 1
    if axis > 1 or any(
        len(p.shape) != len(first.shape) or p.shape[:axis] != first.shape[:axis] for p in parts
    ):
        raise RuleError("tensors that belong together have different shapes")
    shape = (*first.shape[:axis], sum(part.shape[axis] for part in parts))
    same = {part.type for part in parts} == {first.type} and all(p.make is None for p in parts)
    if same and not (as_float and first.type != F32):
        return Part(shape, first.type, tuple(span for part in parts for span in part.spans))
    return _made(shape, lambda: np.concatenate([read_floats(path, part) for part in parts]))


def split_frames(path: Path, part: Part, channels: int) -> tuple[Part, Part]:
    """A convolution over two frames ``[W, H, 2, out * channels]`` as one for each frame."""
    if len(part.shape) != 4 or part.shape[2] != 2 or not channels or part.shape[3] % channels:
        raise RuleError(f"a patch embedding of shape {list(part.shape)}")
    width, height, _, count = part.shape

    def frame(index: int) -> Array:
        values = read_floats(path, part)
        return values.reshape(count // channels, channels, 2, height, width)[:, :, index]

    shape = (width, height, channels, count // channels)
    return _made(shape, lambda: frame(0)), _made(shape, lambda: frame(1))


def interleave_heads(path: Path, part: Part, heads: int) -> Part:
    """Rows of each head reordered from halves (NeoX rope) to pairs (the original rope)."""
    if len(part.shape) != 2 or not heads or part.shape[1] % (2 * heads):
        raise RuleError(f"a projection of shape {list(part.shape)} for {heads} heads")

    def make() -> Array:
        rows = read_bytes(path, part).reshape(heads, 2, part.shape[1] // heads // 2, -1)
        return np.ascontiguousarray(rows.swapaxes(1, 2))

    return Part(part.shape, part.type, make=make)


def row(path: Path, part: Part, index: int) -> Part:
    """One row of a matrix as a float32 vector."""
    if len(part.shape) != 2 or len(part.spans) != 1 or index >= part.shape[1]:
        raise RuleError(f"a matrix of shape {list(part.shape)} has no row {index}")
    span = Span(part.spans[0].offset + index * part.row_bytes, part.row_bytes)
    one = Part((part.shape[0],), part.type, (span,))
    return promote(path, one)


def resize_positions(path: Path, part: Part, width: int, side: int) -> Part:
    """Position embeddings on a square grid, bilinear with aligned corners, to ``side`` squared."""
    transposed = len(part.shape) == 2 and part.shape[0] != width
    count = prod(part.shape) // width if width else 0
    old = isqrt(count)
    if old * old != count or not count > 0 or not 0 < side * side <= _MAX_POSITIONS:
        raise RuleError(f"position embeddings of shape {list(part.shape)}")
    if prod(part.shape) != width * count or (transposed and part.shape[1] != width):
        raise RuleError(f"position embeddings of shape {list(part.shape)} and width {width}")

    def make() -> Array:
        values = read_floats(path, part)
        grid = (values.T if transposed else values).reshape(old, old, width)
        return _bilinear(grid, side).reshape(side * side, width)

    return _made((width, side * side), make)


def _bilinear(grid: Array, side: int) -> Array:
    old = grid.shape[0]
    if old == side:
        return grid
    at = np.arange(side) * ((old - 1) / (side - 1) if side > 1 else 0.0)
    low = np.minimum(at.astype(int), old - 1)
    high = np.minimum(low + 1, old - 1)
    part = (at - low).astype(np.float32)
    down = part[:, None, None]
    rows = grid[low] * (1 - down) + grid[high] * down
    across = part[None, :, None]
    return np.asarray(rows[:, low] * (1 - across) + rows[:, high] * across)


def reshape(part: Part, shape: tuple[int, ...]) -> Part:
    """The same elements in another shape. Raises RuleError when they are not as many."""
    if prod(shape) != prod(part.shape):
        raise RuleError(f"{list(part.shape)} cannot be seen as {list(shape)}")
    return Part(shape, part.type, part.spans, part.make)


def raw_mxfp4_rows(path: Path, part: Part, start: int, step: int, *, raw: bool) -> Part:
    """Every ``step``-th row of MXFP4 data from ``start`` on; ``raw`` reorders its nibbles.

    The first uploads of gpt-oss keep neighbours in one byte (``raw``); today's type 39 keeps
    elements 16 apart.
    """
    rows, rest = divmod(prod(part.shape[1:]), step)
    row_bytes = part.shape[0] // _MXFP4_BLOCK * _MXFP4_BYTES
    if len(part.shape) != 3 or len(part.spans) != 1 or part.shape[1] % step or rest:
        raise RuleError(f"experts of shape {list(part.shape)}")
    size = row_bytes * rows * step
    source = Part(part.shape, MXFP4, (Span(part.spans[0].offset, size),))

    def make() -> Array:
        data = read_bytes(path, source).reshape(rows, step, row_bytes)[:, start]
        return _reordered(data) if raw else np.ascontiguousarray(data)

    return Part((part.shape[0], part.shape[1] // step, part.shape[2]), MXFP4, make=make)


def _reordered(rows: Array) -> Array:
    blocks = np.ascontiguousarray(rows).reshape(-1, _MXFP4_BYTES)
    out = blocks.copy()
    first, second = blocks[:, 1:9], blocks[:, 9:17]
    out[:, 1::2] = (first & 0x0F) | (second << 4)
    out[:, 2::2] = (first >> 4) | (second & 0xF0)
    return out


def every_other(path: Path, part: Part, start: int) -> Part:
    """Elements ``start``, ``start + 2``, … of each row, as float32."""
    if len(part.shape) != 2 or part.shape[0] % 2:
        raise RuleError(f"biases of shape {list(part.shape)}")
    shape = (part.shape[0] // 2, part.shape[1])
    return _made(shape, lambda: read_floats(path, part)[:, start::2])
