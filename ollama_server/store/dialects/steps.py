"""The vocabulary of dialects: conditions on a header, and steps that change a draft.

A key that begins with a dot belongs to the architecture. A value may be a function of the draft.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ollama_server.store import gguf_write as write
from ollama_server.store.dialects import operations as op
from ollama_server.store.dialects.draft import Draft, RuleError
from ollama_server.store.ggml import F32
from ollama_server.store.gguf import GGUF, LazyArray

Condition = Callable[[GGUF], bool]
Step = Callable[[Draft], None]
TOWERS = ("v.", "mm.")
HALF = [0.5, 0.5, 0.5]


@dataclass(frozen=True)
class Dialect:
    """How files of some architectures that meet ``applies`` become stock ones.

    ``projector`` builds the separate projector out of the towers that the file carries.
    Names of tensors in data steps are those that the file has when the step's turn comes.
    """

    name: str
    architectures: tuple[str, ...]
    applies: Condition
    text: tuple[Step, ...]
    projector: tuple[Step, ...] = ()


# --- conditions -----------------------------------------------------------------------------------


def always(_: GGUF) -> bool:
    """True."""
    return True


def has_key(*names: str) -> Condition:
    """Any of these keys exists."""

    def test(header: GGUF) -> bool:
        return any(_key(header, name) in header.metadata for name in names)

    return test


def key_is(name: str, *values: Any) -> Condition:
    """The key has one of these values; None stands for a missing key."""
    return lambda header: header.metadata.get(_key(header, name)) in values


def has_tensor(*prefixes: str) -> Condition:
    """A tensor's name begins with any of these."""
    return lambda header: any(tensor.name.startswith(prefixes) for tensor in header.tensors)


def tensor_ends(suffix: str) -> Condition:
    """A tensor's name ends in this."""
    return lambda header: any(tensor.name.endswith(suffix) for tensor in header.tensors)


def any_of(*conditions: Condition) -> Condition:
    """One of them holds."""
    return lambda header: any(condition(header) for condition in conditions)


def all_of(*conditions: Condition) -> Condition:
    """All of them hold."""
    return lambda header: all(condition(header) for condition in conditions)


def none_of(*conditions: Condition) -> Condition:
    """None of them holds."""
    return lambda header: not any(condition(header) for condition in conditions)


def _key(header: GGUF, name: str) -> str:
    return header.architecture + name if name.startswith(".") else name


# --- values ---------------------------------------------------------------------------------------


def dimension(tensor: str, axis: int) -> Callable[[Draft], int]:
    """``ne0``, ``ne1``, … of a tensor."""
    return lambda draft: draft.dimension(tensor, axis)


def of_source(name: str) -> Callable[[Draft], Any]:
    """A key's value in the source."""
    return lambda draft: draft.value(name)


# --- keys -----------------------------------------------------------------------------------------


def architecture(new: str, *, leave: tuple[str, ...] = ()) -> Step:
    """Another architecture: its keys get the new prefix, except those that ``leave`` names."""

    def step(draft: Draft) -> None:
        old = draft.architecture + "."
        keys = {}
        for key, value in draft.keys.items():
            if key.startswith(old) and not key[len(old) :].startswith(leave or "\0"):
                key = f"{new}.{key[len(old) :]}"
            keys[key] = value
        draft.keys = keys
        draft.architecture = new
        draft.set("general.architecture", new)

    return step


def put(values: Mapping[str, Any]) -> Step:
    """Set keys."""
    return _each(values, lambda draft, name, value: draft.set(name, _resolved(draft, value)))


def default(values: Mapping[str, Any]) -> Step:
    """Set keys that do not exist."""

    def one(draft: Draft, name: str, value: Any) -> None:
        if draft.key(name) not in draft.keys:
            draft.set(name, _resolved(draft, value))

    return _each(values, one)


def copy(names: Mapping[str, str]) -> Step:
    """Give an existing key's value to another name that does not exist."""

    def one(draft: Draft, old: str, new: str) -> None:
        value = draft.keys.get(draft.key(old))
        if value is not None:
            draft.keys.setdefault(draft.key(new), value)

    return _each(names, one)


def delete(*names: str) -> Step:
    """Remove keys."""

    def step(draft: Draft) -> None:
        for name in names:
            draft.keys.pop(draft.key(name), None)

    return step


def default_when(name: str, replaced: tuple[Any, ...], value: Any) -> Step:
    """Set a key that is missing or has one of the replaced values."""

    def step(draft: Draft) -> None:
        if draft.source.metadata.get(name) in (None, *replaced):
            draft.set(name, value)

    return step


def unless_missing(name: str, step: Step) -> Step:
    """Take the step only for files with this key."""

    def conditional(draft: Draft) -> None:
        if draft.key(name) in draft.keys:
            step(draft)

    return conditional


def take(names: Mapping[str, str], defaults: Mapping[str, Any] | None = None) -> Step:
    """Set keys from the source's keys, where those exist, else from the defaults."""

    def step(draft: Draft) -> None:
        for new, old in names.items():
            try:
                draft.set(new, draft.value(old))
            except RuleError:
                if defaults and new in defaults:
                    draft.set(new, _resolved(draft, defaults[new]))
        for new, value in (defaults or {}).items():
            if new not in names and new not in draft.keys:
                draft.set(new, _resolved(draft, value))

    return step


def vision(*names: str) -> Step:
    """Copy the source's ``vision.`` keys to the projector's."""
    return take({f"clip.vision.{name}": f".vision.{name}" for name in names})


def maximum(name: str, all_zero: int | None) -> Step:
    """One number for a key that is a list; lists of zeros give ``all_zero`` or stay."""

    def step(draft: Draft) -> None:
        value = draft.source.metadata.get(draft.key(name))
        if not isinstance(value, list | LazyArray):
            return
        largest = max((x for x in value if isinstance(x, int)), default=0) or all_zero
        if largest is not None:
            draft.set(name, largest)

    return step


def sections(source: tuple[str, ...]) -> Step:
    """Four rope sections from the first list of three among the source's keys."""

    def step(draft: Draft) -> None:
        for name in source:
            key = draft.source.architecture + name
            if key not in draft.source.metadata:
                continue
            values = draft.numbers(key)
            if len(values) >= 3 and not (name == ".rope.dimension_sections" and len(values) > 3):
                draft.set(".rope.dimension_sections", [*values[:3], 0])
            return

    return step


def cut_vocabulary(size: Callable[[Draft], int]) -> Step:
    """Only as many tokens, scores and token types as the embedding has rows."""

    def step(draft: Draft) -> None:
        count = size(draft)
        for name in ("tokens", "scores", "token_type"):
            key = f"tokenizer.ggml.{name}"
            values = draft.source.metadata.get(key)
            if isinstance(values, list | LazyArray) and len(values) > count > 0:
                draft.keys[key] = write.cut_list(draft.keys[key], count)

    return step


def _each(values: Mapping[str, Any], one: Callable[[Draft, str, Any], None]) -> Step:
    def step(draft: Draft) -> None:
        problems = []
        for name, value in values.items():
            try:
                one(draft, name, value)
            except RuleError as error:
                problems.append(str(error))
        if problems:
            raise RuleError("; ".join(problems))

    return step


def _resolved(draft: Draft, value: Any) -> Any:
    return value(draft) if callable(value) else value


# --- tensors --------------------------------------------------------------------------------------


def drop(*prefixes: str) -> Step:
    """Leave tensors out."""

    def step(draft: Draft) -> None:
        draft.parts = {n: part for n, part in draft.parts.items() if not n.startswith(prefixes)}

    return step


def replace(*pairs: tuple[str, str], within: str = "") -> Step:
    """Replace the first occurrence of a text in every tensor's name, one pair after another.

    ``within`` limits it to names that begin so.
    """

    def one(old: str, new: str) -> Callable[[str], str]:
        return lambda name: name.replace(old, new, 1) if name.startswith(within) else name

    def step(draft: Draft) -> None:
        for old, new in pairs:
            draft.replace_names(one(old, new))

    return step


def rename(*pairs: tuple[str, str]) -> Step:
    """Give tensors other names; ``{}`` in both stands for ``weight`` and ``bias``."""
    names = {
        old.format(kind): new.format(kind) for old, new in pairs for kind in ("weight", "bias")
    }
    return lambda draft: draft.replace_names(lambda name: names.get(name, name))


def append(suffix: str, more: str) -> Step:
    """Make names that end in ``suffix`` longer."""
    return lambda draft: draft.replace_names(lambda n: n + more if n.endswith(suffix) else n)


def promote(*names: str) -> Step:
    """Tensors as float32: those of these names, or that end in one that begins with a dot."""

    def step(draft: Draft) -> None:
        ends = tuple(name for name in names if name.startswith("."))
        for name, part in draft.parts.items():
            if name in names or (ends and name.endswith(ends)):
                draft.parts[name] = op.promote(draft.source.path, part)

    return step


def promote_vectors(draft: Draft) -> None:
    """Every tensor of one dimension as float32."""
    for name, part in draft.parts.items():
        if len(part.shape) == 1 and part.type != F32:
            draft.parts[name] = op.promote(draft.source.path, part)


def cut_rows(tensor: str, rows_of: str) -> Step:
    """Keep as many rows of one tensor as another one has."""

    def step(draft: Draft) -> None:
        draft.parts[tensor] = draft.part(tensor).rows(draft.dimension(rows_of, 1))

    return step


def split_frames(old: str) -> Step:
    """A patch embedding over two frames as the two that llama.cpp wants."""

    def step(draft: Draft) -> None:
        channels = draft.number(".vision.num_channels", 3)
        first, second = op.split_frames(draft.source.path, draft.part(old), channels)
        del draft.parts[old]
        draft.parts["v.patch_embd.weight"] = first
        draft.parts["v.patch_embd.weight.1"] = second

    return step


def join(block: str, parts: tuple[str, ...], into: str, kinds: tuple[str, ...]) -> Step:
    """Tensors of each block as one, where a block has all of them; ``block`` is its prefix."""

    def step(draft: Draft) -> None:
        last = "." + parts[-1] + "."
        for name in list(draft.parts):
            if not name.startswith(block) or last not in name:
                continue
            head, _, kind = name.rpartition(last)
            names = [f"{head}.{part}.{kind}" for part in parts]
            if kind not in kinds or not all(part in draft.parts for part in names):
                continue
            joined = op.join_rows(
                draft.source.path, [draft.parts[part] for part in names], as_float=kind == "bias"
            )
            for part in names:
                del draft.parts[part]
            draft.parts[f"{head}.{into}.{kind}"] = joined

    return step
