"""Numbers in JSON Schemas, as exact as llguidance's float64 and its rules for ranges allow."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

_EXACT = 2**53
"""Integers up to here are all numbers of float64."""
_LEAST, _MOST = -(2**63) + 1024, 2**63 - 1
"""The bounds that llguidance takes: int64s, which it rounds to float64."""
_NEXT = 1e-12
"""From an excluded 0 or 1 to the first number that is not; more for larger ones."""

_OR_NULL = {"integer", "null"}

Bound = int | float | None


def exact_bounds(schema: dict[str, Any]) -> dict[str, Any]:
    """``schema`` with bounds that llguidance keeps to; they allow no value that was not allowed."""
    low, high = _number(schema, "exclusiveMinimum"), _number(schema, "exclusiveMaximum")
    least, most = _number(schema, "minimum"), _number(schema, "maximum")
    types = schema.get("type")
    if types == "integer" or (isinstance(types, list) and {*map(str, types)} == _OR_NULL):
        lows = [*_whole(math.ceil, least), *(n + 1 for n in _whole(math.floor, low))]
        highs = [*_whole(math.floor, most), *(n - 1 for n in _whole(math.ceil, high))]
        whole = max(lows, default=None), min(highs, default=None)
        return _bounded(schema, *_inward(*whole)) if _is_large(*whole) else schema
    least = max((bound for bound in (least, low) if bound is not None), default=None)
    most = min((bound for bound in (most, high) if bound is not None), default=None)
    if least is None or most is None or not least < most or _is_large(least, most):
        return schema
    # A whole number is excluded in vain where all others lie between it and the next one.
    step = min(_NEXT * max(1, abs(least), abs(most)), (most - least) / 4)
    if low == least >= 0 and least == int(least) and most < least + 1:
        return _bounded(schema, least + step, None)
    if high == most <= 0 and most == int(most) and least > most - 1:
        return _bounded(schema, None, most - step)
    return schema


def inexact(schema: Any, *, stated: bool = False) -> Iterator[int]:
    """Integers among the values that a schema states which float64, and so llguidance, has not."""
    if isinstance(schema, Mapping):
        for key, value in schema.items():
            # Properties may be called like the keywords, and have schemas then.
            states = key == "enum" and isinstance(value, list)
            states = states or (key == "const" and not isinstance(value, Mapping))
            yield from inexact(value, stated=stated or states)
    elif isinstance(schema, list):
        for value in schema:
            yield from inexact(value, stated=stated)
    elif stated and isinstance(schema, int) and abs(schema) > _EXACT and not _is_float(schema):
        yield schema


def _bounded(schema: dict[str, Any], least: Bound, most: Bound) -> dict[str, Any]:
    """``schema`` with other bounds, at the ends for which there are some."""
    result = dict(schema)
    for bound, keyword, excluding in (
        (least, "minimum", "exclusiveMinimum"),
        (most, "maximum", "exclusiveMaximum"),
    ):
        if bound is not None:
            result.pop(excluding, None)
            result[keyword] = bound
    return result


def _inward(least: int | None, most: int | None) -> tuple[int | None, int | None]:
    """Bounds moved towards each other, to the nearest that llguidance takes as they are.

    A large one needs the other one. Those beyond all that it takes become a contradiction.
    """
    if (least is not None and least > _MOST) or (most is not None and most < _LEAST):
        return _MOST, _LEAST
    if least is None and most is not None and most < -_EXACT:
        least = _LEAST
    if most is None and least is not None and least > _EXACT:
        most = _MOST
    if least is not None:
        least = -_rounded_down(-max(least, _LEAST))
    if most is not None:
        most = _MOST if most >= _MOST else _rounded_down(most)
    return least, most


def _rounded_down(value: int) -> int:
    """The next lower integer that float64 has."""
    nearest = float(value)
    return int(nearest if nearest <= value else math.nextafter(nearest, -math.inf))


def _is_large(*bounds: Bound) -> bool:
    return any(bound is not None and abs(bound) > _EXACT for bound in bounds)


def _is_float(value: int) -> bool:
    try:
        return int(float(value)) == value
    except OverflowError:
        return False


def _whole(rounding: Callable[[int | float], int], bound: Bound) -> list[int]:
    return [] if bound is None else [rounding(bound)]


def _number(schema: Mapping[str, Any], keyword: str) -> Bound:
    """A bound of a schema; None where it has none, or has a flag there as it once was."""
    value = schema.get(keyword)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if isinstance(value, int) or math.isfinite(value) else None
