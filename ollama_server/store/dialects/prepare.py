"""From an installed model to the files that a runner loads."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path

from ollama_server.errors import LoadError, StoreError
from ollama_server.store.dialects import lint
from ollama_server.store.dialects.assemble import write_draft
from ollama_server.store.dialects.cache import Cache
from ollama_server.store.dialects.draft import Draft
from ollama_server.store.dialects.recognize import (
    adapter_draft,
    projector_draft,
    separate_projector_draft,
    text_draft,
)
from ollama_server.store.gguf import GGUF, LazyArray, read_gguf
from ollama_server.store.model import Model

log = logging.getLogger(__name__)

Plan = Callable[[GGUF], Draft | None]

_END_TOKENS = "tokenizer.ggml.eos_token_ids"
_MAX_END_TOKENS = 4096


@dataclass(frozen=True, slots=True)
class Files:
    """What llama.cpp loads: blobs where it reads them as they are, else their translations.

    ``end_tokens`` are those that the model's file lists in an array, which llama.cpp does not read.
    """

    model: Path
    projectors: tuple[Path, ...] = ()
    adapters: tuple[Path, ...] = ()
    end_tokens: tuple[int, ...] = ()


def prepare(
    model: Model,
    cache: Cache,
    *,
    translate: bool = True,
    in_use: Collection[Path] = (),
) -> Files:
    """The files for a model, translated first where that is needed; slow then, for big ones.

    ``translate`` off gives the blobs as they are, but checks them all the same. The weights of
    models that are loaded are ``in_use``: their translations stay. Raises LoadError.
    """
    assert model.model_path is not None
    source = model.model_path
    files = Files(source, model.projectors, model.adapters)
    try:
        if translate:
            files = _translated(model, source, cache, in_use)
        header = read_gguf(files.model)
        lint.check(header)
        files = replace(files, end_tokens=_end_tokens(header))
    except StoreError as error:
        raise LoadError(f"cannot prepare {model.name.short}: {error}") from error
    return files


def _end_tokens(header: GGUF) -> tuple[int, ...]:
    listed = header.metadata.get(_END_TOKENS)
    if not isinstance(listed, LazyArray) or not 0 < len(listed) <= _MAX_END_TOKENS:
        return ()
    return tuple(token for token in listed if isinstance(token, int) and 0 <= token < 1 << 31)


def _translated(model: Model, source: Path, cache: Cache, in_use: Collection[Path]) -> Files:
    def file_for(path: Path, role: str, plan: Plan) -> Path | None:
        return translated(path, role, plan, cache, in_use=in_use)

    text = file_for(source, "text", text_draft) or source
    projectors = tuple(
        file_for(path, "projector", separate_projector_draft) or path for path in model.projectors
    )
    if not projectors:
        own = file_for(source, "mmproj", projector_draft)
        projectors = (own,) if own else ()
    adapters = tuple(file_for(path, "adapter", adapter_draft) or path for path in model.adapters)
    return Files(text, projectors, adapters)


def translated(
    source: Path, role: str, plan: Plan, cache: Cache, *, in_use: Collection[Path] = ()
) -> Path | None:
    """The cached translation of a file, None when it needs none. Raises StoreError."""
    draft = plan(read_gguf(source))
    if draft is None:
        return None
    return cache.get(source, role, lambda target: write_draft(draft, target), in_use=in_use)
