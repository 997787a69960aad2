"""The named renderers: templates in Jinja, and a registry of what belongs to each name."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Literal

Prefill = Literal["continue", "close", "end"]


@dataclass(frozen=True, slots=True)
class Renderer:
    """``text`` is the template, ``bos`` the text its prompts start with, ``variables`` what sets
    it apart from others that share the template.

    ``prefill`` says what becomes of a trailing assistant message: "continue" leaves its turn open,
    "close" ends it and opens a new one, "end" ends it and opens none. ``thinks`` is what an unset
    ``think`` means.
    """

    name: str
    text: str
    parser: str
    bos: str
    variables: dict[str, Any]
    prefill: Prefill
    thinks: bool


@cache
def _registry() -> dict[str, dict[str, Any]]:
    registry: dict[str, dict[str, Any]] = json.loads(_read("registry.json"))
    return registry


@cache
def _texts() -> dict[str, str]:
    """Instructions that several renderers give their models, for the variable ``texts``."""
    texts: dict[str, str] = json.loads(_read("texts.json"))
    return texts


def _read(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def renderer_names() -> list[str]:
    """All names that a model's config may use."""
    return sorted(_registry())


@cache
def named_renderer(name: str) -> Renderer | None:
    """The renderer of this name, None when there is none."""
    entry = _registry().get(name)
    if entry is None or "sizes" in entry:
        return None
    return Renderer(
        name=name,
        text=_read(entry["template"]),
        parser=entry.get("parser", ""),
        bos=entry.get("bos", ""),
        variables={"texts": _texts(), **entry.get("variables", {})},
        prefill=entry.get("prefill", "continue"),
        thinks=entry.get("thinks", True),
    )


def resolve(name: str, model: str, parameters: int) -> str:
    """The renderer behind a name that stands for several sizes of a family."""
    sizes = _registry().get(name, {}).get("sizes")
    if not sizes:
        return name
    for size in sizes:
        if any(mark in model for mark in size["names"]):
            return str(size["renderer"])
    fitting = [size for size in sizes if parameters >= size["parameters"]]
    return str(max(fitting, key=lambda size: int(size["parameters"]))["renderer"])
