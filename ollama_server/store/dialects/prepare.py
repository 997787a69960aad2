"""From an installed model to the files that a runner loads."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ollama_server.errors import LoadError, StoreError
from ollama_server.store.dialects import lint, lint_projector
from ollama_server.store.dialects.assemble import write_draft, write_pieces
from ollama_server.store.dialects.cache import Cache, Made
from ollama_server.store.dialects.overrides import Override, end_tokens, overrides
from ollama_server.store.dialects.recognize import (
    ADAPTER,
    OWN_PROJECTOR,
    SEPARATE_PROJECTOR,
    TEXT,
    Role,
)
from ollama_server.store.gguf import GGUF, LazyArray, read_gguf
from ollama_server.store.model import Model

_END_TOKENS = "tokenizer.ggml.eos_token_ids"
_MAX_END_TOKENS = 4096


@dataclass(frozen=True, slots=True)
class Files:
    """What llama.cpp loads: blobs where it reads them as they are, else their translations.

    ``overrides`` are keys that it is to take from here instead of from the model's file, and
    ``draft_overrides`` from the file of the draft model.
    ``end_tokens`` are those that the file lists in an array, which it does not read.
    """

    model: Path
    projectors: tuple[Path, ...] = ()
    adapters: tuple[Path, ...] = ()
    overrides: Mapping[str, Override] = field(default_factory=dict)
    end_tokens: tuple[int, ...] = ()
    draft: Path | None = None
    draft_overrides: Mapping[str, Override] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Translation:
    """What became of a file: another ``path``, ``overrides``, or neither for a stock file."""

    path: Path | None = None
    overrides: Mapping[str, Override] = field(default_factory=dict)
    end_tokens: tuple[int, ...] = ()

    @property
    def is_none(self) -> bool:
        """Whether the file is used as it is."""
        return self.path is None and not self.overrides


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

    def found(path: Path, role: Role) -> Translation:
        return translated(path, role, cache, in_use=in_use) if translate else Translation()

    try:
        text = found(source, TEXT)
        projectors = tuple(
            found(path, SEPARATE_PROJECTOR).path or path for path in model.projectors
        )
        if not projectors and (own := found(source, OWN_PROJECTOR).path):
            projectors = (own,)
        else:
            for path in projectors:
                lint_projector.check_keys(read_gguf(path))
        adapters = tuple(found(path, ADAPTER).path or path for path in model.adapters)
        draft = found(model.draft, TEXT) if model.draft is not None else Translation()
        ends = text.end_tokens
        if text.is_none:
            # A translation was checked when it was made.
            header = read_gguf(source)
            lint.check(header)
            ends = _end_tokens(header)
    except StoreError as error:
        raise LoadError(f"cannot prepare {model.name.short}: {error}") from error
    return Files(
        text.path or source,
        projectors,
        adapters,
        text.overrides,
        ends,
        draft.path or model.draft,
        draft.overrides,
    )


def translated(
    source: Path, role: Role, cache: Cache, *, in_use: Collection[Path] = ()
) -> Translation:
    """The cached translation of a file. Raises StoreError, and LoadError for what must not load."""
    header = read_gguf(source)
    if not role.recognizes(header):
        return Translation()
    entry = cache.get(source, role.name, lambda target: _make(header, role, target), in_use=in_use)
    return Translation(
        entry.path if entry.size else None,
        entry.facts.get("overrides", {}),
        tuple(entry.facts.get("end_tokens", ())),
    )


def _make(header: GGUF, role: Role, target: Path) -> Made:
    draft = role.draft(header)
    if draft is None:
        return Made()
    if role is OWN_PROJECTOR:
        return Made(write_draft(draft, target, _naming(lint_projector.check, header)))
    if role is not TEXT:
        return Made(write_draft(draft, target))
    facts: dict[str, Any] = {"end_tokens": end_tokens(draft)}
    values = overrides(draft)
    if values is not None:
        lint.check(replace(header, metadata={**header.metadata, **values}))
        return Made(facts=facts | {"overrides": values})
    sizes = write_pieces(draft, target, _naming(lint.check, header))
    return Made(sum(sizes), len(sizes), facts)


def _naming(check: Callable[[GGUF], None], source: GGUF) -> Callable[[GGUF], None]:
    """A check of a new header that names the source when it complains."""
    return lambda written: check(replace(written, path=source.path))


def _end_tokens(header: GGUF) -> tuple[int, ...]:
    listed = header.metadata.get(_END_TOKENS)
    if not isinstance(listed, LazyArray) or not 0 < len(listed) <= _MAX_END_TOKENS:
        return ()
    return tuple(token for token in listed if isinstance(token, int) and 0 <= token < 1 << 31)
