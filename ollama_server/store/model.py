"""Everything that is known about one installed model, gathered from its manifest and blobs."""

from __future__ import annotations

import json
import logging
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ollama_server.errors import NotFound, StoreError
from ollama_server.store import config as configs
from ollama_server.store import manifest as m
from ollama_server.store.config import Config
from ollama_server.store.gguf import GGUF, GGUFError, read_gguf
from ollama_server.store.manifest import Layer
from ollama_server.store.names import Name
from ollama_server.store.store import Entry, Store

log = logging.getLogger(__name__)

_CACHED_MODELS = 256


@dataclass(frozen=True)
class Model:
    """An installed model. Paths are blobs; they may be missing on disk, then ``gguf`` is None.

    ``template`` is the Go template layer (None without one), ``jinja`` the GGUF's own chat
    template. ``messages`` are ``{"role", "content", …}`` as stored.
    """

    name: Name
    digest: str
    modified_ns: int
    size: int
    config: Config
    model_path: Path | None
    projectors: tuple[Path, ...]
    adapters: tuple[Path, ...]
    draft: Path | None
    template: str | None
    system: str
    params: Mapping[str, Any]
    messages: tuple[Mapping[str, Any], ...]
    licenses: tuple[str, ...]
    parent_model: str
    is_tensor_model: bool

    @cached_property
    def gguf(self) -> GGUF | None:
        """The header of the weights; None where there are none or they cannot be read."""
        return _header(self.model_path)

    @cached_property
    def projector_gguf(self) -> GGUF | None:
        """The header of the first separate projector."""
        return _header(self.projectors[0]) if self.projectors else None

    @property
    def jinja(self) -> str | None:
        """The GGUF's Jinja chat template."""
        return self.gguf.chat_template if self.gguf else None

    @property
    def metadata(self) -> Mapping[str, Any]:
        """The GGUF metadata, empty without weights; long arrays are LazyArrays."""
        return self.gguf.metadata if self.gguf else {}

    @property
    def architecture(self) -> str:
        """The GGUF's architecture, else the family that the config names."""
        return self.gguf.architecture if self.gguf else self.config.model_family

    @property
    def families(self) -> tuple[str, ...]:
        """The families that the config names."""
        return self.config.model_families or (
            (self.config.model_family,) if self.config.model_family else ()
        )

    @property
    def quantization(self) -> str:
        """The quantization that the config states, else the GGUF's."""
        if self.config.file_type not in ("", "unknown"):
            return self.config.file_type
        return self.gguf.file_type_name if self.gguf else self.config.file_type

    @property
    def context_length(self) -> int:
        """The trained context: the config's value, else the GGUF's, else 0."""
        return self.config.context_length or self._arch_int("context_length")

    @property
    def embedding_length(self) -> int:
        """The width of the embeddings: the config's value, else the GGUF's, else 0."""
        return self.config.embedding_length or self._arch_int("embedding_length")

    @cached_property
    def gguf_capabilities(self) -> tuple[str, ...]:
        """What config, weights and projector reveal, in Ollama's order; templates add more."""
        found = list(self.config.capabilities)
        if self.gguf:
            found.append("embedding" if self.gguf.get("pooling_type") is not None else "completion")
            if self.gguf.get("vision.block_count"):
                found.append("vision")
            if self.gguf.get("audio.block_count"):
                found.append("audio")
        if self.projectors:
            hears = self._projector_has("audio")
            # The first projectors said nothing about what they encode: it was images.
            if self._projector_has("vision", default=not hears):
                found.append("vision")
            if hears:
                found.append("audio")
        if self.architecture == "nemotron_h_omni":
            found = [capability for capability in found if capability != "audio"]
        return tuple(dict.fromkeys(found))

    @property
    def is_embedding(self) -> bool:
        """Whether the weights say that they embed (they name a pooling type)."""
        return (
            bool(self.gguf) and self.gguf is not None and self.gguf.get("pooling_type") is not None
        )

    @property
    def sees(self) -> bool:
        """Whether it takes images, by a separate projector or a tower in its own file."""
        return "vision" in self.gguf_capabilities

    def _projector_has(self, encoder: str, *, default: bool = False) -> bool:
        """Whether the first projector says that it encodes ``vision`` or ``audio``."""
        header = self.projector_gguf
        if header is None:
            return default
        if encoder == "audio" and header.get("clip.projector_type") == "gemma3nv":
            return False  # it has the flag, and no weights for it
        stated = [
            value is True
            for key, value in header.metadata.items()
            if key.endswith(f".has_{encoder}_encoder")
        ]
        return any(stated) if stated else default

    def _arch_int(self, key: str) -> int:
        value = self.gguf.get(key) if self.gguf else 0
        return value if isinstance(value, int) else 0


def load_model(store: Store, entry: Entry) -> Model:
    """Gather a model; cached while its manifest stays the same.

    Raises StoreError when the config or a text layer is damaged. Missing or unreadable weights
    raise nothing here: such a model can still be shown and deleted.
    """
    key = (str(store.root), entry.name.full, entry.digest, entry.modified_ns)
    with _lock:
        found = _models.get(key)
        if found is not None and _headers_are_current(found):
            _models.move_to_end(key)
            return found
    model = _gather(store, entry)
    with _lock:
        _models[key] = model
        while len(_models) > _CACHED_MODELS:
            _models.popitem(last=False)
    return model


_models: OrderedDict[tuple[str, str, str, int], Model] = OrderedDict()
_lock = threading.Lock()


def _headers_are_current(model: Model) -> bool:
    """False once weights came or went since the model was gathered."""
    if model.model_path is None or "gguf" not in model.__dict__:
        return True
    return model.model_path.is_file() == (model.gguf is not None)


def _gather(store: Store, entry: Entry) -> Model:
    manifest, blobs = entry.manifest, store.blobs
    models = manifest.of_type(m.MEDIA_MODEL)
    weights = models[-1] if models else None
    drafts = manifest.of_type(m.MEDIA_DRAFT)
    templates = [x for x in manifest.layers if x.media_type in (m.MEDIA_TEMPLATE, m.MEDIA_PROMPT)]
    params = _json(store, manifest.of_type(m.MEDIA_PARAMS), dict)
    messages = _json(store, manifest.of_type(m.MEDIA_MESSAGES), list)
    return Model(
        name=entry.name,
        digest=entry.digest,
        modified_ns=entry.modified_ns,
        size=entry.size,
        config=read_config(store, entry),
        model_path=blobs.path(weights.digest) if weights else None,
        projectors=tuple(blobs.path(x.digest) for x in manifest.of_type(m.MEDIA_PROJECTOR)),
        adapters=tuple(blobs.path(x.digest) for x in manifest.of_type(m.MEDIA_ADAPTER)),
        draft=blobs.path(drafts[-1].digest) if drafts else None,
        template=_text(store, templates[-1]) if templates else None,
        system=_last_text(store, manifest.of_type(m.MEDIA_SYSTEM)),
        params=params or {},
        messages=tuple(x for x in messages or () if isinstance(x, dict)),
        licenses=tuple(_text(store, x) for x in manifest.of_type(m.MEDIA_LICENSE)),
        parent_model=weights.from_ if weights else "",
        is_tensor_model=bool(manifest.of_type(m.MEDIA_TENSOR)),
    )


def read_config(store: Store, entry: Entry) -> Config:
    """The model's config. Raises StoreError when the blob is missing or damaged."""
    if not entry.manifest.config.digest:
        raise StoreError(f"{entry.name.short} has no config; pull or create it again")
    try:
        return configs.parse(store.blobs.read(entry.manifest.config.digest))
    except NotFound as error:
        raise StoreError(
            f"the config of {entry.name.short} is missing ({error}); pull or create it again"
        ) from error


def _header(path: Path | None) -> GGUF | None:
    if path is None or not path.is_file():
        return None
    try:
        return read_gguf(path)
    except (GGUFError, StoreError) as error:
        log.warning("cannot read the header of %s: %s", path, error)
        return None


def _text(store: Store, layer: Layer) -> str:
    try:
        return store.blobs.read(layer.digest).decode("utf-8", "replace")
    except NotFound as error:
        raise StoreError(f"{error}: pull or create the model again") from error


def _last_text(store: Store, layers: list[Layer]) -> str:
    return _text(store, layers[-1]) if layers else ""


def _json(store: Store, layers: list[Layer], kind: type) -> Any:
    if not layers:
        return None
    try:
        value = json.loads(_text(store, layers[-1]))
    except (ValueError, RecursionError) as error:
        raise StoreError(f"damaged blob {layers[-1].digest}: {error}") from error
    if value is not None and not isinstance(value, kind):
        raise StoreError(f"damaged blob {layers[-1].digest}: not a JSON {kind.__name__}")
    return value
