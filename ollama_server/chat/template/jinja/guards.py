"""Operators and methods of Jinja templates that could cost without bound, paid for before they run.

"Too much" is a TemplateError; what templates have no business with is a SecurityError.
"""

from __future__ import annotations

import string
from collections.abc import Iterable, Iterator
from typing import Any

from jinja2.exceptions import SecurityError

from ollama_server.chat.template.jinja.sizes import (
    ATOMS,
    VIEWS,
    settled,
    text_of,
    weigh,
)
from ollama_server.chat.template.limits import CHARS_PER_STEP, Budget, current_budget
from ollama_server.errors import TemplateError

_TEXT_METHODS = """
strip lstrip rstrip split rsplit splitlines partition rpartition startswith endswith replace find
rfind index rindex count title capitalize upper lower casefold swapcase format format_map join
removeprefix removesuffix isdigit isalpha isalnum isspace isupper islower isnumeric isdecimal
istitle isascii zfill ljust rjust center
"""
_LIST_METHODS = "append extend insert pop remove reverse index count copy clear sort"
_DICT_METHODS = "get keys values items pop popitem update setdefault copy clear"


def _words(names: str) -> frozenset[str]:
    return frozenset(names.split())


# Methods a template may call; whatever is not here is refused.
METHODS: dict[type, frozenset[str]] = {
    str: _words(_TEXT_METHODS),
    list: _words(_LIST_METHODS),
    dict: _words(_DICT_METHODS),
    tuple: _words("index count"),
    float: _words("is_integer"),
    int: _words("is_integer bit_length"),
}
_SEARCHED: tuple[Any, ...] = (list, tuple, range, *VIEWS)
# Searches from the right and strips look at each character of their argument again and again.
_QUADRATIC = _words("rfind rindex rpartition rsplit strip lstrip rstrip")


class Counted:
    """An iterable whose every pass is paid for; ``cost`` is what one pass over the body costs."""

    __slots__ = ("cost", "source")

    def __init__(self, source: Any, cost: int) -> None:
        self.source = source
        self.cost = cost

    def __iter__(self) -> Iterator[Any]:
        budget = current_budget()
        cost = self.cost
        for item in self.source:
            budget.step(cost)
            yield item

    def __len__(self) -> int:
        return len(self.source)


def counted(source: Any, cost: int = 1) -> Any:
    """Wrap what a loop iterates; generators lose nothing, they have no length to begin with."""
    if isinstance(source, list | tuple | dict | str | range) or hasattr(source, "__len__"):
        return Counted(source, cost)
    return iter(Counted(source, cost))


# --- comparisons and slices -----------------------------------------------------------------------


def comparable(value: Any) -> Any:
    """The value itself, after paying for a comparison that may visit all of it."""
    if isinstance(value, str):
        current_budget().step(1 + len(value) // 1024)
    elif not isinstance(value, ATOMS):
        weigh(value)
    return value


def contains(wanted: Any, held: Any) -> Any:
    """``wanted in held``"""
    held = settled(held)
    search(wanted, held)
    return wanted in held


def search(wanted: Any, held: Any) -> None:
    """Pay for looking for a value in a text or in a collection."""
    budget = current_budget()
    if not isinstance(wanted, ATOMS):
        weigh(wanted)
        if not isinstance(held, dict):
            weigh(held)
    if isinstance(held, str):
        budget.step(1 + len(held) // 1024)
    elif isinstance(held, _SEARCHED):
        each = 1 + len(wanted) // 1024 if isinstance(wanted, str) else 1
        budget.step(1 + len(held) * each // CHARS_PER_STEP)


def sliceable(value: Any) -> Any:
    """The value itself, after paying for a copy of it."""
    if isinstance(value, str):
        current_budget().step(1 + len(value) // CHARS_PER_STEP)
    elif isinstance(value, list | tuple):
        current_budget().items(len(value))
    return value


def hashable(value: Any) -> Any:
    """The value itself, after paying for its hash, which visits all of a tuple."""
    if isinstance(value, tuple):
        weigh(value)
    return value


# --- operators ------------------------------------------------------------------------------------


def joined(parts: tuple[Any, ...]) -> str:
    """The ``~`` operator."""
    texts = [text_of(part) for part in parts]
    current_budget().text(sum(map(len, texts)))
    return "".join(texts)


def check_bits(bits: int) -> None:
    """Refuse numbers so long that computing with them takes noticeable time."""
    if bits > current_budget().limits.integer_bits:
        raise TemplateError("template makes a number that is too large")


def binary_operator(operator: str, left: Any, right: Any) -> None:
    """Pay for, or refuse, what the operator is about to make."""
    if isinstance(left, int) and isinstance(right, int):
        _whole_numbers(operator, left, right)
    elif operator == "+":
        _addition(left, right)
    elif operator == "*":
        sequence, factor = (left, right) if isinstance(right, int) else (right, left)
        if isinstance(factor, int):
            _repetition(sequence, max(factor, 0))
    elif operator == "%" and isinstance(left, str):
        percent_format(left, right)


def _whole_numbers(operator: str, left: int, right: int) -> None:
    bits = left.bit_length(), right.bit_length()
    check_bits(max(bits))
    if operator == "*":
        check_bits(sum(bits))
    elif operator == "**":
        check_bits(max(bits[0], 1) * abs(right))


def _addition(left: Any, right: Any) -> None:
    budget = current_budget()
    if isinstance(left, str) and isinstance(right, str):
        budget.text(len(left) + len(right))
    elif isinstance(left, list | tuple) and isinstance(right, list | tuple):
        budget.items(len(left) + len(right))


def _repetition(sequence: Any, factor: int) -> None:
    budget = current_budget()
    if isinstance(sequence, str):
        budget.text(len(sequence) * factor)
    elif isinstance(sequence, list | tuple):
        budget.items(len(sequence) * factor)


def percent_format(template: str, values: Any) -> None:
    """Refuse ``%`` formats whose widths make a long text out of a short one."""
    budget = current_budget()
    size = 64 if isinstance(values, float) else weigh(values)
    position = template.find("%")
    total = len(template)
    while position >= 0:
        end = position + 1
        if template[end : end + 1] == "(":
            end = template.find(")", end) + 1
            if end == 0:
                break
        start = end
        while end < len(template) and template[end] in "0123456789.+-# *":
            end += 1
        flags = template[start:end]
        if "*" in flags:
            raise TemplateError("template uses a computed width")
        total += size + _digits(flags)
        budget.text(total)
        position = template.find("%", end + 1)


def _digits(flags: str) -> int:
    """The sum of the numbers in a format's flags."""
    numbers = "".join(c if c.isdigit() else " " for c in flags).split()
    if any(len(number) > 9 for number in numbers):
        raise TemplateError("template uses a width that is too large")
    return sum(int(number) for number in numbers)


def brace_format(template: str, args: Iterable[Any]) -> None:
    """Refuse ``str.format`` templates with computed or enormous widths."""
    budget = current_budget()
    budget.step(1 + len(template) // CHARS_PER_STEP)
    sizes = sum(64 if isinstance(arg, float) else weigh(arg) for arg in args)
    total = len(template)
    for _, field, spec, _ in string.Formatter().parse(template):
        if field is None:
            continue
        if spec and "{" in spec:
            raise TemplateError("template uses a computed width")
        total += sizes + _digits(spec or "")
        budget.text(total)


# --- methods --------------------------------------------------------------------------------------


def method(owner: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
    """Pay for a method call on a built-in value, or refuse it; the arguments to call it with."""
    allowed = METHODS.get(type(owner))
    if allowed is None or name not in allowed:
        raise SecurityError(f"{type(owner).__name__}.{name} is not available to templates")
    if name == "sort" and "key" in kwargs:
        # Python would call the key for every item, and nobody would count.
        raise SecurityError("sort takes no key in templates")
    args = tuple(settled(arg) for arg in args)
    if isinstance(owner, str):
        text_method(owner, name, (*args, *kwargs.values()))
    elif isinstance(owner, list | tuple):
        _sequence_method(owner, name, args)
    elif isinstance(owner, dict):
        _dict_method(owner, name, args, kwargs)
    return args


def text_method(owner: str, name: str, args: tuple[Any, ...]) -> None:
    """Pay for a method of a text."""
    budget = current_budget()
    budget.step(1 + len(owner) // CHARS_PER_STEP)
    first = args[0] if args else None
    if name in _QUADRATIC and isinstance(first, str):
        budget.step(len(owner) * len(first) // 1024)
    if name in ("split", "rsplit", "splitlines"):
        budget.items(_pieces(owner, first if isinstance(first, str) else None))
    elif name == "replace" and len(args) >= 2 and all(isinstance(a, str) for a in args[:2]):
        hits = owner.count(args[0]) if args[0] else len(owner) + 1
        budget.text(len(owner) + hits * len(args[1]))
    elif name in ("zfill", "ljust", "rjust", "center") and isinstance(first, int):
        budget.text(max(len(owner), first))
    elif name == "join" and first is not None:
        joined_size(budget, owner, first)
    elif name in ("format", "format_map"):
        brace_format(owner, args)


def _pieces(text: str, separator: str | None) -> int:
    """How many pieces a split makes."""
    if separator:
        return text.count(separator) + 1
    most = len(text) // 2 + 1
    items = current_budget().limits.items
    return most if most <= items else len(text.split(None, items))


def joined_size(budget: Budget, separator: str, parts: Any) -> None:
    """Pay for joining ``parts``."""
    if isinstance(parts, str):
        budget.text(len(parts) * (1 + len(separator)))
        return
    size = 0
    for part in parts:
        size += len(separator) + (len(part) if isinstance(part, str) else 32)
        if size > budget.limits.text:
            break
    budget.text(size)


def _sequence_method(owner: list[Any] | tuple[Any, ...], name: str, args: tuple[Any, ...]) -> None:
    budget = current_budget()
    budget.step(1 + len(owner) // CHARS_PER_STEP)
    if name == "extend" and args:
        budget.items(len(owner) + _length(args[0]))
    elif name in ("append", "insert"):
        budget.items(1)
    elif name == "copy":
        budget.items(len(owner))
    elif name in ("index", "count", "remove") and args:
        search(args[0], owner)
    elif name == "sort":
        ordering(owner)


def ordering(values: Any) -> None:
    """Pay for sorting."""
    weigh(values)
    count = len(values)
    current_budget().step(count * count.bit_length() // 16)


def _dict_method(
    owner: dict[Any, Any], name: str, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    if name in ("get", "pop", "setdefault"):
        for arg in args[:1]:
            hashable(arg)
    elif name in ("copy", "update"):
        pay_for_keys(args)
        current_budget().items(len(owner) + len(kwargs) + sum(map(_length, args)))


def pay_for_keys(args: tuple[Any, ...]) -> None:
    """Pay for the hashes of the keys of what becomes part of a dictionary."""
    for arg in args:
        if not isinstance(arg, dict):
            weigh(arg)


def _length(value: Any) -> int:
    return len(value) if hasattr(value, "__len__") else 0


# --- globals --------------------------------------------------------------------------------------


def bounded_range(*args: int) -> range:
    """``range``, no longer than a list may be."""
    numbers = range(*args)
    if len(numbers) > current_budget().limits.items:
        raise TemplateError("template makes a range that is too long")
    return numbers


def bounded_dict(*args: Any, **kwargs: Any) -> dict[Any, Any]:
    """``dict``"""
    args = tuple(settled(arg) for arg in args)
    pay_for_keys(args)
    current_budget().items(len(kwargs) + sum(map(_length, args)))
    return dict(*args, **kwargs)
