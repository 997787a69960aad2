"""The files that FROM, ADAPTER and DRAFT lines of a Modelfile mean, and the request they make."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ollama_server.store.modelfile import Command, ModelfileError, typed_parameters

_SNIFFED = 512
_BINARY = frozenset([*range(0x09), 0x0B, *range(0x0E, 0x1B), *range(0x1C, 0x20)])
_TEXT_MARKS = (b"\xef\xbb\xbf", b"\xfe\xff", b"\xff\xfe")
# Why a path names no file, rather than one that cannot be had; long names may be models'.
_NO_FILE = frozenset([errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG])

ZIP, BINARY, TEXT = "application/zip", "application/octet-stream", "text/plain; charset=utf-8"

# The first rule that finds files of its type says what the weights of a folder are.
_WEIGHT_RULES: tuple[tuple[tuple[str, ...], str], ...] = (
    (("model*.safetensors", "*/model*.safetensors"), ""),
    (("consolidated*.safetensors",), ""),
    (("adapter_model*.safetensors",), ""),
    (("pytorch_model*.bin",), ZIP),
    (("consolidated*.pth",), ZIP),
    (("*.gguf",), BINARY),
    (("*.bin",), BINARY),
)


class _NoFile(ModelfileError):
    """There is nothing at a path."""


@dataclass(slots=True)
class LocalRequest:
    """A create request whose files are still paths: each maps a relative name to a path."""

    from_: str = ""
    files: dict[str, Path] = field(default_factory=dict)
    adapters: dict[str, Path] = field(default_factory=dict)
    draft_files: dict[str, Path] = field(default_factory=dict)
    template: str = ""
    system: str = ""
    license: list[str] = field(default_factory=list)
    parameters: dict[str, Any] = field(default_factory=dict)
    messages: list[dict[str, str]] = field(default_factory=list)
    renderer: str = ""
    parser: str = ""
    requires: str = ""
    warnings: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The API's fields, without those for files and without empty ones."""
        fields: dict[str, Any] = {
            "from": self.from_,
            "template": self.template,
            "system": self.system,
            "license": self.license,
            "parameters": self.parameters,
            "messages": self.messages,
            "renderer": self.renderer,
            "parser": self.parser,
            "requires": self.requires,
        }
        return {name: value for name, value in fields.items() if value}


def local_request(commands: Iterable[Command], folder: Path) -> LocalRequest:
    """What a Modelfile in ``folder`` asks for. Raises ModelfileError."""
    request = LocalRequest()
    sources: list[Path] = []
    drafts: list[Path] = []
    pairs = []
    for command in commands:
        match command.name:
            case "from":
                try:
                    sources.append(_existing(command.value, folder))
                except _NoFile:
                    request.from_ = command.value
            case "adapter":
                request.adapters = collect(_existing(command.value, folder))
            case "draft":
                drafts.append(_existing(command.value, folder))
            case "license":
                request.license.append(command.value)
            case "parameter":
                pairs.append((command.key, command.value))
            case "message":
                request.messages.append({"role": command.key, "content": command.value})
            case "requires":
                request.requires = _semver(command.value)
            case name:
                setattr(request, name, command.value)
    for draft in drafts:
        if any(draft.resolve() == source.resolve() for source in sources):
            raise ModelfileError(f"DRAFT must not reference the same local path as FROM: {draft}")
    request.files = _merge(sources)
    request.draft_files = _merge(drafts)
    parameters = typed_parameters(pairs)
    request.parameters, request.warnings = dict(parameters.values), parameters.warnings
    return request


def resolve_path(text: str, folder: Path) -> Path:
    """The path that a Modelfile in ``folder`` means by ``text``; it need not exist."""
    if text.startswith("~"):
        user = text[1:].partition("/")[0]
        expanded = os.path.expanduser(text)
        if user and expanded.startswith("~"):
            raise ModelfileError(f"failed to find user '{user}': user: unknown user {user}")
        return Path(expanded)
    # Joining keeps an absolute path as it is.
    return folder / text


def collect(path: Path) -> dict[str, Path]:
    """The files of a model at ``path``: itself, or the weights and settings in that folder.

    Names are relative to the folder. Raises ModelfileError when a folder holds no model, a file
    has the wrong content, or a link leads out of the folder.
    """
    if not path.is_dir():
        return {path.name: path}
    found = _weights(path)
    if not found:
        raise ModelfileError("no Modelfile or safetensors files found")
    for extra in (
        *_glob(path, "*.json"),
        *_glob(path, "*/*.json"),
        *_glob(path, "chat_template.jinja"),
    ):
        _expect(extra, TEXT)
        found.append(extra)
    vocabulary = _glob(path, "tokenizer.model")
    if vocabulary:
        _expect(vocabulary[0], BINARY)
    found += vocabulary or _glob(path, "*/tokenizer.model")
    found += _glob(path, "vocab.txt")
    return {file.relative_to(path).as_posix(): file for file in dict.fromkeys(found)}


def content_type(path: Path) -> str:
    """What the first bytes of a file look like: ZIP, TEXT or BINARY."""
    with path.open("rb") as file:
        head = file.read(_SNIFFED)
    if head.startswith(b"PK\x03\x04"):
        return ZIP
    if head.startswith(_TEXT_MARKS) or not _BINARY.intersection(head):
        return TEXT
    return BINARY


def _weights(folder: Path) -> list[Path]:
    for patterns, wanted in _WEIGHT_RULES:
        files = [file for pattern in patterns for file in _glob(folder, pattern)]
        if files and all(not wanted or content_type(file) == wanted for file in files):
            return files
    return []


def _glob(folder: Path, pattern: str) -> list[Path]:
    files = sorted(file for file in folder.glob(pattern) if file.is_file())
    root = folder.resolve()
    for file in files:
        target = file.resolve()
        if not target.is_relative_to(root):
            relative = file.relative_to(folder).as_posix()
            hint = ""
            if ".cache" in target.parts:
                hint = "; download the model into a folder of its own (huggingface's --local-dir)"
            raise ModelfileError(f"insecure path: {relative}{hint}")
    return files


def _expect(path: Path, wanted: str) -> None:
    found = content_type(path)
    if found != wanted:
        raise ModelfileError(f"invalid content type: expected {found} for {path.name}")


def _existing(text: str, folder: Path) -> Path:
    path = resolve_path(text, folder)
    try:
        path.stat()
    except OSError as error:
        kind = _NoFile if error.errno in _NO_FILE else ModelfileError
        raise kind(f"stat {path}: {(error.strerror or str(error)).lower()}") from error
    return path


def _merge(paths: Sequence[Path]) -> dict[str, Path]:
    """The files of several FROM lines; equal names get their folder in front."""
    merged: dict[str, Path] = {}
    for path in paths:
        for name, file in collect(path).items():
            taken = name in merged and merged[name].resolve() != file.resolve()
            merged[f"{file.parent.name}/{name}" if taken else name] = file
    return merged


def _semver(text: str) -> str:
    version = text.strip().removeprefix("v")
    core = version.partition("+")[0].partition("-")[0].split(".")
    if not 1 <= len(core) <= 3 or not all(part.isascii() and part.isdigit() for part in core):
        raise ModelfileError("requires must be a valid semver (e.g. 0.14.0)")
    return version
