"""Message requests as generations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from ollama_server.chat.types import Message, Think, Tool
from ollama_server.errors import BadRequest
from ollama_server.generation.request import GenerationRequest, ToolChoice
from ollama_server.routes import websearch
from ollama_server.routes.anthropic.blocks import to_messages
from ollama_server.routes.openai.fields import named_tool, required_tool
from ollama_server.routes.openai.requests import without_none
from ollama_server.wire.anthropic import AnthropicTool, CountTokensRequest, MessagesRequest
from ollama_server.wire.body import json_kind

_EFFORTS: dict[str, Think] = {
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "high",
    "max": "max",
}


def messages_generation(request: MessagesRequest) -> GenerationRequest:
    """A message request as a generation; raises BadRequest.

    Unlike OpenAI's, this family has no sampling defaults of its own: the model's stay in force.
    """
    if not request.model:
        raise BadRequest("model is required")
    if request.max_tokens is None or request.max_tokens <= 0:
        raise BadRequest("max_tokens is required and must be positive")
    generation = prompt_generation(request)
    generation.options = without_none(
        num_predict=request.max_tokens,
        temperature=request.temperature,
        top_p=request.top_p,
        top_k=request.top_k,
        stop=request.stop_sequences or None,
    )
    generation.keep_alive = request.keep_alive
    return generation


def prompt_generation(request: CountTokensRequest) -> GenerationRequest:
    """The part of a request that makes its prompt; raises BadRequest."""
    if not request.model:
        raise BadRequest("model is required")
    if not request.messages:
        raise BadRequest("messages is required")
    tools = _tools(request.tools)
    choice, tools = _tool_choice(request.tool_choice, tools)
    parallel = True
    if isinstance(request.tool_choice, dict):
        parallel = request.tool_choice.get("disable_parallel_tool_use") is not True
    return GenerationRequest(
        model=request.model,
        messages=[*_system(request.system), *to_messages(request.messages)],
        tools=tools,
        tool_choice=choice,
        parallel_tool_calls=parallel,
        format=_format(request),
        think=_think(request),
        lenient_think=True,
    )


def wants_cache_counts(request: CountTokensRequest) -> bool:
    """Whether a request marks something for the cache; usage then tells cached tokens apart."""
    marked = [request.cache_control, *(tool.cache_control for tool in request.tools)]
    if any(mark is not None for mark in marked) or _has_mark(request.system):
        return True
    return any(_has_mark(message.content) for message in request.messages)


def _has_mark(blocks: Any) -> bool:
    return isinstance(blocks, list) and any(
        isinstance(block, dict) and block.get("cache_control") is not None for block in blocks
    )


def _system(system: Any) -> Iterator[Message]:
    match system:
        case None:
            text = ""
        case str():
            text = system
        case list():
            text = "".join(
                block["text"]
                for block in system
                if isinstance(block, dict)
                and block.get("type") == "text"
                and isinstance(block.get("text"), str)
            )
        case _:
            raise BadRequest(f"system must be a string or array: got {json_kind(system)}")
    if text:
        yield Message("system", text)


def _think(request: CountTokensRequest) -> Think:
    match request.thinking.type if request.thinking else "":
        case "enabled":
            return True
        case "disabled":
            return False
        case _:
            effort = request.output_config.effort if request.output_config else ""
            return _EFFORTS.get(effort)


def _format(request: CountTokensRequest) -> Any:
    wanted = request.output_config.format if request.output_config else None
    return wanted.schema_ if wanted is not None and wanted.type == "json_schema" else None


def _tools(declared: list[AnthropicTool]) -> list[Tool]:
    searches = any(websearch.is_search(tool.type) for tool in declared)
    tools = []
    for tool in declared:
        if tool.type not in ("", "custom") and tool.input_schema is None:
            # Hosted by Anthropic, or built into its models (bash, text_editor): unknown here.
            continue
        if searches and tool.name == websearch.NAME:
            continue
        if tool.input_schema is not None and not isinstance(tool.input_schema, dict):
            kind = json_kind(tool.input_schema)
            raise BadRequest(
                f'invalid input_schema for tool "{tool.name}": {kind} is not an object'
            )
        tools.append(Tool(tool.name, tool.description, tool.input_schema or {}))
    return [*tools, websearch.TOOL] if searches else tools


def _tool_choice(choice: Any, tools: list[Tool]) -> tuple[ToolChoice, list[Tool]]:
    match choice:
        case None | {"type": "auto"}:
            return ToolChoice(), tools
        case {"type": "none"}:
            return ToolChoice("none"), []
        case {"type": "any"}:
            return required_tool(tools), tools
        case {"type": "tool", "name": str(name)}:
            return named_tool(name, tools), tools
        case _:
            raise BadRequest('invalid tool_choice: type must be "auto", "any", "tool" or "none"')


def estimated_tokens(generation: GenerationRequest) -> int:
    """A guess at the prompt's size for the event that starts a stream: a token has four bytes."""
    size = 0
    for message in generation.messages or []:
        calls = [call.arguments for call in message.tool_calls]
        size += len(message.role) + len(message.content.encode()) + len(message.thinking.encode())
        size += len(msgspec.json.encode(calls)) if calls else 0
    for tool in generation.tools:
        size += len(tool.name) + len(tool.description.encode())
        size += len(msgspec.json.encode(tool.parameters))
    return max(1, size // 4)
