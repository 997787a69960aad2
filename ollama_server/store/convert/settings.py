"""A Hugging Face model's JSON files, with the spellings that differ between versions evened out."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ollama_server.errors import StoreError

_BARE_NUMBERS = re.compile(r"(?<=[\[:,\s])(-?Infinity|NaN)(?=\s*[,\]}])")


@dataclass(frozen=True)
class Settings:
    """``config.json``; settings of the text part of a multimodal model come to the top."""

    architecture: str
    config: Mapping[str, Any]
    files: Mapping[str, Path]
    rope: Mapping[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        rope = dict(self.config.get("rope_scaling") or {})
        rope.update(self.config.get("rope_parameters") or {})
        whole = dict(rope.get("full_attention") or rope)
        whole.setdefault("rope_type", whole.get("type"))
        # Settings of all layers may also stand beside the rope's own.
        for key in ("rope_theta", "partial_rotary_factor", "original_max_position_embeddings"):
            if whole.get(key) is None and self.config.get(key) is not None:
                whole[key] = self.config[key]
        whole["sliding"] = rope.get("sliding_attention") or {}
        object.__setattr__(self, "rope", whole)

    def get(self, *names: str, default: Any = None) -> Any:
        """The first of these settings that has a value."""
        for name in names:
            value = self.config.get(name)
            if value is not None:
                return value
        return default

    def require(self, *names: str) -> Any:
        """The same; raises StoreError when there is none."""
        value = self.get(*names)
        if value is None:
            raise StoreError(f'config.json does not say "{names[0]}"')
        return value

    @property
    def layers(self) -> int:
        """How many blocks the model has."""
        return int(self.require("num_hidden_layers", "n_layer", "n_layers"))

    @property
    def heads(self) -> int:
        """How many attention heads a block has."""
        return int(self.require("num_attention_heads", "n_head"))

    @property
    def key_value_heads(self) -> int:
        """How many of them have keys and values of their own."""
        return int(self.get("num_key_value_heads", default=self.heads))

    @property
    def width(self) -> int:
        """The size of a hidden state."""
        return int(self.require("hidden_size", "n_embd"))

    @property
    def head_width(self) -> int:
        """The size of one head."""
        return int(self.get("head_dim", default=self.width // self.heads))

    def json(self, name: str) -> Any:
        """One of the model's other JSON files, None when it is not there. Raises StoreError."""
        return read_json(self.files, name)


def read_settings(files: Mapping[str, Path]) -> Settings:
    """The model's settings. Raises StoreError when they are missing or do not name it."""
    config = read_json(files, "config.json")
    if not isinstance(config, dict):
        raise StoreError("config.json is missing: it says what the safetensors files hold")
    architectures = config.get("architectures") or []
    if not architectures or not isinstance(architectures[0], str):
        raise StoreError("unknown architecture")
    text = config.get("text_config")
    merged = {**config, **text} if isinstance(text, dict) else config
    return Settings(architectures[0], merged, files)


def read_json(files: Mapping[str, Path], name: str) -> Any:
    """A JSON file of a set, None when it is not there; Infinity and NaN read as 0."""
    path = files.get(name)
    if path is None:
        return None
    try:
        return json.loads(_BARE_NUMBERS.sub("0", path.read_text("utf-8")))
    except (ValueError, OSError) as error:
        raise StoreError(f"cannot read {name}: {error}") from error
