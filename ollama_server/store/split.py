"""Joining a model that is split over several GGUF files into one."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ollama_server.errors import StoreError
from ollama_server.store import gguf_write
from ollama_server.store.gguf import GGUF
from ollama_server.store.job import Job

_PATTERN = re.compile(r"(?P<prefix>.+)-(?P<index>\d{5})-of-(?P<count>\d{5})\.gguf")
_SPLIT_KEYS = ("split.no", "split.count", "split.tensors.count")


@dataclass(frozen=True, slots=True)
class Shard:
    """One file of a split model under the name it was uploaded with."""

    name: str
    header: GGUF


def is_shard(header: GGUF) -> bool:
    """Whether this file is one of several."""
    count = header.get("split.count", 0)
    return isinstance(count, int) and count > 1


def groups(shards: Iterable[Shard]) -> list[list[Shard]]:
    """The shards of each model, complete and in order. Raises StoreError saying what is missing."""
    found: dict[str, dict[int, Shard]] = {}
    counts: dict[str, int] = {}
    for shard in shards:
        prefix, index = _place(shard)
        group = found.setdefault(prefix, {})
        if index in group:
            raise StoreError(f"split GGUF has duplicate shard index {index}")
        group[index] = shard
        counts[prefix] = shard.header.get("split.count")
    for prefix, group in found.items():
        if 1 not in group:
            raise StoreError("split GGUF is missing first shard")
        if len(group) != counts[prefix]:
            raise StoreError(
                f'split GGUF "{group[1].name}" has {len(group)} shards, expected {counts[prefix]}'
            )
    return [[group[index] for index in sorted(group)] for _, group in sorted(found.items())]


def merge(shards: list[Shard], sink: gguf_write.Sink, job: Job) -> None:
    """Write the shards of one model as one file. Raises GGUFError, Canceled."""
    metadata = gguf_write.metadata_of(shards[0].header)
    for key in _SPLIT_KEYS:
        metadata.pop(key, None)
    tensors = [tensor for shard in shards for tensor in gguf_write.tensors_of(shard.header)]
    gguf_write.write_gguf(sink, metadata, tensors, lambda _: job.check())


def _place(shard: Shard) -> tuple[str, int]:
    """The model's prefix and the shard's number from 1 on, checked against its metadata."""
    match = _PATTERN.fullmatch(shard.name)
    if match is None:
        raise StoreError(f'split GGUF "{shard.name}" must use llama.cpp split filename pattern')
    index, count = int(match["index"]), int(match["count"])
    stated = shard.header.get("split.count")
    if count != stated:
        raise StoreError(
            f'split GGUF "{shard.name}" filename count {count} '
            f"does not match metadata count {stated}"
        )
    number = shard.header.get("split.no")
    if number is None:
        raise StoreError(f'split GGUF "{shard.name}" is missing split.no metadata')
    if index != number + 1:
        raise StoreError(
            f'split GGUF "{shard.name}" filename index {index} '
            f"does not match metadata index {number + 1}"
        )
    return match["prefix"], index
