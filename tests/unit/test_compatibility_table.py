"""docs/compatibility.md names every request field that the code reads, and no other."""

from __future__ import annotations

import importlib
import pkgutil
import re
import types
import typing
from pathlib import Path
from typing import Any

import pytest

from ollama_server import wire
from ollama_server.wire.body import Body

TABLE = Path(__file__).parents[2] / "docs" / "compatibility.md"
STATES = {"supported", "mapped", "ignored", "refused"}
ROUTE = re.compile(r"(GET|POST|DELETE) (/\S+?)(?=[,.:;\s]|$)")


def requests() -> dict[str, type[Body]]:
    """Every request model by the route in its docstring."""
    for module in pkgutil.iter_modules(wire.__path__):
        importlib.import_module(f"{wire.__name__}.{module.name}")
    found = {}
    todo = list(Body.__subclasses__())
    while todo:
        model = todo.pop()
        todo += model.__subclasses__()
        route = ROUTE.match(model.__doc__ or "")
        if route:
            found[route.group()] = model
    return found


def fields(model: type[Body], prefix: str = "", seen: tuple[type, ...] = ()) -> dict[str, bool]:
    """Dotted field names of a model and of what it holds, and whether the code reads them."""
    found = {prefix + name: False for name in model.ignored}
    for name, field in model.model_fields.items():
        path = prefix + (field.alias or name)
        found[path] = True
        inner, is_list = _body_in(field.annotation)
        if inner is not None and inner not in seen:
            found |= fields(inner, f"{path}[]." if is_list else f"{path}.", (*seen, model, inner))
    return found


def _body_in(annotation: Any) -> tuple[type[Body] | None, bool]:
    if isinstance(annotation, type) and issubclass(annotation, Body):
        return annotation, False
    origin = typing.get_origin(annotation)
    if origin is list:
        return _body_in(typing.get_args(annotation)[0])[0], True
    if origin in (typing.Union, types.UnionType):
        for argument in typing.get_args(annotation):
            inner, is_list = _body_in(argument)
            if inner is not None:
                return inner, is_list
    return None, False


def tables() -> dict[str, dict[str, str]]:
    """The documented state of each field, by route."""
    found: dict[str, dict[str, str]] = {}
    rows: dict[str, str] = {}
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            heading = ROUTE.search(line)
            rows = found.setdefault(heading.group(), {}) if heading else {}
        elif row := re.match(r"\| `([^`]+)` \| (\w+) \|", line):
            assert row.group(1) not in rows, f"documented twice: {row.group(1)}"
            rows[row.group(1)] = row.group(2)
    return found


REQUESTS = requests()


def test_every_request_has_a_table() -> None:
    assert sorted(tables()) == sorted(REQUESTS)


@pytest.mark.parametrize("route", sorted(REQUESTS))
def test_the_table_has_the_fields_of_the_code(route: str) -> None:
    documented = {name for name, state in tables()[route].items() if state != "refused"}
    assert documented == set(fields(REQUESTS[route]))


@pytest.mark.parametrize("route", sorted(REQUESTS))
def test_the_table_says_ignored_of_what_the_code_ignores(route: str) -> None:
    states = tables()[route]
    assert set(states.values()) <= STATES
    ignored = {name for name, state in states.items() if state == "ignored"}
    assert ignored == {name for name, is_read in fields(REQUESTS[route]).items() if not is_read}
