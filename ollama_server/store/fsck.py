"""Checking a store: every manifest's blobs exist and are what their names say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ollama_server.errors import BadRequest, StoreError
from ollama_server.store import manifest as manifests
from ollama_server.store.blobs import digest_file
from ollama_server.store.gguf import read_gguf
from ollama_server.store.manifest import (
    MEDIA_ADAPTER,
    MEDIA_DRAFT,
    MEDIA_MODEL,
    MEDIA_PROJECTOR,
    Layer,
)
from ollama_server.store.names import Name
from ollama_server.store.store import Store

_GGUF_LAYERS = (MEDIA_MODEL, MEDIA_PROJECTOR, MEDIA_ADAPTER, MEDIA_DRAFT)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about the store: an ``error`` breaks a model, a ``note`` only takes space."""

    severity: Literal["error", "note"]
    subject: str
    text: str

    def __str__(self) -> str:
        return f"{self.severity}: {self.subject}: {self.text}"


def check_store(
    store: Store, *, digests: bool = True, progress: Callable[[Path], object] | None = None
) -> list[Finding]:
    """Everything that is wrong with the store, errors first; an empty list means it is sound.

    ``digests`` reads every blob in full and hashes it; ``progress`` hears which one is next.
    Nothing is changed. Raises StoreError only when the folders themselves cannot be read.
    """
    checker = _Checker(store, digests, progress)
    checker.check_manifests()
    checker.check_blobs()
    checker.check_derived()
    return sorted(checker.findings, key=lambda f: (f.severity, f.subject, f.text))


class _Checker:
    def __init__(
        self, store: Store, digests: bool, progress: Callable[[Path], object] | None
    ) -> None:
        self.store, self.digests, self.progress = store, digests, progress
        self.findings: list[Finding] = []

    def check_manifests(self) -> None:
        for parts, path in self.store.manifest_files():
            subject = "/".join(parts)
            if parts[-1].startswith("."):
                self._note(subject, "a hidden file among the manifests")
                continue
            name = Name(*parts)
            if not name.is_valid:
                self._error(subject, "not a model's name: the file is never used")
                continue
            try:
                manifest = manifests.read(path)
            except (StoreError, OSError) as error:
                self._error(name.short, str(error))
                continue
            for layer in (manifest.config, *manifest.layers):
                self._check_layer(name.short, layer)

    def _check_layer(self, subject: str, layer: Layer) -> None:
        try:
            path = self.store.blobs.path(layer.digest)
        except BadRequest:
            self._error(subject, f"{layer.digest!r} is no digest")
            return
        if not path.is_file():
            self._error(subject, f"blob {layer.digest} is missing")
            return
        size = path.stat().st_size
        if size != layer.size:
            self._error(subject, f"blob {layer.digest} has {size} bytes instead of {layer.size}")
        elif layer.media_type in _GGUF_LAYERS:
            try:
                read_gguf(path)
            except StoreError as error:
                self._error(subject, f"blob {layer.digest}: {error}")

    def check_blobs(self) -> None:
        needed = self.store.referenced()
        for path, digest in self.store.blobs.files():
            if digest is None:
                self._note(path.name, "an unfinished download or a leftover")
                continue
            if digest not in needed:
                self._note(path.name, "no model uses this blob")
            if not self.digests:
                continue
            if self.progress:
                self.progress(path)
            try:
                found = digest_file(path)
            except OSError as error:
                self._error(path.name, str(error))
                continue
            if found != digest:
                self._error(path.name, f"the content is {found}: the blob is damaged")

    def check_derived(self) -> None:
        for entry in self.store.derived.entries():
            if entry.problem:
                self._note(entry.path.name, f"a useless translation of a model: {entry.problem}")
        for path in self.store.derived.leftovers():
            self._note(path.name, "a leftover of a model's translation")

    def _error(self, subject: str, text: str) -> None:
        self.findings.append(Finding("error", subject, text))

    def _note(self, subject: str, text: str) -> None:
        self.findings.append(Finding("note", subject, text))
