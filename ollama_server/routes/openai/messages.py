"""Messages of a chat completion as the messages of a conversation."""

from __future__ import annotations

import json
from typing import Any

from ollama_server.chat.types import Media, Message, ToolCall
from ollama_server.errors import BadRequest
from ollama_server.wire.media import Parts, image_from_url, sound_from_part
from ollama_server.wire.openai import ChatMessage, ChatToolCall

# A developer's word is the system's word to templates, which know no such role.
ROLES = {"developer": "system"}


def to_messages(chat: list[ChatMessage]) -> list[Message]:
    """One message for each; its texts are joined by newlines, images and sounds stay in place."""
    names: dict[str, str] = {}
    messages = []
    for index, item in enumerate(chat):
        calls = [_tool_call(call, number) for number, call in enumerate(item.tool_calls or [])]
        names.update((call.id, call.name) for call in calls if call.id)
        text, media = _content(item, f"messages[{index}]")
        role = item.role.lower()
        name = item.name or names.get(item.tool_call_id, "")
        messages.append(
            Message(
                role=ROLES.get(role, role),
                content=text,
                thinking=item.reasoning or item.reasoning_content,
                media=media,
                tool_calls=calls,
                tool_name=name if role == "tool" else "",
                tool_call_id=item.tool_call_id,
            )
        )
    return messages


def _tool_call(call: ChatToolCall, index: int) -> ToolCall:
    name = call.function.name if call.function else ""
    text = call.function.arguments if call.function else ""
    return ToolCall(name, parse_arguments(text), id=call.id, index=index)


def parse_arguments(text: str) -> dict[str, Any]:
    """The JSON object of a call's arguments."""
    try:
        arguments = json.loads(text)
    except (ValueError, RecursionError):
        arguments = None
    if not isinstance(arguments, dict):
        raise BadRequest("invalid tool call arguments")
    return arguments


def _content(message: ChatMessage, place: str) -> tuple[str, list[Media]]:
    match message.content:
        case str(text):
            return text, []
        case list(parts):
            return _parts(parts, f"{place}.content")
        case None if message.tool_calls is not None:
            return "", []
        case None:
            kind = "<nil>"
        case bool():
            kind = "bool"
        case int() | float():
            kind = "float64"
        case _:
            kind = "map[string]interface {}"
    raise BadRequest(f"invalid message content type: {kind}")


def _parts(parts: list[Any], place: str) -> tuple[str, list[Media]]:
    read = Parts(separator="\n")
    for index, part in enumerate(parts):
        here = f"{place}[{index}]"
        try:
            match part:
                case {"type": "text", "text": str(text)}:
                    read.say(text)
                case {"type": "image_url", "image_url": {"url": str(url)} | str(url)}:
                    read.show(image_from_url(url, here))
                case {"type": "input_audio", "input_audio": sound}:
                    read.show(sound_from_part(sound, here))
                case _:
                    raise BadRequest("invalid message format")
        except ValueError as error:
            raise BadRequest(f"{here}: {error}") from None
    return read.content, read.media
