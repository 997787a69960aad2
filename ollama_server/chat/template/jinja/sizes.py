"""How large values are, asked before anything visits all of them.

Printing, comparing, sorting and hashing reach everything that lies below a value, shared parts as
often as they are reached. A small structure may hold itself twice at each of forty levels, or one
long text a hundred thousand times, so these operations are paid for by what they would visit.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Iterator
from typing import Any

from jinja2.utils import Namespace

from ollama_server.chat.template.limits import Budget, current_budget
from ollama_server.errors import TemplateError

ATOMS = (str, int, float, bool, type(None))
VIEWS: tuple[Any, ...] = (type({}.keys()), type({}.values()), type({}.items()))
_CONTAINERS = (list, tuple, dict, *VIEWS, Namespace)

# Python's own recursion (hashing a tuple, for one) knows no limit and would end the process.
_DEEPEST = 500
_DIGIT_BITS = 3


def weigh(value: Any, *, indent: int = 0) -> int:
    """About the length of what ``value`` prints as, with lines indented by ``indent`` a level.

    Pays for one visit to all of it. Raises TemplateError where that is too much.
    """
    budget = current_budget()
    level: list[Any] = [value]
    count = size = depth = 0
    while level:
        count += len(level)
        size += len(level) * (2 + indent * depth)
        below: list[Any] = []
        for item in level:
            if isinstance(item, str):
                size += len(item)
            elif isinstance(item, int):
                size += item.bit_length() // _DIGIT_BITS
            elif isinstance(item, _CONTAINERS):
                below += _members(item)
                _check(budget, count + len(below), size)
        _check(budget, count, size)
        level = below
        depth += 1
        if depth > _DEEPEST:
            raise TemplateError("template nests too deeply")
    budget.step(1 + count // 8 + size // 1024)
    return size


def _members(item: Any) -> Iterable[Any]:
    """What lies directly inside a container."""
    if isinstance(item, dict):
        return [*item.keys(), *item.values()]
    if isinstance(item, Namespace):
        # The name is mangled because a namespace's attributes are those of the template.
        return [item._Namespace__attrs]
    return item  # type: ignore[no-any-return]


def _check(budget: Budget, count: int, size: int) -> None:
    if count > budget.limits.items:
        raise TemplateError("template makes a structure that is too large")
    if size > budget.limits.text:
        raise TemplateError("template makes a text that is too long")


def text_of(value: Any) -> str:
    """``str(value)``, its size paid for before."""
    if isinstance(value, str):
        return value
    if isinstance(value, _CONTAINERS) or (isinstance(value, int) and value.bit_length() > 64):
        current_budget().text(weigh(value))
    return str(value)


def printable(value: Any) -> str:
    """``str(value)`` for output."""
    if type(value) is not str:
        value = text_of(value)
    current_budget().emit(len(value))
    return value  # type: ignore[no-any-return]


def settled(value: Any) -> Any:
    """The value itself; what can be gone through only once becomes a list first.

    A generator over a list must not run while that list grows.
    """
    return bounded_list(value) if isinstance(value, Iterator) else value


def bounded_list(values: Any) -> list[Any]:
    """The ``list`` filter."""
    if isinstance(values, Iterator):
        values = builtins.list(values)
    current_budget().items(len(values))
    return builtins.list(values)


def paying(values: Any) -> Iterator[Any]:
    """The values, for filters that call something small for each of them."""
    budget = current_budget()
    for position, value in enumerate(values):
        if not position % 8:
            budget.step(2)
        yield value
