"""Rendering of conversations with the model's own chat template."""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Template
from jinja2.sandbox import ImmutableSandboxedEnvironment

TEMPLATE_PATH = Path(__file__).with_name("chat_template.jinja")

Message = dict[str, Any]
Tool = dict[str, Any]


def _tojson(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


@functools.cache
def template() -> Template:
    """Returns the compiled chat template, with the `tojson` that Transformers uses."""
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    environment.filters["tojson"] = _tojson
    return environment.from_string(TEMPLATE_PATH.read_text(encoding="utf-8"))


def render(
    messages: Sequence[Message],
    tools: Sequence[Tool] | None = None,
    *,
    thinking: bool = True,
    generation_prompt: bool = True,
) -> str:
    """Returns the prompt text of a conversation."""
    variables: dict[str, Any] = {
        "messages": list(messages),
        "add_generation_prompt": generation_prompt,
        "enable_thinking": thinking,
    }
    if tools:
        variables["tools"] = list(tools)
    return template().render(**variables)
