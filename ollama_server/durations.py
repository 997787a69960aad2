"""Durations as Go writes them: ``1h30m``, ``1.5s``, ``-2m``, ``0``."""

from __future__ import annotations

import re

_UNITS = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,  # U+00B5, the micro sign
    "μs": 1e-6,  # U+03BC, the Greek letter
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
}
# The longest duration that Go can say, about 292 years.
LONGEST_SECONDS = (2**63 - 1) / 1e9
_PART = re.compile(r"(\d+\.?\d*|\.\d+)([^\d.]*)", re.ASCII)


def parse_duration(text: str) -> float:
    """Seconds of a Go duration; ValueError carries the text that Go's parser gives."""
    rest = text[1:] if text[:1] in ("+", "-") else text
    sign = -1.0 if text.startswith("-") else 1.0
    if rest == "0":
        return 0.0
    if not rest:
        raise ValueError(f'time: invalid duration "{text}"')
    total = 0.0
    while rest:
        part = _PART.match(rest)
        if part is None:
            raise ValueError(f'time: invalid duration "{text}"')
        number, unit = part.groups()
        if not unit:
            raise ValueError(f'time: missing unit in duration "{text}"')
        if unit not in _UNITS:
            raise ValueError(f'time: unknown unit "{unit}" in duration "{text}"')
        total += float(number) * _UNITS[unit]
        rest = rest[part.end() :]
    if total > LONGEST_SECONDS:
        raise ValueError(f'time: invalid duration "{text}"')
    return sign * total
