"""What a JSON Schema declares about a value, behind its references and combinations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any
from urllib.parse import unquote

DEFINITIONS = ("$defs", "definitions")
_UNIONS = ("anyOf", "oneOf")
_COMBINING = ("$ref", "allOf", *_UNIONS)
# What is behind so many references and combinations counts as anything.
_MOST_STEPS = 1000
_DEEPEST = 50
_TYPES: Mapping[type, str] = {
    type(None): "null",
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}
_TYPE_OF_KEYWORD = {"properties": "object", "items": "array", "prefixItems": "array"}


@dataclass(frozen=True)
class Declared:
    """A schema, together with the root that its references point into."""

    schema: Mapping[str, Any]
    root: Mapping[str, Any]

    @cached_property
    def options(self) -> Sequence[Mapping[str, Any]]:
        """The alternatives, at least one; references and combinations are left inside them only."""
        return list(_Options(self.root).of(self.schema)) or [{}]

    @cached_property
    def types(self) -> set[str]:
        """The names of the types that are allowed; a schema that allows any names none."""
        return {name for option in self.options for name in types_of(option)}

    @property
    def texts(self) -> list[Mapping[str, Any]]:
        """The alternatives that are strings, but for those that list their values."""
        listless = [option for option in self.options if values_of(option) is None]
        return [
            option for option in listless if "string" in types_of(option) or not types_of(option)
        ]

    @property
    def words(self) -> list[str]:
        """The strings that alternatives list as their values."""
        return [value for value in self._values() if isinstance(value, str)]

    @property
    def others(self) -> list[Mapping[str, Any]]:
        """The alternatives that are no strings."""
        values = [value for value in self._values() if not isinstance(value, str)]
        found: list[Mapping[str, Any]] = [{"enum": values}] if values else []
        for option in self.options:
            types = [name for name in types_of(option) if name != "string"]
            if values_of(option) is None and types:
                found.append({**option, "type": types})
        return found

    def _values(self) -> Iterator[Any]:
        for option in self.options:
            allowed = types_of(option)
            for value in values_of(option) or []:
                name = _TYPES[type(value)]
                if name in allowed or (name == "integer" and "number" in allowed):
                    yield value

    @property
    def properties(self) -> dict[str, Declared]:
        """The properties of all alternatives."""
        found: dict[str, list[Any]] = {}
        for option in self.options:
            for key, value in as_mapping(option.get("properties")).items():
                found.setdefault(key, []).append(value)
        return {key: self._united(values) for key, values in found.items()}

    def named(self, key: str) -> Declared:
        """One property, of any type where none is declared."""
        return self.properties.get(key) or Declared({}, self.root)

    @property
    def items(self) -> Declared:
        """What a list consists of."""
        return self._united([option["items"] for option in self.options if "items" in option])

    def _united(self, schemas: Sequence[Any]) -> Declared:
        if len(schemas) == 1:
            return Declared(as_mapping(schemas[0]), self.root)
        return Declared({"anyOf": schemas} if schemas else {}, self.root)


def types_of(option: Mapping[str, Any]) -> list[str]:
    """The types of one alternative: the declared ones, else those that it cannot but mean."""
    declared = _listed(option.get("type"))
    if declared:
        return [name for name in declared if isinstance(name, str)]
    values = values_of(option)
    if values is not None:
        return list(dict.fromkeys(_TYPES[type(value)] for value in values))
    return [name for keyword, name in _TYPE_OF_KEYWORD.items() if keyword in option][:1]


def values_of(option: Mapping[str, Any]) -> list[Any] | None:
    """The only values that an alternative allows, None where it does not list them."""
    if "const" in option:
        return [option["const"]]
    values = option.get("enum")
    return values if isinstance(values, list) else None


def required_of(option: Mapping[str, Any]) -> list[str]:
    """The names of the properties that one alternative requires."""
    required = option.get("required")
    return (
        [name for name in required if isinstance(name, str)] if isinstance(required, list) else []
    )


def as_mapping(value: Any) -> Mapping[str, Any]:
    """``value`` where it is an object, otherwise an empty one: a schema that allows anything."""
    return value if isinstance(value, Mapping) else {}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


class _Options:
    """Takes a schema apart; the steps are counted, as few words can mean very many of them."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._steps = 0

    def of(self, schema: Any, above: tuple[str, ...] = ()) -> Iterator[Mapping[str, Any]]:
        """The alternatives of ``schema``; ``above`` names what it stands behind."""
        self._steps += 1
        if schema is False or as_mapping(schema).get("not") in ({}, True):
            return
        ended = self._steps > _MOST_STEPS or len(above) > _DEEPEST
        if ended or not isinstance(schema, Mapping):
            yield {}
            return
        rest = {key: value for key, value in schema.items() if key not in _COMBINING}
        factors: list[list[Mapping[str, Any]]] = [[rest], *self._factors(schema, above)]
        for parts in product(*factors):
            self._steps += 1
            merged = _all_of(parts)
            if merged is not None:
                yield merged
            if self._steps > _MOST_STEPS:
                return

    def _factors(
        self, schema: Mapping[str, Any], above: tuple[str, ...]
    ) -> Iterator[list[Mapping[str, Any]]]:
        reference = schema.get("$ref")
        if isinstance(reference, str):
            # An alternative that is the whole again adds nothing to it.
            again = reference in above
            found = [] if again else self.of(self._target(reference), (*above, reference))
            yield list(found)
        above = (*above, "")
        parts = schema.get("allOf")
        for part in parts if isinstance(parts, list) else []:
            yield list(self.of(part, above))
        for keyword in _UNIONS:
            members = schema.get(keyword)
            if isinstance(members, list):
                yield [option for member in members for option in self.of(member, above)]

    def _target(self, reference: str) -> Any:
        """What a reference within the document points to; anything where that is nothing."""
        found: Any = self._root
        document, _, pointer = reference.partition("#")
        for token in unquote(pointer).split("/")[1:]:
            key = token.replace("~1", "/").replace("~0", "~")
            if isinstance(found, list):
                found = found[int(key)] if key.isdecimal() and int(key) < len(found) else None
            else:
                found = as_mapping(found).get(key)
        return found if not document and pointer[:1] in ("", "/") else {}


def _all_of(parts: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """One schema for what fits all parts, None where nothing does."""
    merged: Mapping[str, Any] | None = parts[0]
    for part in parts[1:]:
        merged = _both(merged, part) if merged is not None else None
    return merged


def _both(one: Mapping[str, Any], other: Mapping[str, Any]) -> Mapping[str, Any] | None:
    result = {**one, **other}
    for key in one.keys() & other.keys():
        here, there = one[key], other[key]
        if key == "type":
            result[key] = _common_types(_listed(here), _listed(there))
        elif isinstance(here, Mapping) and isinstance(there, Mapping):
            shared = here.keys() & there.keys() if key == "properties" else ()
            both = {name: {"allOf": [here[name], there[name]]} for name in shared}
            result[key] = {**here, **there, **both}
        elif isinstance(here, list) and isinstance(there, list):
            kept = [item for item in there if item in here]
            result[key] = kept if key == "enum" else here + [i for i in there if i not in here]
        elif _is_number(here) and _is_number(there):
            result[key] = min(here, there) if "max" in key.lower() else max(here, there)
    impossible = any(key in result and not result[key] for key in ("type", "enum"))
    return None if impossible else result


def _common_types(one: list[Any], other: list[Any]) -> list[Any]:
    common = [name for name in one if name in other]
    for here, there in ((one, other), (other, one)):
        if "integer" in here and "number" in there and "integer" not in common:
            common.append("integer")
    return common


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
