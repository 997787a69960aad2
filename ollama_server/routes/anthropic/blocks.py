"""Content blocks of Anthropic's messages as the messages of a conversation."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from typing import Any

from ollama_server.chat.types import Media, Message, ToolCall
from ollama_server.errors import BadRequest
from ollama_server.wire.anthropic import AnthropicMessage
from ollama_server.wire.body import json_kind

Block = dict[str, Any]


def to_messages(turns: list[AnthropicMessage]) -> list[Message]:
    """Each turn becomes one message of its role and one for each tool result in it.

    A user's results come before what the user says about them.
    """
    names: dict[str, str] = {}
    messages: list[Message] = []
    for turn in turns:
        message, results = _turn(turn, names)
        own = [message] if message is not None else []
        messages += [*results, *own] if turn.role.lower() == "user" else [*own, *results]
    return messages


def _turn(turn: AnthropicMessage, names: dict[str, str]) -> tuple[Message | None, list[Message]]:
    message = Message(turn.role.lower())
    if isinstance(turn.content, str):
        message.content = turn.content
        return message, []
    results: list[Message] = []
    converted = False
    for block in _blocks(turn.content):
        match block.get("type"):
            case "text":
                message.content += _string(block, "text")
            case "image":
                message.media.append(_image(block.get("source")))
            case "thinking":
                message.thinking = _string(block, "thinking")
            case "tool_use" | "server_tool_use" as kind:
                call = _call(block, strict=kind == "tool_use")
                call.index = len(message.tool_calls)
                names[call.id] = call.name
                message.tool_calls.append(call)
            case "tool_result":
                results.append(_result(block, names))
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


def _image(source: Any) -> Media:
    if not isinstance(source, dict):
        raise BadRequest("invalid image source")
    kind = source.get("type")
    if kind != "base64":
        raise BadRequest(f"invalid image source type: {kind}. Only base64 images are supported.")
    try:
        return Media(base64.b64decode(_string(source, "data"), validate=True))
    except binascii.Error as error:
        raise BadRequest(f"invalid base64 image data: {error}") from None


def _call(block: Block, *, strict: bool) -> ToolCall:
    call_id, name = _string(block, "id"), _string(block, "name")
    if strict and not call_id:
        raise BadRequest("tool_use block missing required 'id' field")
    if strict and not name:
        raise BadRequest("tool_use block missing required 'name' field")
    arguments = block.get("input")
    return ToolCall(name, arguments if isinstance(arguments, dict) else {}, id=call_id)


def _result(block: Block, names: dict[str, str]) -> Message:
    call_id = _string(block, "tool_use_id")
    message = Message("tool", tool_name=names.get(call_id, ""), tool_call_id=call_id)
    content = block.get("content")
    if isinstance(content, str):
        message.content = content
        return message
    for part in _blocks(content):
        match part.get("type"):
            case "text":
                message.content += _string(part, "text")
            case "image":
                source = part.get("source")
                if not isinstance(source, dict) or source.get("type") != "base64":
                    raise BadRequest("invalid tool_result image source")
                message.media.append(_image(source))
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
