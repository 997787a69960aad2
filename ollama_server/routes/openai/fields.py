"""Single fields of OpenAI's requests and what they mean to a generation."""

from __future__ import annotations

import re
from typing import Any

from ollama_server.chat.types import Think, Tool
from ollama_server.errors import BadRequest
from ollama_server.generation.request import ToolChoice
from ollama_server.wire.body import json_kind
from ollama_server.wire.openai import ChatTool, ResponseFormat

EFFORTS: dict[str, Think] = {
    "": None,
    "none": False,
    "minimal": "low",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "max",
    "ultra": "max",
    "max": "max",
}

MAX_ANSWERS = 128
_TOKEN_ID = re.compile(r"-?[0-9]{1,10}")


def think(effort: str) -> Think:
    """What a reasoning effort asks of the model; None leaves it to the model."""
    try:
        return EFFORTS[effort]
    except KeyError:
        raise BadRequest(
            f'invalid reasoning value: "{effort}" (must be "minimal", "low", "medium", "high", '
            '"xhigh", "ultra", "max", or "none")'
        ) from None


def format_of(response_format: ResponseFormat | None) -> Any:
    """None, "json" or a JSON Schema."""
    if response_format is None:
        return None
    match response_format.type.strip().lower():
        case "json_object":
            return "json"
        case "json_schema" if response_format.json_schema is not None:
            return schema_of(response_format.json_schema.schema_)
        case _:
            return None


def schema_of(value: Any) -> dict[str, Any] | None:
    """A JSON Schema. Raises BadRequest for what is no object."""
    if value is not None and not isinstance(value, dict):
        raise BadRequest(f"invalid schema: {json_kind(value)} is not an object")
    return value


def stop_strings(stop: Any) -> list[str] | None:
    """Stop strings of a chat; None when it names none, while an empty list clears the model's."""
    if isinstance(stop, str):
        return [stop]
    if isinstance(stop, list):
        return [item for item in stop if isinstance(item, str)]
    return None


def logit_bias(biases: dict[str, float]) -> dict[int, float]:
    """Token ids arrive as the keys of a JSON object."""
    if not all(_TOKEN_ID.fullmatch(token) for token in biases):
        raise BadRequest("logit_bias must map token ids to numbers")
    return {int(token): bias for token, bias in biases.items()}


def answers(n: int) -> int:
    """A checked number of answers."""
    if not 1 <= n <= MAX_ANSWERS:
        raise BadRequest(f"n must be between 1 and {MAX_ANSWERS}")
    return n


def top_logprobs(count: int) -> int:
    """A checked number of alternatives for each token."""
    if not 0 <= count <= 20:
        raise BadRequest("top_logprobs must be between 0 and 20")
    return count


def tools_of(tools: list[ChatTool]) -> list[Tool]:
    """Tools of a chat; those that are no functions are left out. Raises BadRequest."""
    found = []
    for number, tool in enumerate(tools):
        function = tool.function
        if function is not None:
            kind, parameters = tool.type or "function", function.parameters or {}
            found.append(Tool(function.name, function.description, parameters, kind))
        elif tool.type == "function":
            raise BadRequest(
                f"tools[{number}].function is missing: name and parameters belong there"
            )
    return found


def tool_choice(choice: Any, tools: list[Tool]) -> tuple[ToolChoice, list[Tool]]:
    """The choice, and the tools that it leaves to choose from.

    ``choice`` is auto, none, required, a function's name in one of the two spellings (chat's with
    ``function`` and that of Responses without), or a list of allowed tools.
    """
    match choice:
        case None | "" | "auto":
            return ToolChoice(), tools
        case "none":
            return ToolChoice("none"), []
        case "required":
            return required_tool(tools), tools
        case {"type": "allowed_tools", **rest}:
            allowed: Any = rest.get("allowed_tools", rest)
            names = _allowed_names(allowed)
            mode = allowed.get("mode", "auto")
            return tool_choice(mode, [tool for tool in tools if tool.name in names])
        case {"type": "function", "function": {"name": str(name)}}:
            return named_tool(name, tools), tools
        case {"type": "function", "name": str(name)}:
            return named_tool(name, tools), tools
        case {"type": str(kind)} if kind != "function":
            # A hosted tool, which does not exist here.
            return ToolChoice(), tools
        case _:
            raise BadRequest(
                'invalid tool_choice: must be "none", "auto", "required" or name a function'
            )


def named_tool(name: str, tools: list[Tool]) -> ToolChoice:
    """The choice of one tool, which must exist."""
    if all(tool.name != name for tool in tools):
        raise BadRequest(f"tool choice '{name}' not found in 'tools' parameter")
    return ToolChoice("named", name)


def required_tool(tools: list[Tool]) -> ToolChoice:
    """The choice of any tool, of which there must be one."""
    if not tools:
        raise BadRequest("'tool_choice' is only allowed when 'tools' are specified")
    return ToolChoice("required")


def _allowed_names(allowed: Any) -> set[str]:
    members = allowed.get("tools") if isinstance(allowed, dict) else None
    if not isinstance(members, list):
        raise BadRequest("invalid tool_choice: allowed_tools needs a list of tools")
    names = set()
    for member in members:
        function = member.get("function", member) if isinstance(member, dict) else {}
        if isinstance(function, dict) and isinstance(function.get("name"), str):
            names.add(function["name"])
    return names
