"""Operations of Jinja templates that could cost without bound, each paid for before it runs."""

from __future__ import annotations

import builtins
import functools
import json
import string
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from jinja2.exceptions import SecurityError
from jinja2.filters import do_indent
from jinja2.runtime import Undefined

from ollama_server.chat.template.limits import CHARS_PER_STEP, Budget, current_budget
from ollama_server.errors import TemplateError

ATOMS = (str, int, float, bool, type(None))

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


def printable(value: Any) -> str:
    """``str(value)`` for output, its size checked first."""
    budget = current_budget()
    if type(value) is not str:
        value = text_of(value)
    budget.emit(len(value))
    return value  # type: ignore[no-any-return]


def text_of(value: Any) -> str:
    """``str(value)``; containers are weighed before their elements are printed."""
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple | dict):
        budget = current_budget()
        budget.text(_printed_size(value, budget))
    elif isinstance(value, int) and value.bit_length() > current_budget().limits.integer_bits:
        raise TemplateError("template makes a number that is too large")
    return str(value)


def _printed_size(value: Any, budget: Budget) -> int:
    budget.weigh(value)
    size = 0
    stack = [value]
    while stack:
        item = stack.pop()
        size += 2
        if isinstance(item, str):
            size += len(item)
        elif isinstance(item, dict):
            stack.extend(item.keys())
            stack.extend(item.values())
        elif isinstance(item, list | tuple):
            stack.extend(item)
        if size > budget.limits.text:
            raise TemplateError("template makes a text that is too long")
    return size


def comparable(value: Any) -> Any:
    """The value itself, after paying for a comparison that may visit all of it."""
    if isinstance(value, str):
        current_budget().step(1 + len(value) // 1024)
    elif not isinstance(value, ATOMS):
        current_budget().weigh(value)
    return value


def searchable(value: Any) -> Any:
    """The value itself, after paying for a search through it."""
    if isinstance(value, str):
        current_budget().step(1 + len(value) // 1024)
    elif isinstance(value, list | tuple):
        current_budget().step(1 + len(value) // CHARS_PER_STEP)
    return value


def sliceable(value: Any) -> Any:
    """The value itself, after paying for a copy of it."""
    if isinstance(value, str | list | tuple):
        current_budget().step(1 + len(value) // CHARS_PER_STEP)
    return value


def hashable(value: Any) -> Any:
    """The same for tuples on their way into a dictionary's keys."""
    if type(value) is tuple:
        current_budget().weigh(value)
    return value


def joined(parts: tuple[Any, ...]) -> str:
    """The ``~`` operator."""
    texts = [text_of(part) for part in parts]
    current_budget().text(sum(map(len, texts)))
    return "".join(texts)


# --- operators ------------------------------------------------------------------------------------


def _is_int(value: Any) -> bool:
    return isinstance(value, int)


def _check_bits(bits: int) -> None:
    if bits > current_budget().limits.integer_bits:
        raise TemplateError("template makes a number that is too large")


def binary_operator(operator: str, left: Any, right: Any) -> None:
    """Pay for, or refuse, what the operator is about to make."""
    budget = current_budget()
    if operator == "+":
        if isinstance(left, str) and isinstance(right, str):
            budget.text(len(left) + len(right))
        elif isinstance(left, tuple):
            budget.items(budget.weigh(left) + budget.weigh(right))
        elif isinstance(left, list) and isinstance(right, list):
            budget.items(len(left) + len(right))
    elif operator == "*":
        if _is_int(left) and _is_int(right):
            _check_bits(left.bit_length() + right.bit_length())
        else:
            sequence, factor = (left, right) if _is_int(right) else (right, left)
            if isinstance(sequence, str) and _is_int(factor):
                budget.text(len(sequence) * max(factor, 0))
            elif isinstance(sequence, tuple) and _is_int(factor):
                budget.items(budget.weigh(sequence) * max(factor, 0))
            elif isinstance(sequence, list) and _is_int(factor):
                budget.items(len(sequence) * max(factor, 0))
    elif operator == "**":
        if _is_int(left) and _is_int(right):
            _check_bits(max(left.bit_length(), 1) * abs(right))
    elif operator == "%" and isinstance(left, str):
        percent_format(left, right)


def percent_format(template: str, values: Any) -> None:
    """Refuse ``%`` formats whose widths make a long text out of a short one."""
    budget = current_budget()
    size = _printed_size(values, budget) if isinstance(values, list | tuple | dict | str) else 64
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


# --- methods --------------------------------------------------------------------------------------


def method(owner: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Pay for a method call on a built-in value, or refuse it."""
    allowed = METHODS.get(type(owner))
    if allowed is None or name not in allowed:
        raise SecurityError(f"{type(owner).__name__}.{name} is not available to templates")
    budget = current_budget()
    if isinstance(owner, str):
        _text_method(budget, owner, name, args)
    elif isinstance(owner, list | tuple):
        budget.step(1 + len(owner) // CHARS_PER_STEP)
        _sequence_method(budget, owner, name, args)
    elif isinstance(owner, dict) and name in ("copy", "update", "setdefault", "get", "pop"):
        for arg in args:
            hashable(arg)
        if name in ("copy", "update"):
            budget.items(len(owner) + len(kwargs) + sum(_length(arg) for arg in args))


def _text_method(budget: Budget, owner: str, name: str, args: tuple[Any, ...]) -> None:
    budget.step(1 + len(owner) // CHARS_PER_STEP)
    if name == "replace" and len(args) >= 2 and all(isinstance(a, str) for a in args[:2]):
        hits = owner.count(args[0]) if args[0] else len(owner) + 1
        budget.text(len(owner) + hits * len(args[1]))
    elif name in ("zfill", "ljust", "rjust", "center") and args and isinstance(args[0], int):
        budget.text(max(len(owner), args[0]))
    elif name == "join" and args and isinstance(args[0], list | tuple | dict):
        joined_size(budget, owner, args[0])
    elif name in ("format", "format_map"):
        brace_format(owner, args)


def joined_size(budget: Budget, separator: str, parts: Iterable[Any]) -> None:
    """Pay for joining ``parts``."""
    size = 0
    for part in parts:
        size += len(separator) + (len(part) if isinstance(part, str) else 32)
        if size > budget.limits.text:
            break
    budget.text(size)


def _sequence_method(
    budget: Budget, owner: list[Any] | tuple[Any, ...], name: str, args: tuple[Any, ...]
) -> None:
    if name == "extend" and args:
        budget.items(len(owner) + _length(args[0]))
    elif name in ("append", "insert"):
        budget.items(1)
    elif name in ("index", "count", "remove") and args:
        if not isinstance(args[0], ATOMS):
            budget.weigh(owner)
            budget.weigh(args[0])
    elif name == "sort":
        budget.weigh(owner)


def _length(value: Any) -> int:
    return len(value) if hasattr(value, "__len__") else 0


def brace_format(template: str, args: Iterable[Any]) -> None:
    """Refuse ``str.format`` templates with computed or enormous widths."""
    budget = current_budget()
    budget.step(1 + len(template) // CHARS_PER_STEP)
    sizes = sum(_printed_size(a, budget) if not isinstance(a, int | float) else 64 for a in args)
    total = len(template)
    for _, field, spec, _ in string.Formatter().parse(template):
        if field is None:
            continue
        if spec and "{" in spec:
            raise TemplateError("template uses a computed width")
        total += sizes + _digits(spec or "")
        budget.text(total)


# --- globals and filters --------------------------------------------------------------------------


def bounded_range(*args: int) -> range:
    """``range``, no longer than a list may be."""
    numbers = range(*args)
    if len(numbers) > current_budget().limits.items:
        raise TemplateError("template makes a range that is too long")
    return numbers


def bounded_list(values: Any) -> list[Any]:
    """The ``list`` filter."""
    if not isinstance(values, str | list | tuple | dict | range):
        values = builtins.list(values)
    current_budget().items(len(values))
    return builtins.list(values)


def to_json(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    """JSON as transformers writes it: blanks after ``:`` and ``,``, order kept, nothing escaped."""
    if isinstance(value, Undefined):
        return "null"
    if not isinstance(value, (*ATOMS, list, tuple, dict)):
        if not hasattr(value, "__iter__"):
            raise TemplateError(f"{type(value).__name__} has no JSON form")
        value = bounded_list(value)
    budget = current_budget()
    indent = _bounded_indent(indent)
    budget.text(_printed_size(value, budget) * (1 + (indent or 0)))
    text = json.dumps(
        value,
        ensure_ascii=ensure_ascii,
        indent=indent,
        separators=separators,
        sort_keys=sort_keys,
        default=_json_default,
    )
    budget.text(len(text))
    return text


def _bounded_indent(indent: Any) -> int | None:
    if indent is None or isinstance(indent, Undefined):
        return None
    return max(0, min(int(indent), 16))


def _json_default(value: Any) -> Any:
    if isinstance(value, Undefined):
        return None
    if hasattr(value, "__iter__"):
        return bounded_list(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def sized(
    function: Callable[..., Any], size: str = "", position: int = 0, *, deep: bool = True
) -> Callable[..., Any]:
    """A filter that pays for its input; its argument ``size`` (at ``position``) is bounded.

    ``deep`` filters print or compare what lies inside their input.
    """
    skip = 1 if hasattr(function, "jinja_pass_arg") else 0

    @functools.wraps(function)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        budget = current_budget()
        if size:
            index = skip + 1 + position
            given = args[index] if index < len(args) else kwargs.get(size)
            if isinstance(given, int):
                budget.items(abs(given))
        value = args[skip] if len(args) > skip else None
        if isinstance(value, str):
            budget.text(len(value))
        elif isinstance(value, list | tuple | dict):
            if deep:
                budget.weigh(value)
            else:
                budget.step(1 + len(value) // CHARS_PER_STEP)
        return function(*args, **kwargs)

    return guarded


def join_filter(values: Any, separator: Any = "", attribute: str | int | None = None) -> str:
    """The ``join`` filter."""
    if attribute is not None:
        values = [
            item[attribute] if isinstance(item, dict) else getattr(item, str(attribute), "")
            for item in bounded_list(values)
        ]
    texts = [text_of(item) for item in bounded_list(values)]
    between = text_of(separator)
    joined_size(current_budget(), between, texts)
    return between.join(texts)


def replace_filter(value: Any, old: str, new: str, count: int | None = None) -> str:
    """The ``replace`` filter."""
    text = text_of(value)
    _text_method(current_budget(), text, "replace", (old, new))
    return text.replace(old, new, -1 if count is None else count)


def format_filter(value: Any, *args: Any, **kwargs: Any) -> str:
    """The ``format`` filter: printf style."""
    template = text_of(value)
    values = kwargs or args
    percent_format(template, values)
    return template % values


def indent_filter(
    value: Any, width: int | str = 4, first: bool = False, blank: bool = False
) -> str:
    """The ``indent`` filter: all lines but the first, blank lines only when asked."""
    text = text_of(value)
    budget = current_budget()
    margin = width if isinstance(width, str) else " " * _bounded_width(width)
    budget.text(len(text) + (text.count("\n") + 1) * len(margin))
    return do_indent(text, margin, first, blank)


def _bounded_width(width: Any) -> int:
    return max(0, min(int(width), 1024))
