"""Conversations that every chat template is rendered with, and where the templates are found."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from ollama_server.chat.types import Message, Think, Tool, ToolCall

ROOT = Path(__file__).resolve().parents[3]
GOLDEN = ROOT / "tests" / "golden" / "templates" / "jinja.json"
HOW_TO_GET = (
    "no llama.cpp source: set LLAMA_CPP_SOURCE to it, or run `make llama-source`, which unpacks "
    "the one inside the llama-cpp-python source package"
)


class Case(NamedTuple):
    """``name`` is also the key of its golden hash."""

    name: str
    messages: list[Message]
    tools: list[Tool]
    think: Think


TIDE = Tool(
    "tide",
    "Tide table of a port",
    {
        "type": "object",
        "properties": {
            "port": {"type": "string", "description": "the port"},
            "days": {"type": "integer", "minimum": 1},
            "units": {"type": "string", "enum": ["m", "ft"]},
        },
        "required": ["port"],
    },
)
WIND = Tool("wind", "Wind <now> & soon", {"type": "object", "properties": {}})

_SYSTEM = Message("system", "Answer like a sailor.")
_ASKS = Message("user", "When is high water in Brest? <&>é")
_CALLS = Message(
    "assistant",
    tool_calls=[ToolCall("tide", {"port": "Brest", "days": 2}, id="callqz001")],
    thinking="The port is known.",
)
_RESULT = Message("tool", '{"high": "04:12"}', tool_name="tide", tool_call_id="callqz001")
_ANSWERS = Message("assistant", "At 04:12.", thinking="Read it off.")
_THANKS = Message("user", "Thanks. And low water?")
_TWO_CALLS = Message(
    "assistant",
    "Looking.",
    tool_calls=[
        ToolCall("tide", {"port": "Brest", "units": "m"}, id="callqz001"),
        ToolCall("wind", {}, id="callqz002", index=1),
    ],
)
_RESULTS = [_RESULT, Message("tool", "calm", tool_name="wind", tool_call_id="callqz002")]
_TOOLS = [TIDE, WIND]

_CONVERSATIONS: dict[str, tuple[list[Message], list[Tool]]] = {
    "user": ([_ASKS], []),
    "system": ([_SYSTEM, _ASKS], []),
    "history": ([_SYSTEM, _ASKS, _ANSWERS, _THANKS], []),
    "tools": ([_SYSTEM, _ASKS], _TOOLS),
    "call": ([_SYSTEM, _ASKS, _CALLS], _TOOLS),
    "result": ([_SYSTEM, _ASKS, _CALLS, _RESULT], _TOOLS),
    "answer": ([_ASKS, _CALLS, _RESULT, _ANSWERS, _THANKS], _TOOLS),
    "two calls": ([_ASKS, _TWO_CALLS, *_RESULTS], _TOOLS),
}
_THINKS: tuple[Think, ...] = (None, True, False, "high")

CASES = [
    Case(f"{name}, think {think}", messages, tools, think)
    for name, (messages, tools) in _CONVERSATIONS.items()
    for think in _THINKS
]


def llama_templates() -> list[Path]:
    """The chat templates of the llama.cpp source, none when there is no source."""
    places = [os.environ.get("LLAMA_CPP_SOURCE", ""), str(ROOT / ".build" / "llama.cpp")]
    for place in filter(None, places):
        found = sorted(Path(place, "models", "templates").glob("*.jinja"))
        if found:
            return found
    return []
