"""Writing a draft: a new header, and the source's data in as few ranges as there are.

Ranges are copied by the kernel. The header is made as long as it takes for most of the data to lie
at the same place within a block as in the source: file systems that share blocks between files then
share them instead of copying.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from copy import copy
from pathlib import Path

from ollama_server.errors import StoreError
from ollama_server.store import gguf_write as write
from ollama_server.store.dialects.copying import BLOCK, Copying, Range, shares_blocks
from ollama_server.store.dialects.draft import Draft, Part, RuleError
from ollama_server.store.dialects.operations import read_bytes
from ollama_server.store.disk import FILE_MODE, disk_errors, free_space
from ollama_server.store.gguf import DEFAULT_ALIGNMENT, GGUF, GGUFError, read_gguf

_ARCHITECTURE = "general.architecture"
_SMALLEST_PIECE = 16 << 20
_FILLER_KEY = "general.padding"
_WRITE_BYTES = 256 << 20
_MAX_NAME_BYTES = 63


def write_draft(draft: Draft, target: Path, check: Callable[[GGUF], None] = lambda _: None) -> int:
    """Write the draft's file to ``target``, which exists and is empty; how many bytes it has.

    ``check`` sees the new header while data is copied, and may raise. Raises StoreError when there
    is no space, GGUFError when the draft is no sound file.
    """
    tensors = _tensors(draft)
    header, offsets, total = _layout(draft, tensors)
    source = draft.source.path
    with disk_errors(target), source.open("rb") as read, target.open("r+b") as file:
        if not shares_blocks(read.fileno(), file.fileno()) and free_space(target) < total:
            raise StoreError(
                f"not enough disk space to prepare {source.name}: {total} bytes are needed in "
                f"{target.parent}; free some space or set OLLAMA_MODELS to a folder on another disk"
            )
        os.pwrite(file.fileno(), header, 0)
        file.truncate(total)
        with Copying(read.fileno(), file.fileno(), list(_ranges(draft, offsets))) as copying:
            check(_verified(target, tensors, total))
            for name, part in draft.parts.items():
                if part.make is not None:
                    _write_made(file.fileno(), source, name, part, offsets[name])
            copying.finish()
    if target.stat().st_size != total:
        raise GGUFError(f"{target.name} was not written as planned")
    return total


def write_pieces(
    draft: Draft,
    target: Path,
    check: Callable[[GGUF], None] = lambda _: None,
    *,
    smallest: int = _SMALLEST_PIECE,
) -> list[int]:
    """As ``write_draft``, in several files where those can share more blocks with the source.

    The first is ``target``, the next ``<target>.2``; returns their sizes. Each has a header of its
    own, so that each of the source's ranges finds its place. Pieces have ``smallest`` bytes.
    """
    with disk_errors(target), draft.source.path.open("rb") as read, target.open("r+b") as file:
        shares = shares_blocks(read.fileno(), file.fileno())
    pieces = split(draft, smallest) if shares else [draft]
    sizes = []
    for number, piece in enumerate(pieces, 1):
        path = target if number == 1 else target.with_name(f"{target.name}.{number}")
        if number > 1:
            with disk_errors(path):
                path.touch(FILE_MODE, exist_ok=False)
        sizes.append(write_draft(piece, path, check if number == 1 else lambda _: None))
    return sizes


def split(draft: Draft, smallest: int) -> list[Draft]:
    """The draft in pieces that llama.cpp loads together, one for each long range of the source."""
    groups: list[dict[str, Part]] = [{}]
    end, copied = -1, 0
    for name, part in draft.parts.items():
        spans = part.spans if part.make is None else ()
        gap = spans[0].offset - end if spans and end >= 0 else 0
        if not 0 <= gap < DEFAULT_ALIGNMENT and copied >= smallest:
            groups.append({})
            copied = 0
        groups[-1][name] = part
        if spans:
            end = spans[-1].offset + spans[-1].size
            copied += part.size
    if len(groups) > 1 and copied < smallest:
        last = groups.pop()
        groups[-1] |= last
    if len(groups) == 1:
        return [draft]
    return [_piece(draft, parts, number, len(groups)) for number, parts in enumerate(groups)]


def _piece(draft: Draft, parts: dict[str, Part], number: int, count: int) -> Draft:
    """The first piece has all keys."""
    piece = copy(draft)
    kept = draft.keys if number == 0 else {_ARCHITECTURE: draft.keys[_ARCHITECTURE]}
    piece.parts = parts
    piece.keys = {
        **kept,
        "split.no": write.uint16(number),
        "split.count": write.uint16(count),
        "split.tensors.count": write.int32(len(draft.parts)),
    }
    return piece


def _tensors(draft: Draft) -> list[write.Tensor]:
    found = []
    for name, part in draft.parts.items():
        if len(name.encode()) > _MAX_NAME_BYTES:
            raise GGUFError(f'the tensor name "{name}" is longer than {_MAX_NAME_BYTES} bytes')
        try:
            size = part.size
        except RuleError as error:
            raise GGUFError(f'tensor "{name}": {error}; pull the model again') from error
        if part.make is None and sum(span.size for span in part.spans) != size:
            raise GGUFError(f'tensor "{name}" has not the size its shape says')
        found.append(write.Tensor(name, part.shape, part.type, list))
    return found


def _layout(draft: Draft, tensors: list[write.Tensor]) -> tuple[bytes, dict[str, int], int]:
    """The header, each tensor's place in the file, and the file's size."""
    keys = {key: value for key, value in draft.keys.items() if key != "general.alignment"}
    keys[_FILLER_KEY] = write.string("")
    relative, end = {}, 0
    for tensor in tensors:
        relative[tensor.name] = end
        end += -(-tensor.size // DEFAULT_ALIGNMENT) * DEFAULT_ALIGNMENT
    size = write.header_size(keys, tensors)
    shared: Counter[int] = Counter()
    for item in _ranges(draft, relative):
        if item.shift % DEFAULT_ALIGNMENT == 0:
            shared[item.shift % BLOCK] += item.span.size
    if shared:
        ((shift, _),) = shared.most_common(1)
        keys[_FILLER_KEY] = write.string(" " * ((-shift - size) % BLOCK))
    header = write.header_bytes(keys, tensors)
    offsets = {name: len(header) + offset for name, offset in relative.items()}
    return header, offsets, len(header) + end


def _ranges(draft: Draft, offsets: dict[str, int]) -> Iterator[Range]:
    """What is copied, as few ranges as there are."""
    pending: Range | None = None
    for name, part in draft.parts.items():
        target = offsets[name]
        for span in part.spans if part.make is None else ():
            item = Range(target, span)
            target += span.size
            joined = pending.joined(item) if pending else None
            if pending is not None and joined is None:
                yield pending
            pending = joined or item
    if pending is not None:
        yield pending


def _write_made(target: int, source: Path, name: str, part: Part, offset: int) -> None:
    data = read_bytes(source, part).data
    if data.nbytes != part.size:
        raise GGUFError(f'tensor "{name}" has {data.nbytes} bytes instead of {part.size}')
    while data:
        written = os.pwrite(target, data[:_WRITE_BYTES], offset)
        offset += written
        data = data[written:]


def _verified(path: Path, tensors: list[write.Tensor], total: int) -> GGUF:
    """The header as it is read back."""
    header = read_gguf(path)
    found = [(tensor.name, tensor.shape, tensor.type) for tensor in header.tensors]
    if header.file_size != total or found != [(t.name, t.shape, t.type) for t in tensors]:
        raise GGUFError(f"{path.name} was not written as planned")
    return header
