"""The config blob: what a model is, in a few words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ollama_server.errors import StoreError
from ollama_server.store import gojson


@dataclass(frozen=True, slots=True)
class Config:
    """A model's config; empty values are "not stated". ``raw`` is the JSON as it was read."""

    model_format: str = ""
    model_family: str = ""
    model_families: tuple[str, ...] = ()
    model_type: str = ""  # the parameter count in words
    file_type: str = ""  # the quantization in words
    renderer: str = ""
    parser: str = ""
    requires: str = ""
    remote_host: str = ""
    remote_model: str = ""
    capabilities: tuple[str, ...] = ()
    context_length: int = 0
    embedding_length: int = 0
    base_name: str = ""
    draft: Mapping[str, Any] | None = None
    raw: Mapping[str, Any] = field(default_factory=dict, compare=False)

    @property
    def is_remote(self) -> bool:
        """Whether this is only a pointer to a model on another server."""
        return bool(self.remote_host or self.remote_model)

    def dump(self) -> bytes:
        """The config blob's bytes."""
        value = gojson.Struct(
            model_format=self.model_format,
            model_family=self.model_family,
            model_families=list(self.model_families) or None,
            model_type=self.model_type,
            file_type=self.file_type,
        )
        optional = {
            "renderer": self.renderer,
            "parser": self.parser,
            "requires": self.requires,
            "remote_host": self.remote_host,
            "remote_model": self.remote_model,
            "capabilities": list(self.capabilities),
            "context_length": self.context_length,
            "embedding_length": self.embedding_length,
            "base_name": self.base_name,
            "draft": gojson.Struct(self.draft) if self.draft else None,
        }
        value.update({key: found for key, found in optional.items() if found})
        value.update(architecture="amd64", os="linux")
        return gojson.dumps(value)


def parse(data: bytes) -> Config:
    """Read a config blob. Raises StoreError when it is no JSON object; odd fields are ignored."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise StoreError(f"damaged config: {error}") from error
    if not isinstance(value, dict):
        raise StoreError("damaged config: not a JSON object")
    draft = value.get("draft")
    return Config(
        **{key: _text(value, key) for key in _TEXTS},
        model_families=_texts(value, "model_families"),
        capabilities=_texts(value, "capabilities"),
        context_length=_number(value, "context_length"),
        embedding_length=_number(value, "embedding_length"),
        draft=draft if isinstance(draft, dict) else None,
        raw=value,
    )


_TEXTS = (
    "model_format",
    "model_family",
    "model_type",
    "file_type",
    "renderer",
    "parser",
    "requires",
    "remote_host",
    "remote_model",
    "base_name",
)


def _text(value: dict[str, Any], key: str) -> Any:
    found = value.get(key)
    return found if isinstance(found, str) else ""


def _texts(value: dict[str, Any], key: str) -> tuple[str, ...]:
    found = value.get(key)
    return tuple(item for item in found if isinstance(item, str)) if isinstance(found, list) else ()


def _number(value: dict[str, Any], key: str) -> int:
    found = value.get(key)
    if not isinstance(found, int) or isinstance(found, bool):
        return 0
    return max(0, found)
