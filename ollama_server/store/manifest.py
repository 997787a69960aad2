"""Manifests: which blobs make up a model."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from ollama_server.errors import StoreError
from ollama_server.store import gojson
from ollama_server.store.blobs import is_digest

_T = TypeVar("_T")

MEDIA_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
MEDIA_CONFIG = "application/vnd.docker.container.image.v1+json"
_IMAGE = "application/vnd.ollama.image."
MEDIA_MODEL = _IMAGE + "model"
MEDIA_PROJECTOR = _IMAGE + "projector"
MEDIA_ADAPTER = _IMAGE + "adapter"
MEDIA_DRAFT = _IMAGE + "draft"
MEDIA_TEMPLATE = _IMAGE + "template"
MEDIA_PROMPT = _IMAGE + "prompt"  # the old name of a template layer
MEDIA_SYSTEM = _IMAGE + "system"
MEDIA_PARAMS = _IMAGE + "params"
MEDIA_MESSAGES = _IMAGE + "messages"
MEDIA_LICENSE = _IMAGE + "license"
MEDIA_TENSOR = _IMAGE + "tensor"
MEDIA_JSON = _IMAGE + "json"
MEDIA_EMBED = _IMAGE + "embed"


@dataclass(frozen=True, slots=True)
class Layer:
    """One blob of a model. ``from_`` names the model it was copied from, or its source file."""

    media_type: str
    digest: str
    size: int
    from_: str = ""
    name: str = ""

    def as_json(self) -> gojson.Struct:
        """The layer as a manifest writes it, empty optional fields left out."""
        value = gojson.Struct(mediaType=self.media_type, digest=self.digest, size=self.size)
        if self.from_:
            value["from"] = self.from_
        if self.name:
            value["name"] = self.name
        return value


_NO_CONFIG = Layer("", "", 0)


@dataclass(frozen=True, slots=True)
class Manifest:
    """A model's config blob and its layers, in order."""

    schema_version: int = 2
    media_type: str = MEDIA_MANIFEST
    config: Layer = _NO_CONFIG
    layers: tuple[Layer, ...] = field(default=())

    @property
    def size(self) -> int:
        """Bytes of all layers and the config as the manifest states them."""
        return self.config.size + sum(layer.size for layer in self.layers)

    @property
    def digests(self) -> set[str]:
        """Every blob the model needs, as ``sha256:<hex>``."""
        return {layer.digest for layer in (*self.layers, self.config) if layer.digest}

    def of_type(self, media_type: str) -> list[Layer]:
        """The layers of one media type, in order."""
        return [layer for layer in self.layers if layer.media_type == media_type]

    def dump(self) -> bytes:
        """The manifest file: compact JSON in fixed order and a newline."""
        return gojson.dumps(
            gojson.Struct(
                schemaVersion=self.schema_version,
                mediaType=self.media_type,
                config=self.config.as_json(),
                layers=[layer.as_json() for layer in self.layers] or None,
            )
        )


def parse(data: bytes) -> Manifest:
    """Read a manifest. Raises StoreError saying what is wrong with it."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise StoreError(f"damaged manifest: {error}") from error
    if not isinstance(value, dict):
        raise StoreError("damaged manifest: not a JSON object")
    layers = value.get("layers") or []
    if not isinstance(layers, list):
        raise StoreError("damaged manifest: layers is not a list")
    config = value.get("config")
    return Manifest(
        schema_version=_typed(value, "schemaVersion", int, 0),
        media_type=_typed(value, "mediaType", str, ""),
        config=_layer(config) if config is not None else _NO_CONFIG,
        layers=tuple(_layer(layer) for layer in layers),
    )


def parse_installed(data: bytes) -> Manifest:
    """Read a manifest whose blobs are to be looked at. Raises StoreError, also for bad digests."""
    found = parse(data)
    digests = [layer.digest for layer in found.layers]
    digests += [found.config.digest] if found.config.digest else []
    for digest in digests:
        if not is_digest(digest):
            raise StoreError(f'damaged manifest: "{digest}" is no digest')
    return found


def read(path: Path) -> Manifest:
    """Read the manifest file at ``path``. Raises StoreError or OSError."""
    return parse_installed(path.read_bytes())


def _layer(value: Any) -> Layer:
    if not isinstance(value, dict):
        raise StoreError("damaged manifest: a layer is not a JSON object")
    return Layer(
        media_type=_typed(value, "mediaType", str, ""),
        digest=_typed(value, "digest", str, ""),
        size=_typed(value, "size", int, 0),
        from_=_typed(value, "from", str, ""),
        name=_typed(value, "name", str, ""),
    )


def _typed(value: dict[str, Any], key: str, kind: type[_T], default: _T) -> _T:
    found = value.get(key)
    if found is None:
        return default
    if not isinstance(found, kind) or isinstance(found, bool):
        raise StoreError(f"damaged manifest: {key} has the wrong type")
    return found
