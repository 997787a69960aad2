"""Content blocks of Anthropic's messages as the messages of a conversation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ollama_server.chat.types import SPOT, Media, Message, ToolCall
from ollama_server.errors import BadRequest
from ollama_server.wire.anthropic import AnthropicMessage
from ollama_server.wire.body import json_kind
from ollama_server.wire.media import decode_base64, image_from_url

Block = dict[str, Any]


def to_messages(turns: list[AnthropicMessage]) -> list[Message]:
    """Each turn becomes one message of its role and one for each tool result in it.

    A user's results come before what the user says about them.
    """
    names: dict[str, str] = {}
    messages: list[Message] = []
    for index, turn in enumerate(turns):
        message, results = _turn(turn, names, f"messages[{index}].content")
        own = [message] if message is not None else []
        messages += [*results, *own] if turn.role.lower() == "user" else [*own, *results]
    return messages


def _turn(
    turn: AnthropicMessage, names: dict[str, str], place: str
) -> tuple[Message | None, list[Message]]:
    message = Message(turn.role.lower())
    if isinstance(turn.content, str):
        message.content = turn.content
        return message, []
    results: list[Message] = []
    converted = False
    for index, block in enumerate(_blocks(turn.content)):
        match block.get("type"):
            case "text":
                message.content += _string(block, "text")
            case "image":
                _show(message, block.get("source"), f"{place}[{index}]")
            case "thinking":
                message.thinking = _string(block, "thinking")
            case "tool_use" | "server_tool_use" as kind:
                call = _call(block, strict=kind == "tool_use")
                call.index = len(message.tool_calls)
                names[call.id] = call.name
                message.tool_calls.append(call)
            case "tool_result":
                results.append(_result(block, names, f"{place}[{index}].content"))
                continue
            case "web_search_tool_result":
                results.append(_search_result(block, names))
                continue
            case _:
                # Documents, search results, redacted thinking: nothing a model here could read.
                continue
        converted = True
    return message if converted else None, results


def _blocks(content: Any) -> Iterator[Block]:
    if content is None:
        return
    if not isinstance(content, list):
        raise BadRequest(f"content must be a string or array: got {json_kind(content)}")
    for block in content:
        if not isinstance(block, dict):
            raise BadRequest(f"content block must be an object: got {json_kind(block)}")
        yield block


def _string(block: Block, key: str) -> str:
    value = block.get(key)
    return value if isinstance(value, str) else ""


def _show(message: Message, source: Any, place: str) -> None:
    """Add an image to a message, behind what it has said so far."""
    message.media.append(_image(source, place))
    message.content += SPOT


def _image(source: Any, place: str) -> Media:
    if not isinstance(source, dict):
        raise BadRequest("invalid image source")
    kind = source.get("type")
    try:
        if kind == "base64":
            return Media(decode_base64(_string(source, "data")), place=place)
        if kind == "url":
            return image_from_url(source.get("url"), place)
    except ValueError as error:
        raise BadRequest(f"{place}: invalid {kind} image data: {error}") from None
    raise BadRequest(f"invalid image source type: {kind}. Only base64 and url are supported.")


def _call(block: Block, *, strict: bool) -> ToolCall:
    call_id, name = _string(block, "id"), _string(block, "name")
    if strict and not call_id:
        raise BadRequest("tool_use block missing required 'id' field")
    if strict and not name:
        raise BadRequest("tool_use block missing required 'name' field")
    arguments = block.get("input")
    return ToolCall(name, arguments if isinstance(arguments, dict) else {}, id=call_id)


def _result(block: Block, names: dict[str, str], place: str) -> Message:
    call_id = _string(block, "tool_use_id")
    message = Message("tool", tool_name=names.get(call_id, ""), tool_call_id=call_id)
    content = block.get("content")
    if isinstance(content, str):
        message.content = content
        return message
    for index, part in enumerate(_blocks(content)):
        match part.get("type"):
            case "text":
                message.content += _string(part, "text")
            case "image":
                source = part.get("source")
                if not isinstance(source, dict) or source.get("type") not in ("base64", "url"):
                    raise BadRequest("invalid tool_result image source")
                _show(message, source, f"{place}[{index}]")
            case _:
                continue
    return message


def _search_result(block: Block, names: dict[str, str]) -> Message:
    call_id = _string(block, "tool_use_id")
    content = block.get("content")
    if isinstance(content, dict):
        text = f"web_search_tool_result_error: {_string(content, 'error_code')}"
    else:
        lines = (f"- {_string(hit, 'title')}: {_string(hit, 'url')}" for hit in _blocks(content))
        text = "\n".join(lines)
    return Message("tool", text, tool_name=names.get(call_id, ""), tool_call_id=call_id)
