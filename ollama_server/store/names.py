"""Model names: ``[scheme://][host[:port]/][namespace/]model[:tag]``.

A name is parsed from right to left and its empty parts get defaults. Parsing never fails: what is
wrong with the text shows in ``Name.is_valid``, because each route has its own words for it. Only a
valid name has a path, so no unchecked text ever reaches the file system.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Literal

from ollama_server.errors import BadRequest

DEFAULT_HOST = "registry.ollama.ai"
DEFAULT_NAMESPACE = "library"
DEFAULT_TAG = "latest"
DEFAULT_SCHEME = "https"

# Stands for a part whose separator is there but whose text is not; "!" makes it invalid.
_MISSING = "!MISSING!"

_HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,349}", re.ASCII)
_NAMESPACE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,79}", re.ASCII)
_MODEL = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}", re.ASCII)
_TAG = _MODEL

Source = Literal["", "cloud", "local"]


@dataclass(frozen=True, slots=True)
class Name:
    """A model's name with every part filled in; parts keep the case they were written in."""

    host: str
    namespace: str
    model: str
    tag: str
    scheme: str = DEFAULT_SCHEME

    @classmethod
    def parse(cls, text: str) -> Name:
        """The name that ``text`` means; look at ``is_valid`` before using it."""
        rest, tag = text, ""
        if rest.rfind(":") > rest.rfind("/"):
            rest, tag = _cut_last(rest, ":")
        host = namespace = scheme = ""
        model = rest
        if "/" in rest:
            rest, model = _cut_last(rest, "/")
            namespace = rest
            if "/" in rest and rest != _MISSING:
                host, namespace = _cut_last(rest, "/")
                if "://" in host:
                    scheme, _, host = host.partition("://")
                    scheme, host = scheme or _MISSING, host or _MISSING
        return cls(
            host=host or DEFAULT_HOST,
            namespace=namespace or DEFAULT_NAMESPACE,
            model=model,
            tag=tag or DEFAULT_TAG,
            scheme=scheme or DEFAULT_SCHEME,
        )

    @property
    def is_valid(self) -> bool:
        """Whether all four parts obey the grammar, and the name may become a path."""
        return bool(
            _HOST.fullmatch(self.host)
            and _NAMESPACE.fullmatch(self.namespace)
            and _MODEL.fullmatch(self.model)
            and _TAG.fullmatch(self.tag)
            and self.scheme != _MISSING
        )

    @property
    def full(self) -> str:
        """``host/namespace/model:tag``."""
        return f"{self.host}/{self.namespace}/{self.model}:{self.tag}"

    @property
    def short(self) -> str:
        """The shortest text that still parses to this name; the tag always shows."""
        if self.host.lower() != DEFAULT_HOST:
            return self.full
        if self.namespace.lower() != DEFAULT_NAMESPACE:
            return f"{self.namespace}/{self.model}:{self.tag}"
        return f"{self.model}:{self.tag}"

    @property
    def repository(self) -> str:
        """``namespace/model``: what a registry calls the repository."""
        return f"{self.namespace}/{self.model}"

    @property
    def path(self) -> PurePosixPath:
        """``host/namespace/model/tag`` below the manifests folder. Raises BadRequest if invalid."""
        if not self.is_valid:
            raise BadRequest("invalid model name")
        return PurePosixPath(self.host, self.namespace, self.model, self.tag)

    @property
    def key(self) -> tuple[str, str, str, str]:
        """Equal for two spellings of one name."""
        return (
            self.host.lower(),
            self.namespace.lower(),
            self.model.lower(),
            self.tag.lower(),
        )

    def with_tag(self, tag: str) -> Name:
        """The same model under another tag."""
        return replace(self, tag=tag)

    def __str__(self) -> str:
        return self.full


def parse(text: str) -> Name:
    """``Name.parse`` as a function."""
    return Name.parse(text)


def parse_valid(text: str) -> Name:
    """The name that ``text`` means; raises BadRequest when it is not a valid one."""
    name = Name.parse(text)
    if not name.is_valid:
        raise BadRequest("invalid model name")
    return name


@dataclass(frozen=True, slots=True)
class Reference:
    """A name as a request gives it: ``base`` is the text without its source suffix."""

    name: Name
    source: Source
    base: str

    @property
    def stub(self) -> Name:
        """The name under which a cloud model's local stub is stored."""
        if self.base.rfind(":") > self.base.rfind("/"):
            return Name.parse(f"{self.base}-cloud")
        return Name.parse(f"{self.base}:cloud")


def parse_reference(text: str) -> Reference:
    """Split a trailing ``:cloud``, ``:local`` or ``-cloud`` off and parse the rest.

    Raises BadRequest when both sources are asked for.
    """
    text = text.strip()
    base, source = _split_source(text)
    while source:
        shorter, other = _split_source(base)
        if not other:
            break
        if other != source:
            raise BadRequest(f'use either :local or :cloud, not both: "{text}"')
        base = shorter
    return Reference(Name.parse(base), source, base)


def _split_source(text: str) -> tuple[str, Source]:
    base, colon, suffix = text.rpartition(":")
    if not colon or "/" in suffix:
        return text, ""
    lowered = suffix.lower()
    if lowered == "cloud":
        return base, "cloud"
    if lowered == "local":
        return base, "local"
    if lowered.endswith("-cloud"):
        return text[: -len("-cloud")], "cloud"
    return text, ""


def _cut_last(text: str, separator: str) -> tuple[str, str]:
    before, _, after = text.rpartition(separator)
    return before or _MISSING, after or _MISSING
