"""The pieces a new model is put together from, while it is being made."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Protocol

from ollama_server.errors import BadRequest, NotFound, StoreError
from ollama_server.store import gguf_write
from ollama_server.store.blobs import Stored
from ollama_server.store.gguf import GGUF, read_gguf
from ollama_server.store.manifest import (
    MEDIA_ADAPTER,
    MEDIA_DRAFT,
    MEDIA_MODEL,
    MEDIA_PROJECTOR,
    Layer,
)
from ollama_server.store.store import Pins, Store

Kind = Literal["model", "projector", "adapter"]
MEDIA_OF_KIND: Mapping[str, str] = {
    "model": MEDIA_MODEL,
    "projector": MEDIA_PROJECTOR,
    "adapter": MEDIA_ADAPTER,
    "draft": MEDIA_DRAFT,
}


class DetectedTemplate(Protocol):
    """A built-in Go template that stands for a GGUF's Jinja template."""

    @property
    def name(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def stop(self) -> Sequence[str]: ...


@dataclass(frozen=True, slots=True)
class Part:
    """A layer with the frame that announces it, and the header where it is a GGUF file."""

    layer: Layer
    status: str
    header: GGUF | None = None


@dataclass(slots=True)
class Parts:
    """The layers of a model in the making, in manifest order."""

    store: Store
    pins: Pins
    items: list[Part] = field(default_factory=list)
    # Blobs to remove at the end unless a model uses them: those made here, those replaced.
    dispensable: set[str] = field(default_factory=set)

    def keep(self, layer: Layer) -> None:
        """Append a layer of another model as it is."""
        self.pins.hold(layer.digest)
        if not self.store.blobs.has(layer.digest):
            raise StoreError(
                f"blob {layer.digest} is missing from the store: pull or create "
                f"{layer.from_ or 'the base model'} again"
            )
        self.store.blobs.touch(layer.digest)
        self.items.append(Part(layer, f"using existing layer {layer.digest}"))

    def add(self, media_type: str, stored: Stored, *, from_: str = "", status: str = "") -> Part:
        """Append a layer for a blob that was just stored."""
        self.pins.hold(stored.digest)
        if stored.created:
            self.dispensable.add(stored.digest)
        verb = "creating new layer" if stored.created else "using existing layer"
        part = Part(
            Layer(media_type, stored.digest, stored.size, from_),
            status or f"{verb} {stored.digest}",
            self.header(stored.digest) if media_type in MEDIA_OF_KIND.values() else None,
        )
        self.items.append(part)
        return part

    def remove(self, *media_types: str) -> None:
        """Drop all layers of these types."""
        self.items = [part for part in self.items if part.layer.media_type not in media_types]

    def replace(self, old: Part, stored: Stored) -> None:
        """Put another blob into ``old``'s place."""
        place = self.items.index(old)
        self.add(old.layer.media_type, stored, from_=old.layer.from_)
        self.items[place] = self.items.pop()

    def of_type(self, media_type: str) -> list[Part]:
        """The parts of one media type, in order."""
        return [part for part in self.items if part.layer.media_type == media_type]

    def with_headers(self) -> list[Part]:
        """Weights and projectors with their headers; unreadable ones are left out."""
        found = []
        for part in (*self.of_type(MEDIA_MODEL), *self.of_type(MEDIA_PROJECTOR)):
            path = self.store.blobs.path(part.layer.digest)
            if part.header is not None:
                found.append(part)
            elif path.is_file():
                found.append(replace(part, header=read_gguf(path)))
        return found

    def header(self, digest: str) -> GGUF:
        """The header of a stored GGUF blob."""
        return read_gguf(self.store.blobs.path(digest))

    def uploaded(self, digest: str) -> Path:
        """The path of a blob that the client uploaded before. Raises StoreError."""
        self.pins.hold(digest)
        path = self.store.blobs.path(digest)
        if not path.is_file():
            raise StoreError(f"blob {digest} is not in the store: upload it to /api/blobs first")
        self.store.blobs.touch(digest)
        return path

    def write(self, make: Callable[[gguf_write.Sink], None]) -> Stored:
        """Store what ``make`` writes as a new blob."""
        with self.store.blobs.writer() as writer:
            make(writer.write)
            return writer.commit()


def kind_of(header: GGUF) -> Kind:
    """What a GGUF file is for: weights, a projector for images or sound, or an adapter."""
    match header.get("general.type"):
        case "adapter":
            return "adapter"
        case "projector" | "mmproj":
            return "projector"
    if header.get("block_count") is None:
        if (header.get("vision.block_count") or 0) > 0:
            return "projector"
        encoders = (header.get("clip.has_vision_encoder"), header.get("clip.has_audio_encoder"))
        if header.architecture == "clip" and any(encoders):
            return "projector"
    return "model"


def needs_projector_type(header: GGUF) -> bool:
    """Whether this is an old vision projector that does not say how it projects."""
    stated = ("clip.projector_type", "clip.vision.projector_type", "clip.audio.projector_type")
    return bool(header.get("clip.has_vision_encoder")) and not any(header.get(k) for k in stated)


def stored_blob(store: Store, digest: str) -> Stored:
    """A blob that is there already, as ``Stored``. Raises StoreError."""
    try:
        return Stored(digest, store.blobs.size(digest), created=False)
    except NotFound as error:
        raise StoreError(str(error)) from error


def merged_parameters(*sources: Mapping[str, Any]) -> dict[str, Any]:
    """Later values win, key by key; a list replaces a list."""
    merged: dict[str, Any] = {}
    for source in sources:
        merged.update(source)
    for key, value in merged.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise BadRequest(f'parameter "{key}" is not a number')
    return merged
