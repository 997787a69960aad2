"""The input of a Responses request as a generation: items become messages, in their order."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ollama_server.chat.types import Media, Message, Tool, ToolCall
from ollama_server.errors import BadRequest
from ollama_server.generation.request import GenerationRequest
from ollama_server.routes import websearch
from ollama_server.routes.openai import fields
from ollama_server.routes.openai.messages import ROLES
from ollama_server.routes.openai.requests import DEFAULT_TEMPERATURE, without_none
from ollama_server.wire.body import json_kind
from ollama_server.wire.media import Parts, image_from_url
from ollama_server.wire.openai_responses import ResponsesRequest, ResponsesTool


def responses_generation(request: ResponsesRequest) -> GenerationRequest:
    """A Responses request as a generation; raises BadRequest."""
    if not request.model:
        raise BadRequest("model is required")
    messages = _Conversation().read(request)
    choice, tools = fields.tool_choice(request.tool_choice, tools_of(request.tools))
    effort = (request.reasoning.effort if request.reasoning else None) or ""
    temperature = request.temperature
    return GenerationRequest(
        model=request.model,
        messages=messages,
        tools=tools,
        tool_choice=choice,
        parallel_tool_calls=request.parallel_tool_calls,
        format=_format(request),
        think=fields.think(effort),
        options=without_none(
            num_predict=request.max_output_tokens,
            temperature=DEFAULT_TEMPERATURE if temperature is None else temperature,
            top_p=request.top_p,
        ),
        keep_alive=request.keep_alive,
    )


def _format(request: ResponsesRequest) -> Any:
    wanted = request.text.format if request.text else None
    match wanted.type if wanted else "":
        case "json_schema" if wanted is not None:
            return fields.schema_of(wanted.schema_)
        case "json_object":
            return "json"
        case _:
            return None


def tools_of(tools: list[ResponsesTool]) -> list[Tool]:
    """Functions, members of namespaces as ``namespace.member``, and the search tool.

    Other tools that OpenAI hosts do not exist here and are left out.
    """
    functions = list(_functions(tools))
    if not any(websearch.is_search(tool.type) for tool in tools):
        return functions
    return [tool for tool in functions if tool.name != websearch.NAME] + [websearch.TOOL]


def _functions(tools: list[ResponsesTool], prefix: str = "") -> Iterator[Tool]:
    for tool in tools:
        name = tool.name
        if prefix and not name.startswith(f"{prefix}."):
            name = f"{prefix}.{name}"
        if tool.type == "namespace":
            yield from _functions(tool.tools, name)
        elif tool.type == "function":
            yield Tool(name, tool.description, tool.parameters or {})


class _Conversation:
    """Messages under construction: items of one turn are gathered into one message."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self._names: dict[str, str] = {}
        self._thinking = ""

    def read(self, request: ResponsesRequest) -> list[Message]:
        if request.instructions:
            self.messages.append(Message("system", request.instructions))
        match request.input:
            case None:
                pass
            case str(text):
                if text:
                    self.messages.append(Message("user", text))
            case list(items):
                answered = _answered_calls(items)
                for index, item in enumerate(items):
                    try:
                        self._item(item, index, answered)
                    except BadRequest as error:
                        raise BadRequest(f"input[{index}]: {error.message}") from None
                self._flush_thinking()
            case other:
                raise BadRequest(f"input must be a string or array: got {json_kind(other)}")
        return self.messages

    def _item(self, item: Any, index: int, answered: dict[str, int]) -> None:
        if not isinstance(item, dict):
            raise BadRequest(f"must be an object: got {json_kind(item)}")
        match item.get("type") or ("message" if item.get("role") else None):
            case "message":
                self._message(item, index, answered)
            case "function_call":
                self._call(item)
            case "function_call_output":
                self._flush_thinking()
                text, media = _parts(item.get("output"), "output", index)
                call = str(item.get("call_id") or "")
                name = self._names.get(call, "")
                self.messages.append(
                    Message("tool", text, media=media, tool_name=name, tool_call_id=call)
                )
            case "reasoning":
                self._thinking += _text(item, "encrypted_content")
            case "web_search_call":
                pass
            case None:
                raise BadRequest("input item missing required 'type' field")
            case kind:
                raise BadRequest(f'unknown input item type: "{kind}"')

    def _message(self, item: dict[str, Any], index: int, answered: dict[str, int]) -> None:
        text, media = _parts(item.get("content"), "content", index)
        role = _text(item, "role").lower()
        role = ROLES.get(role, role)
        caller = self._caller()
        calls = caller.tool_calls if caller is not None and role == "assistant" else []
        if caller is not None and any(answered.get(call.id, -1) > index for call in calls):
            # Said between a call and its result: templates need those two side by side.
            caller.content = "\n".join(filter(None, (caller.content, text)))
            caller.media += media
            caller.thinking += self._take_thinking()
            return
        if role != "assistant":
            self._flush_thinking()
        self.messages.append(Message(role, text, self._take_thinking(), media))

    def _call(self, item: dict[str, Any]) -> None:
        call = ToolCall(_text(item, "name"), _arguments(item), id=_text(item, "call_id"))
        self._names[call.id] = call.name
        last = self.messages[-1] if self.messages else None
        if last is None or last.role != "assistant":
            last = Message("assistant")
            self.messages.append(last)
        last.thinking += self._take_thinking()
        call.index = len(last.tool_calls)
        last.tool_calls.append(call)

    def _caller(self) -> Message | None:
        last = self.messages[-1] if self.messages else None
        return last if last is not None and last.tool_calls else None

    def _take_thinking(self) -> str:
        text, self._thinking = self._thinking, ""
        return text

    def _flush_thinking(self) -> None:
        if self._thinking:
            self.messages.append(Message("assistant", thinking=self._take_thinking()))


def _answered_calls(items: list[Any]) -> dict[str, int]:
    """Where each call's result stands in the input."""
    return {
        str(item.get("call_id")): index
        for index, item in enumerate(items)
        if isinstance(item, dict) and item.get("type") == "function_call_output"
    }


def _text(item: dict[str, Any], key: str) -> str:
    value = item.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise BadRequest(f"{key} must be a string: got {json_kind(value)}")
    return value


def _arguments(item: dict[str, Any]) -> dict[str, Any]:
    text = _text(item, "arguments")
    if not text:
        return {}
    try:
        arguments = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"failed to parse function call arguments: {error}") from None
    if not isinstance(arguments, dict):
        kind = json_kind(arguments)
        raise BadRequest(f"failed to parse function call arguments: {kind} is not an object")
    return arguments


def _parts(value: Any, name: str, item: int) -> tuple[str, list[Media]]:
    """Text and images of a message's content or of a call's output."""
    if isinstance(value, str):
        return value, []
    if not isinstance(value, list):
        raise BadRequest(f"{name} must be a string or array: got {json_kind(value)}")
    parts = Parts()
    for index, part in enumerate(value):
        kind = part.get("type") if isinstance(part, dict) else json_kind(part)
        match kind:
            case "input_text" | "output_text" | "text":
                parts.say(_text(part, "text"))
            case "input_image":
                # A file id alone names something that is not stored here.
                if part.get("image_url") is not None:
                    parts.show(_image(part["image_url"], f"{name}[{index}]", item))
            case "input_file":
                raise BadRequest("file inputs are not currently supported")
            case _:
                raise BadRequest(f"{name}[{index}]: unknown content type: {kind}")
    return parts.content, parts.media


def _image(url: Any, place: str, item: int) -> Media:
    try:
        return image_from_url(url, f"input[{item}].{place}")
    except ValueError as error:
        raise BadRequest(f"{place}: {error}") from None
