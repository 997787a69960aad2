"""Values of templates: plain Python ones, and structs whose fields are fixed.

nil is None, maps are dicts, slices are lists. A `Struct` refuses fields it does not have; with
``as_json`` it prints as JSON, as an `Object` and an `Array` do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Struct:
    """A struct: ``type_name`` is its Go type in messages, ``json`` its JSON form where it has one.

    ``json`` is a dict in declared order, empty fields already left out.
    """

    __slots__ = ("fields", "json", "type_name")

    def __init__(
        self, type_name: str, fields: Mapping[str, Any], json: Mapping[str, Any] | None = None
    ) -> None:
        self.type_name = type_name
        self.fields = dict(fields)
        self.json = json

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Struct) and self.fields == other.fields

    __hash__ = None  # type: ignore[assignment]


class Object(dict[str, Any]):
    """A map that prints as JSON."""


class Ordered(dict[str, Any]):
    """A map that prints as JSON with its keys in the order they came in."""


class Array(list[Any]):
    """A slice that prints as JSON."""


class Union(list[str]):
    """Types of a property: prints as the only one, or as a slice; JSON likewise."""


def truth(value: Any) -> bool:
    """False for nil, false, zero and whatever is empty; structs are always true."""
    if isinstance(value, Struct):
        return True
    return bool(value)


def type_name(value: Any) -> str:
    """The Go type of a value, for messages."""
    match value:
        case Struct():
            return value.type_name
        case None:
            return "<nil>"
        case bool():
            return "bool"
        case int():
            return "int"
        case float():
            return "float64"
        case str():
            return "string"
        case Union():
            return "api.PropertyType"
        case dict():
            return "map[string]interface {}"
        case list() | tuple():
            return "[]interface {}"
    return type(value).__name__


def kind(value: Any) -> str:
    """The basic kind that comparisons look at, empty for values that have no order."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "int"
    if isinstance(value, float):
        return "float"
    return "string" if isinstance(value, str) else ""
