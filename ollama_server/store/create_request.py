"""What ``/api/create`` is asked for, and the checks that need no look at any file."""

from __future__ import annotations

import posixpath
import re
import urllib.parse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from ollama_server.errors import BadRequest
from ollama_server.store.config import Config
from ollama_server.store.names import Name, Reference, parse_reference

CLOUD = "https://ollama.com:443"

_HOST = re.compile(r'[^\s<>"{}|\\^`]+')

_INFO_TEXTS = {
    "model_family": "model_family",
    "base_name": "base_name",
    "quantization_level": "file_type",
    "parameter_size": "model_type",
}
_INFO_NUMBERS = ("context_length", "embedding_length")


@dataclass(slots=True)
class CreateRequest:
    """A create request; file maps go from a relative name to the digest of an uploaded blob.

    ``files`` is None when the client sent none, which differs from an empty set.
    """

    model: str
    from_: str = ""
    files: Mapping[str, str] | None = None
    adapters: Mapping[str, str] = field(default_factory=dict)
    draft_files: Mapping[str, str] = field(default_factory=dict)
    template: str = ""
    system: str = ""
    license: Sequence[str] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    messages: Sequence[Mapping[str, Any]] = ()
    quantize: str = ""
    draft_quantize: str = ""
    renderer: str = ""
    parser: str = ""
    requires: str = ""
    remote_host: str = ""
    info: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """A request that passed its checks: where the model goes and what it is made from.

    ``base`` is None for a model made of files; ``remote_host`` is set for a stub.
    """

    request: CreateRequest
    target: Name
    base: Reference | None
    remote_host: str


def check_request(request: CreateRequest) -> Plan:
    """The checks that come before any frame. Raises BadRequest."""
    for names in (request.files or {}, request.draft_files, request.adapters):
        for name in names:
            _check_relative(name)
    for digests in (request.files or {}, request.draft_files, request.adapters):
        if not all(digests.values()):
            raise BadRequest("invalid digest format")
    if request.draft_quantize and not request.draft_files:
        raise BadRequest("--draft-quantize requires a DRAFT model")
    target = Name.parse(request.model.strip())
    if not target.is_valid:
        raise BadRequest("invalid model name")
    base, remote_host = _origin(request)
    if remote_host and request.draft_files:
        raise BadRequest("DRAFT cannot be used with remote models")
    check_info(request.info)
    return Plan(request, target, base, remote_host)


def _origin(request: CreateRequest) -> tuple[Reference | None, str]:
    if not request.from_:
        if request.files is None:
            raise BadRequest("neither 'from' or 'files' was specified")
        if not request.files:
            raise BadRequest("unknown type")
        return None, ""
    base = parse_reference(request.from_)
    if not base.name.is_valid:
        raise BadRequest("invalid model name")
    if request.remote_host:
        return base, remote_url(request.remote_host)
    return base, CLOUD if base.source == "cloud" else ""


def check_info(info: Mapping[str, Any]) -> None:
    """Raises BadRequest for overrides of the wrong type."""
    for key in _INFO_TEXTS:
        if not isinstance(info.get(key, ""), str):
            raise BadRequest(f'info field "{key}" must be a string')
    for key in _INFO_NUMBERS:
        value = info.get(key, 0)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise BadRequest(f'info field "{key}" must be a number')
        if value < 0 or value != int(value):
            raise BadRequest(f'info field "{key}" must be a non-negative integer')
    capabilities = info.get("capabilities", [])
    if not isinstance(capabilities, list) or not all(isinstance(c, str) for c in capabilities):
        raise BadRequest('info field "capabilities" must be a list of strings')


def config_overrides(info: Mapping[str, Any], inherited: Config) -> dict[str, Any]:
    """The fields of a Config that ``info`` sets, capabilities added to the inherited ones."""
    found: dict[str, Any] = {name: info[key] for key, name in _INFO_TEXTS.items() if info.get(key)}
    found.update({key: int(info[key]) for key in _INFO_NUMBERS if info.get(key)})
    capabilities = (*inherited.capabilities, *info.get("capabilities", []))
    if capabilities:
        found["capabilities"] = tuple(dict.fromkeys(capabilities))
    return found


def remote_url(text: str) -> str:
    """A remote host with scheme and port: ``http://host:11434``. Raises BadRequest."""
    text = text.strip()
    if text.startswith("/"):
        text = "http://localhost:11434" + text
    if "://" not in text:
        text = f"https://{text}" if text.partition("/")[0] == "ollama.com" else f"http://{text}"
    try:
        parts = urllib.parse.urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise BadRequest("bad remote") from error
    if not host or not _HOST.fullmatch(host) or parts.scheme not in ("http", "https"):
        raise BadRequest("bad remote")
    if host == "ollama.com" and port is None:
        return CLOUD
    host = f"[{host}]" if ":" in host else host
    path = posixpath.normpath(parts.path).rstrip("/") if parts.path.strip("/") else ""
    return f"{parts.scheme}://{host}:{port or 11434}{path}"


def _check_relative(name: str) -> None:
    path = PurePosixPath(name)
    parts = name.replace("\\", "/").split("/")
    if not name or path.is_absolute() or any(part in ("", ".", "..") for part in parts):
        raise BadRequest("file path must be relative")
