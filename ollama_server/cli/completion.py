"""Names of models for the shell's completion."""

from __future__ import annotations

import os
from collections.abc import MutableMapping

from ollama_server.cli.client import Client
from ollama_server.cli.errors import CliError

# Only in bash. It takes every colon for a word of its own, and completes what stands behind it.
_WORDS, _INDEX = "COMP_WORDS", "COMP_CWORD"


def installed(incomplete: str) -> list[str]:
    """Installed models whose names go on like this; nothing when no server answers."""
    try:
        models = Client().get("/api/tags").get("models") or []
    except CliError:
        return []
    head = before_colon(os.environ)
    wanted = head + incomplete
    return [m["name"].removeprefix(head) for m in models if m["name"].startswith(wanted)]


def step_behind_colon(environment: MutableMapping[str, str]) -> None:
    """Where the word at the cursor is a colon, the one that is meant begins behind it."""
    words, index = _split(environment)
    if words[index : index + 1] == [":"]:
        environment[_INDEX] = str(index + 1)


def before_colon(environment: MutableMapping[str, str]) -> str:
    """What bash has cut off a name: ``tiny:`` of ``tiny:la``."""
    words, index = _split(environment)
    head = ""
    while index >= 2 and words[index - 1] == ":":
        head = f"{words[index - 2]}:{head}"
        index -= 2
    return head


def _split(environment: MutableMapping[str, str]) -> tuple[list[str], int]:
    return environment.get(_WORDS, "").split(), int(environment.get(_INDEX) or 0)
