"""The values that prompts are made of and that answers become."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

ThinkLevel = Literal["low", "medium", "high", "max"]
Think = bool | ThinkLevel | None


@dataclass(slots=True)
class ToolCall:
    """A function call a model asks for; ``arguments`` keeps the order the model wrote."""

    name: str
    arguments: dict[str, Any]
    id: str = ""
    index: int = 0


# Stands in a message's content where its next medium belongs. Media without such a place stand
# where the template usually has them.
SPOT = "\ufdd3"


@dataclass(slots=True)
class Media:
    """An image or a sound: the bytes of its file, or the ``url`` they are still to be fetched from.

    ``place`` is where it stood in the request, for errors: ``messages[0].images[1]``.
    """

    data: bytes = b""
    kind: Literal["image", "audio"] = "image"
    url: str = ""
    place: str = ""


@dataclass(slots=True)
class Message:
    """One turn of a conversation; ``media`` belongs to this turn's content."""

    role: str
    content: str = ""
    thinking: str = ""
    media: list[Media] = field(default_factory=list)
    tool_calls: list[ToolCall] = field(default_factory=list)
    tool_name: str = ""
    tool_call_id: str = ""


@dataclass(slots=True)
class Tool:
    """A function the model may call; ``parameters`` is its JSON Schema, exactly as declared."""

    name: str
    description: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    type: str = "function"


@dataclass(slots=True)
class Delta:
    """What an output parser makes of a piece of generated text; empty fields mean nothing new."""

    content: str = ""
    thinking: str = ""
    tool_calls: list[ToolCall] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.content or self.thinking or self.tool_calls)
