"""The tools of a request, and the calls found for them."""

from __future__ import annotations

import re
import secrets
import string
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ollama_server.chat.parse.declared import Declared, required_of
from ollama_server.chat.types import Message, Tool, ToolCall

_ID_ALPHABET = string.ascii_lowercase + string.digits
_NAME = re.compile(r"[^\s<>{}\[\]\"'`|]{1,256}\Z")
_KEPT_IN_HARMONY = ("python", "browser.open", "browser.search", "browser.find")


def random_id() -> str:
    """A new id for a tool call, as Ollama's clients know them."""
    return "call_" + "".join(secrets.choice(_ID_ALPHABET) for _ in range(8))


@dataclass(frozen=True, slots=True)
class FoundCall:
    """A call as it was read; ``end`` is the offset behind it."""

    end: int
    name: str
    arguments: dict[str, Any]
    id: str = ""


def harmony_names(names: Iterable[str]) -> dict[str, str]:
    """Names as gpt-oss may see them, by the names that the request declares."""
    converted: dict[str, str] = {}
    for name in names:
        if name in _KEPT_IN_HARMONY:
            converted[name] = name
            continue
        spaced = re.sub(r"[\s.\-]", "_", name)
        plain = "".join(c for c in spaced if c.isalpha() or c.isdecimal() or c in "_$") or "unnamed"
        if plain[0].isdigit():
            plain = "_" + plain
        unique, number = plain, 2
        while unique in converted.values():
            unique, number = f"{plain}_{number}", number + 1
        converted[name] = unique
    return converted


def with_harmony_names(
    tools: Sequence[Tool], messages: Sequence[Message]
) -> tuple[list[Tool], list[Message]]:
    """Tools and their earlier calls and results under the names that gpt-oss may see."""
    declared = [tool.name for tool in tools]
    called = [call.name for message in messages for call in message.tool_calls]
    names = harmony_names(dict.fromkeys([*declared, *called]))
    renamed = [
        replace(
            message,
            tool_calls=[replace(call, name=names[call.name]) for call in message.tool_calls],
            tool_name=names.get(message.tool_name, message.tool_name),
        )
        for message in messages
    ]
    return [replace(tool, name=names[tool.name]) for tool in tools], renamed


class ToolBox:
    """What the request declares, and the calls that the answer has made so far."""

    def __init__(
        self,
        tools: Iterable[Tool],
        *,
        any_name: bool = False,
        aliases: Iterable[tuple[str, str]] = (),
        new_id: Callable[[], str] = random_id,
        keep_id: bool = False,
    ) -> None:
        self._declared = {tool.name: Declared(tool.parameters, tool.parameters) for tool in tools}
        self._any_name = any_name
        self._new_id = new_id
        self._keep_id = keep_id
        self._other_names = {v: k for k, v in harmony_names(self._declared).items()}
        self._other_names.update((old, new) for old, new in aliases if new in self._declared)
        self._count = 0

    def __bool__(self) -> bool:
        return bool(self._declared)

    def __contains__(self, name: str) -> bool:
        return name in self._declared

    def resolve(self, written: str) -> str:
        """The tool that a written name means; empty when it means none."""
        written = written.strip()
        for name in (written, written.removeprefix("functions."), written.rpartition(".")[2]):
            if name in self._declared:
                return name
            if name in self._other_names:
                return self._other_names[name]
        if self._any_name and _NAME.match(written):
            return written.removeprefix("functions.") or written
        return ""

    def parameter(self, tool: str, key: str) -> Declared:
        """What is declared about one parameter, nothing where the tool is not."""
        declared = self._declared.get(tool)
        return declared.named(key) if declared else Declared({}, {})

    def parameter_names(self, tool: str) -> list[str]:
        """The declared parameters in their order."""
        declared = self._declared.get(tool)
        return list(declared.properties) if declared else []

    def is_complete(self, tool: str, arguments: Mapping[str, Any]) -> bool:
        """Whether the tool is declared and has all the arguments it requires."""
        declared = self._declared.get(tool)
        return declared is not None and any(
            all(name in arguments for name in required_of(option)) for option in declared.options
        )

    def make(self, found: FoundCall) -> ToolCall:
        """The call, numbered and with an id."""
        call_id = found.id if self._keep_id and found.id else self._new_id()
        call = ToolCall(found.name, found.arguments, call_id, self._count)
        self._count += 1
        return call
