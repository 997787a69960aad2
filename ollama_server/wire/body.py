"""Request bodies: JSON as Go's decoder takes it, into pydantic models.

Content types do not matter, bytes after the first value are ignored, unknown keys too, keys match
without regard to case, the last of duplicate keys wins, null means absent, and a value of the wrong
type is a 400 with the text that clients of Ollama know.
"""

from __future__ import annotations

import json
import math
import types
import typing
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, TypeVar

import msgspec
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ollama_server.errors import BadRequest

_GO_SCALARS: dict[Any, str] = {str: "string", bool: "bool", int: "int", float: "float64"}
_JSON_KINDS: dict[Any, str] = {str: "string", list: "array", dict: "object"}

_SHOWN_DIGITS = 40

_decode_strict = msgspec.json.Decoder().decode


# An integer as Go holds it: one of 64 bits.
Int = Annotated[int, Field(ge=-(2**63), le=2**63 - 1)]


class Body(BaseModel):
    """Base of request models; ``go_types`` names what a field is called in type errors."""

    model_config = ConfigDict(strict=True, extra="ignore")

    go_name: ClassVar[str] = ""
    go_types: ClassVar[Mapping[str, str]] = {}
    # Fields that clients send and that change nothing; docs/compatibility.md lists them.
    ignored: ClassVar[frozenset[str]] = frozenset()

    @model_validator(mode="before")
    @classmethod
    def _fold_keys(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        fields = {field.alias or name for name, field in cls.model_fields.items()}
        folded = {name.lower(): name for name in fields}
        known: dict[str, Any] = {}
        for key, value in data.items():
            name = key if key in fields else folded.get(key.lower())
            if name is not None and value is not None:
                known[name] = value
        return known


B = TypeVar("B", bound=Body)


def decode(model: type[B], raw: bytes, *, empty: str = "missing request body") -> B:
    """The body as a ``model``; raises BadRequest with Go's words for what is wrong.

    ``empty`` is the text for a body without a value.
    """
    value = parse_json(raw, empty=empty)
    if value is None:
        value = {}
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise BadRequest(_type_error(model, error)) from None


def parse_json(raw: bytes, *, empty: str = "missing request body") -> Any:
    """The first JSON value in ``raw``; raises BadRequest when there is none."""
    try:
        return _decode_strict(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # The common case is done; below are the liberties and the error texts.
        return _parse_leniently(raw, empty)


def _parse_leniently(raw: bytes, empty: str) -> Any:
    text = raw.decode("utf-8", "replace").lstrip(" \t\r\n")
    if not text:
        raise BadRequest(empty)
    try:
        value, _ = _lenient.raw_decode(text)
    except RecursionError:
        raise BadRequest("exceeded max depth") from None
    except json.JSONDecodeError as error:
        raise BadRequest(_syntax_error(text, error)) from None
    return _without_surrogates(value)


def _refuse_constant(name: str) -> Any:
    raise BadRequest(f"invalid character '{name[0]}' looking for beginning of value")


def _number(text: str) -> int | float:
    """A number that fits into a float64; Go's decoder refuses others, whatever the field is."""
    value = float(text)
    if math.isinf(value):
        shown = text if len(text) <= _SHOWN_DIGITS else f"{text[:_SHOWN_DIGITS]}..."
        raise BadRequest(f"json: cannot unmarshal number {shown} into Go value of type float64")
    return int(text) if text.lstrip("-").isdigit() else value


_lenient = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_number, parse_int=_number)


def _syntax_error(text: str, error: json.JSONDecodeError) -> str:
    if error.pos >= len(text) or error.msg.startswith("Unterminated"):
        return "unexpected EOF"
    # A literal that breaks off ("tru") is cut short, not malformed.
    if any(word.startswith(text[error.pos :]) for word in ("true", "false", "null")):
        return "unexpected EOF"
    character = text[error.pos]
    if error.msg.startswith("Invalid control character"):
        return f"invalid character {character!a} in string literal"
    if error.msg.startswith("Invalid \\"):
        return "invalid character in string escape code"
    if error.msg.startswith("Expecting property name"):
        return f"invalid character {character!r} looking for beginning of object key string"
    if error.msg.startswith("Expecting ','"):
        return f"invalid character {character!r} after object key:value pair"
    if error.msg.startswith("Expecting ':'"):
        return f"invalid character {character!r} after object key"
    return f"invalid character {character!r} looking for beginning of value"


def _without_surrogates(value: Any) -> Any:
    """Half surrogate pairs become U+FFFD: no UTF-8 encoder takes them."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_without_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {_without_surrogates(k): _without_surrogates(v) for k, v in value.items()}
    return value


# --- type errors ----------------------------------------------------------------------------------


def _type_error(model: type[Body], error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    own = first.get("ctx", {}).get("error")
    if own is not None:
        return str(own)
    kind = json_kind(first["input"])
    path, go_type = _locate(model, first["loc"])
    if not path:
        return f"json: cannot unmarshal {kind} into Go value of type api.{_go_name(model)}"
    if kind == "number" and (isinstance(first["input"], float) or go_type == "int"):
        kind = f"number {json.dumps(first['input'])[:_SHOWN_DIGITS]}"
    return (
        f"json: cannot unmarshal {kind} into Go struct field "
        f"{_go_name(model)}.{'.'.join(path)} of type {go_type}"
    )


def _go_name(model: type[Body]) -> str:
    return model.go_name or model.__name__


def json_kind(value: Any) -> str:
    """What Go's decoder calls a JSON value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    return _JSON_KINDS.get(type(value), "value")


def _locate(model: type[Body], loc: tuple[int | str, ...]) -> tuple[list[str], str]:
    """The dotted path of a pydantic location without list indices, and the Go type found there."""
    path: list[str] = []
    current: Any = model
    go_type = ""
    for part in loc:
        if isinstance(part, int):
            current = _item_type(current)
            go_type = _go_type(current)
            continue
        owner = _body_class(current)
        names = {f.alias or name: f for name, f in owner.model_fields.items()} if owner else {}
        if owner is None or part not in names:
            continue
        path.append(part)
        current = names[part].annotation
        go_type = owner.go_types.get(part) or _go_type(current)
    return path, go_type


def _body_class(annotation: Any) -> type[Body] | None:
    for candidate in _alternatives(annotation):
        if isinstance(candidate, type) and issubclass(candidate, Body):
            return candidate
    return None


def _alternatives(annotation: Any) -> list[Any]:
    if typing.get_origin(annotation) is Annotated:
        return _alternatives(typing.get_args(annotation)[0])
    if isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is typing.Union:
        return [arg for arg in typing.get_args(annotation) if arg is not type(None)]
    return [annotation]


def _item_type(annotation: Any) -> Any:
    for candidate in _alternatives(annotation):
        if typing.get_origin(candidate) is list:
            return typing.get_args(candidate)[0]
    return annotation


def _go_type(annotation: Any) -> str:
    candidate = _alternatives(annotation)[0]
    if typing.get_origin(candidate) is list:
        return f"[]{_go_type(typing.get_args(candidate)[0])}"
    if typing.get_origin(candidate) is dict or candidate is dict:
        return "map[string]interface {}"
    body = _body_class(candidate)
    if body is not None:
        return f"api.{_go_name(body)}"
    return {str: "string", bool: "bool", int: "int", float: "float64"}.get(
        candidate, "interface {}"
    )
