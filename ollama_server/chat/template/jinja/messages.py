"""Messages and tools as the dictionaries a particular chat template understands."""

from __future__ import annotations

import copy
import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ollama_server.chat.template.jinja.traits import Traits
from ollama_server.chat.template.media import fill_spots
from ollama_server.chat.types import Message, Tool, ToolCall

_SHORT_ID = re.compile(r"[A-Za-z0-9]{9}")


def tool_dicts(tools: Sequence[Tool]) -> list[dict[str, Any]]:
    """Tools as declared; templates may change what they get, so nothing is shared."""
    declared = []
    for tool in tools:
        function: dict[str, Any] = {"name": tool.name}
        if tool.description:
            function["description"] = tool.description
        function["parameters"] = copy.deepcopy(dict(tool.parameters))
        declared.append({"type": tool.type, "function": function})
    return declared


def message_dicts(messages: Sequence[Message], traits: Traits) -> list[dict[str, Any]]:
    """The conversation in the forms the template reads, nothing in it that it cannot."""
    messages = _with_markers(messages)
    if not traits.developer_role:
        messages = [replace(m, role="system") if m.role == "developer" else m for m in messages]
    if not traits.system_role:
        messages = _fold_system(messages)
    if traits.tool_calls and not traits.shows_ids:
        messages = _in_call_order(messages)
    if traits.trims:
        messages = [replace(m, content=m.content.strip()) for m in messages]
    dicts = [_message_dict(message, traits) for message in messages]
    if traits.folded_results:
        dicts = _fold_results(dicts)
    if not traits.string_content:
        for item in dicts:
            if isinstance(item.get("content"), str):
                item["content"] = [{"type": "text", "text": item["content"]}]
    return dicts


def _with_markers(messages: Sequence[Message]) -> list[Message]:
    """Media become markers, in their places or behind the text; ``[img]`` means nothing here."""
    number = 0
    marked = []
    for message in messages:
        if message.media:
            content, left = fill_spots(message, number)
            number += len(message.media)
            message = replace(message, content=content + "".join(left), media=[])
        marked.append(message)
    return marked


def _fold_system(messages: list[Message]) -> list[Message]:
    """Put system texts in front of the message that follows."""
    folded: list[Message] = []
    pending = ""
    for message in messages:
        if message.role == "system":
            pending += message.content + "\n"
        else:
            folded.append(replace(message, content=pending + message.content))
            pending = ""
    return folded


def _in_call_order(messages: list[Message]) -> list[Message]:
    """Order results as their calls were: templates without ids pair them by position."""
    ordered: list[Message] = []
    wanted: list[str] = []
    index = 0
    while index < len(messages):
        message = messages[index]
        if message.role != "tool":
            wanted = [call.id for call in message.tool_calls]
            ordered.append(message)
            index += 1
            continue
        end = index
        while end < len(messages) and messages[end].role == "tool":
            end += 1
        run = messages[index:end]
        if all(result.tool_call_id and result.tool_call_id in wanted for result in run):
            run.sort(key=lambda result: wanted.index(result.tool_call_id))
        ordered.extend(run)
        index = end
    return ordered


def _message_dict(message: Message, traits: Traits) -> dict[str, Any]:
    item: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        item["tool_calls"] = [_call_dict(call, traits) for call in message.tool_calls]
        if not message.content:
            if traits.empty_content == "omit":
                del item["content"]
            else:
                item["content"] = traits.empty_content
        elif message.thinking and not traits.content_beside_reasoned_calls:
            item["content"] = traits.empty_content if traits.empty_content != "omit" else None
    if message.thinking and traits.reasoning:
        _add_reasoning(item, message.thinking, traits.reasoning)
    if message.tool_call_id:
        item["tool_call_id"] = _call_id(message.tool_call_id, traits)
    if message.tool_name:
        item["name"] = message.tool_name
    return item


def _add_reasoning(item: dict[str, Any], thinking: str, field: str) -> None:
    if field != "parts":
        item[field] = thinking
        return
    blocks = [{"type": "thinking", "thinking": thinking}]
    if item.get("content"):
        blocks.append({"type": "text", "text": item["content"]})
    item["content"] = blocks


def _call_dict(call: ToolCall, traits: Traits) -> dict[str, Any]:
    arguments: Any = copy.deepcopy(call.arguments)
    if not traits.object_arguments:
        arguments = json.dumps(arguments, ensure_ascii=False)
    item: dict[str, Any] = {
        "type": "function",
        "function": {"name": call.name, "arguments": arguments},
    }
    if call.id:
        item["id"] = _call_id(call.id, traits)
    elif traits.short_ids:
        item["id"] = _call_id(f"{call.name}:{call.index}", traits)
    return item


def _call_id(call_id: str, traits: Traits) -> str:
    """The id itself, or nine characters made of it for templates that insist on them."""
    if not traits.short_ids or _SHORT_ID.fullmatch(call_id):
        return call_id
    return hashlib.sha256(call_id.encode()).hexdigest()[:9]


def _fold_results(dicts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Move results into the message that asked for them."""
    folded: list[dict[str, Any]] = []
    for item in dicts:
        if item["role"] != "tool" or not folded or folded[-1]["role"] != "assistant":
            folded.append(item)
            continue
        asking = folded[-1]
        name = item.get("name") or _name_of_call(asking, item.get("tool_call_id", ""))
        response = {"name": name, "response": _decoded(item.get("content"))}
        asking.setdefault("tool_responses", []).append(response)
    return folded


def _name_of_call(asking: dict[str, Any], call_id: str) -> str:
    calls = asking.get("tool_calls", [])
    for call in calls:
        if call_id and call.get("id") == call_id:
            return str(call["function"]["name"])
    position = len(asking.get("tool_responses", []))
    return str(calls[position]["function"]["name"]) if position < len(calls) else "unknown"


def _decoded(content: Any) -> Any:
    if not isinstance(content, str):
        return content
    try:
        return json.loads(content)
    except ValueError:
        return content
