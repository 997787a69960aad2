"""Which dialect a file is in, and what it becomes; None for files to be used as they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ollama_server.store import gguf_write as write
from ollama_server.store.dialects import operations as op
from ollama_server.store.dialects.catalog import ADAPTERS, DIALECTS
from ollama_server.store.dialects.draft import Draft
from ollama_server.store.dialects.steps import Dialect, promote_vectors
from ollama_server.store.ggml import BF16, F16
from ollama_server.store.gguf import GGUF

_PROJECTOR_PREFIXES = ("v.", "mm.", "a.", "s.")
_ARCHITECTURES = {name for dialect in DIALECTS for name in dialect.architectures}
_MEANS_NONE = ("", "default")


def find_dialect(header: GGUF) -> Dialect | None:
    """The first dialect that the file meets, by its header alone."""
    if header.architecture not in _ARCHITECTURES:
        return None
    for dialect in DIALECTS:
        if header.architecture in dialect.architectures and dialect.applies(header):
            return dialect
    return None


@dataclass(frozen=True, slots=True)
class Role:
    """What a file is loaded as. ``recognizes`` tells cheaply that ``draft`` has nothing to do."""

    name: str
    recognizes: Callable[[GGUF], bool]
    draft: Callable[[GGUF], Draft | None]


def text_draft(header: GGUF) -> Draft | None:
    """What the text model has to become. Raises GGUFError."""
    dialect = find_dialect(header)
    if dialect is None and not _needs_repair(header):
        return None
    draft = Draft(header)
    draft.run(dialect.text if dialect else ())
    _repair(draft)
    return None if draft.changes_nothing else draft


def projector_draft(header: GGUF) -> Draft | None:
    """The projector in a text model's file, as a file of its own. Raises GGUFError."""
    dialect = find_dialect(header)
    if dialect is None or not dialect.projector or not _has_tower(header):
        return None
    name = header.metadata.get("general.name")
    keys = {
        "general.architecture": write.string("clip"),
        "general.type": write.string("mmproj"),
        "general.file_type": write.uint32(F16),
        "general.quantization_version": write.uint32(2),
        "clip.has_vision_encoder": write.boolean(True),
        **({"general.name": write.string(name)} if isinstance(name, str) else {}),
    }
    draft = Draft(header, keys)
    draft.architecture = "clip"
    draft.run((*dialect.projector, promote_vectors))
    draft.parts = {n: p for n, p in draft.parts.items() if n.startswith(_PROJECTOR_PREFIXES)}
    return draft


def separate_projector_draft(header: GGUF) -> Draft | None:
    """A projector's file with vectors that are too short, or of the time when there was one type.

    Raises GGUFError.
    """
    draft = Draft(header)
    if _lacks_type(header):
        draft.set("clip.projector_type", "mlp")
    promote_vectors(draft)
    return None if draft.changes_nothing else draft


def adapter_draft(header: GGUF) -> Draft | None:
    """A LoRA adapter that names its base model's private architecture. Raises GGUFError."""
    public = ADAPTERS.get(header.architecture)
    if public is None:
        return None
    draft = Draft(header)
    draft.set("general.architecture", public.architecture)
    draft.run(public.names)
    return draft


def _has_tower(header: GGUF) -> bool:
    return any(tensor.name.startswith("v.") for tensor in header.tensors)


def _lacks_type(header: GGUF) -> bool:
    metadata = header.metadata
    return (
        header.architecture == "clip"
        and metadata.get("clip.has_vision_encoder") is True
        and "clip.projector_type" not in metadata
        and "clip.vision.projector_type" not in metadata
    )


def _has_half_vectors(header: GGUF) -> bool:
    return header.architecture == "clip" and any(
        len(tensor.shape) == 1 and tensor.type in (F16, BF16) for tensor in header.tensors
    )


def _rope_scaling(header: GGUF) -> str:
    return f"{header.architecture}.rope.scaling.type"


def _is_half_vector(name: str, shape: tuple[int, ...], kind: int) -> bool:
    # ggml's processor kernels abort when they add or multiply such vectors.
    return len(shape) == 1 and kind in (F16, BF16) and name.endswith(("norm.weight", ".bias"))


def _needs_repair(header: GGUF) -> bool:
    if header.architecture == "clip":
        return False
    return header.metadata.get(_rope_scaling(header)) in _MEANS_NONE or any(
        _is_half_vector(tensor.name, tensor.shape, tensor.type) for tensor in header.tensors
    )


def _repair(draft: Draft) -> None:
    """What llama.cpp would abort at in any file, and what has but one meaning."""
    if draft.source.metadata.get(_rope_scaling(draft.source)) in _MEANS_NONE:
        draft.keys.pop(draft.key(".rope.scaling.type"), None)
    for name, part in draft.parts.items():
        if part.make is None and _is_half_vector(name, part.shape, part.type):
            draft.parts[name] = op.promote(draft.source.path, part)


TEXT = Role("text", lambda header: bool(find_dialect(header)) or _needs_repair(header), text_draft)
OWN_PROJECTOR = Role(
    "mmproj", lambda header: bool(find_dialect(header)) and _has_tower(header), projector_draft
)
SEPARATE_PROJECTOR = Role(
    "projector",
    lambda header: _lacks_type(header) or _has_half_vectors(header),
    separate_projector_draft,
)
ADAPTER = Role("adapter", lambda header: header.architecture in ADAPTERS, adapter_draft)
