"""From an installed model to the files that a runner loads."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
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
from ollama_server.store.gguf import GGUF, read_gguf
from ollama_server.store.model import Model

log = logging.getLogger(__name__)

Plan = Callable[[GGUF], Draft | None]


@dataclass(frozen=True, slots=True)
class Files:
    """What llama.cpp loads: blobs where it reads them as they are, else their translations."""

    model: Path
    projectors: tuple[Path, ...] = ()
    adapters: tuple[Path, ...] = ()


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
        lint.check(read_gguf(files.model))
    except StoreError as error:
        raise LoadError(f"cannot prepare {model.name.short}: {error}") from error
    return files


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
