"""Messages and tools as the structs that Go templates are written for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ollama_server.chat.template.go.values import Array, Object, Ordered, Struct, Union
from ollama_server.chat.types import Message, Tool, ToolCall

_PROPERTY_KEYS = ("anyOf", "type", "items", "description", "enum", "properties", "required")
_PARAMETER_KEYS = ("type", "$defs", "items", "required", "properties")


def message_struct(message: Message, images: Sequence[str]) -> Struct:
    """``images`` are the markers of the message's media, already part of its content."""
    return Struct(
        "*template.templateMessage",
        {
            "Role": message.role,
            "Content": message.content,
            "Thinking": message.thinking,
            "Images": list(images),
            "ToolCalls": [_call_struct(call) for call in message.tool_calls],
            "ToolName": message.tool_name,
            "ToolCallID": message.tool_call_id,
        },
    )


def _call_struct(call: ToolCall) -> Struct:
    arguments = Object(call.arguments)
    function = Struct(
        "template.templateToolCallFunction",
        {"Index": call.index, "Name": call.name, "Arguments": arguments},
        {"index": call.index, "name": call.name, "arguments": arguments},
    )
    return Struct(
        "template.templateToolCall",
        {"ID": call.id, "Function": function},
        {**({"id": call.id} if call.id else {}), "function": function},
    )


def tool_structs(tools: Sequence[Tool]) -> Array:
    """The list prints as JSON, and so does each tool, its function and its parameters."""
    return Array(_tool_struct(tool) for tool in tools)


def _tool_struct(tool: Tool) -> Struct:
    parameters = _parameters_struct(tool.parameters)
    function = Struct(
        "api.ToolFunction",
        {"Name": tool.name, "Description": tool.description, "Parameters": parameters},
        {"name": tool.name, "description": tool.description, "parameters": parameters},
    )
    return Struct(
        "api.Tool",
        {"Type": tool.type, "Items": None, "Function": function},
        {"type": tool.type, "function": function},
    )


def _parameters_struct(schema: Mapping[str, Any]) -> Struct:
    properties = Object(_properties(schema.get("properties")))
    shown: dict[str, Any] = {"type": schema.get("type", "object")}
    for key in _PARAMETER_KEYS[1:4]:
        if schema.get(key):
            shown[key] = schema[key]
    shown["properties"] = properties
    shown.update((key, value) for key, value in schema.items() if key not in _PARAMETER_KEYS)
    return Struct(
        "api.ToolFunctionParameters",
        {
            "Type": schema.get("type", "object"),
            "Defs": schema.get("$defs"),
            "Items": schema.get("items"),
            "Required": _list(schema.get("required")),
            "Properties": properties,
        },
        shown,
    )


def _properties(declared: Any) -> dict[str, Struct]:
    if not isinstance(declared, Mapping):
        return {}
    return {str(name): _property_struct(schema) for name, schema in declared.items()}


def _property_struct(schema: Any) -> Struct:
    """A property: its known keywords in Go's order, then the others as they were declared."""
    if not isinstance(schema, Mapping):
        schema = {}
    declared_type = schema.get("type")
    types = declared_type if isinstance(declared_type, list) else [declared_type]
    values: dict[str, Any] = {
        "anyOf": [_property_struct(option) for option in _list(schema.get("anyOf"))],
        "type": Union(str(name) for name in types if name),
        "items": schema.get("items"),
        "description": schema.get("description") or "",
        "enum": _list(schema.get("enum")),
        "properties": Ordered(_properties(schema.get("properties"))),
        "required": _list(schema.get("required")),
    }
    shown = {key: value for key, value in values.items() if value}
    for key, value in schema.items():
        # ``"required": true`` is no list, but some clients write it, and it says something.
        if key not in _PROPERTY_KEYS or (value and key not in shown):
            shown[key] = value
    fields = {key[0].upper() + key[1:]: value for key, value in values.items()}
    return Struct("api.ToolProperty", fields, shown)


def _list(value: Any) -> list[Any]:
    """A list from the request, empty where something else stands in its place."""
    return list(value) if isinstance(value, list) else []
