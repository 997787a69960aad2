"""Changes that need no file: a few keys that llama.cpp takes from its caller instead.

What an override can say is a single value for a key that llama.cpp reads as a single value. A model
whose tensors stay what they are then loads from where it lies.
"""

from __future__ import annotations

import struct

from ollama_server.store.dialects.draft import Draft
from ollama_server.store.gguf_write import Encoded

Override = bool | int | float | str

_MAX_TEXT = 127
_SCALARS = {4: "<I", 5: "<i", 6: "<f", 7: "<?"}
_STRING, _ARRAY = 8, 9
# The server renders prompts itself and knows the ends: llama.cpp need not hear of them.
_NOT_READ = ("tokenizer.chat_template", "tokenizer.ggml.eos_token_ids")
# Read as one value for all blocks or one for each: not from an override, unless the file has one.
_PER_BLOCK = (
    ".feed_forward_length",
    ".attention.head_count",
    ".attention.head_count_kv",
    ".expert_used_count",
    ".expert_feed_forward_length",
    ".rope.dimension_sections",
)


def overrides(draft: Draft) -> dict[str, Override] | None:
    """The keys to say at a load instead of writing the draft; None where that does not do."""
    if not draft.keeps_tensors or draft.architecture != draft.source.architecture:
        return None
    found: dict[str, Override] = {}
    for name, encoded in draft.changed_keys.items():
        if name in _NOT_READ:
            continue
        value = _value(encoded) if encoded is not None else None
        if value is None or name.startswith("general.") or name.endswith(_PER_BLOCK):
            return None
        found[name] = value
    return found


def end_tokens(draft: Draft) -> list[int]:
    """The tokens that the draft lists as ends."""
    encoded = draft.keys.get("tokenizer.ggml.eos_token_ids", b"")
    if len(encoded) < 16:
        return []
    kind, element, count = struct.unpack_from("<IIQ", encoded)
    if kind != _ARRAY or element not in (4, 5) or count * 4 != len(encoded) - 16:
        return []
    tokens = struct.unpack_from(f"<{count}{_SCALARS[element][1]}", encoded, 16)
    return [token for token in tokens if 0 <= token < 1 << 31]


def _value(encoded: Encoded) -> Override | None:
    (kind,) = struct.unpack_from("<I", encoded)
    if kind in _SCALARS:
        scalar: Override = struct.unpack_from(_SCALARS[kind], encoded, 4)[0]
        return scalar
    if kind == _STRING and len(encoded) - 12 <= _MAX_TEXT:
        return encoded[12:].decode("utf-8", "replace")
    return None
