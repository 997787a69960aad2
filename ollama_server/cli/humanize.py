"""Sizes, times and durations as people read them, spelled as Ollama spells them."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from decimal import Decimal

_UNITS = ("B", "KB", "MB", "GB", "TB")
_FOREVER_SECONDS = 20 * 365 * 24 * 3600


def human_bytes(count: int) -> str:
    """``999 B``, ``1 KB``, ``1.5 GB``, ``47 GB``: decimal units, one place below ten."""
    value, unit = float(count), 0
    while value >= 1000 and unit < len(_UNITS) - 1:
        value /= 1000
        unit += 1
    if value >= 10 or value == int(value):
        return f"{int(value)} {_UNITS[unit]}"
    return f"{value:.1f} {_UNITS[unit]}"


def human_duration(seconds: float) -> str:
    """``Less than a second``, ``About a minute``, ``3 hours``, ``2 weeks``."""
    whole = int(seconds)
    minutes = whole // 60
    hours = int(seconds / 3600 + 0.5)
    if whole < 1:
        return "Less than a second"
    if whole < 60:
        return "1 second" if whole == 1 else f"{whole} seconds"
    if minutes < 60:
        return "About a minute" if minutes == 1 else f"{minutes} minutes"
    if hours < 48:
        return "About an hour" if hours == 1 else f"{hours} hours"
    days = hours // 24
    if days < 14:
        return f"{days} days"
    if days < 60:
        return f"{days // 7} weeks"
    if days < 2 * 365:
        return f"{days // 30} months"
    return f"{days // 365} years"


def parse_time(text: str) -> datetime:
    """An RFC 3339 time of the API; more than six digits of a second are cut."""
    head, dot, tail = text.partition(".")
    if dot:
        digits = len(tail) - len(tail.lstrip("0123456789"))
        text = f"{head}.{tail[: min(digits, 6)]}{tail[digits:]}"
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def since(text: str) -> str:
    """``2 hours ago``; ``Never`` for the zero time."""
    if text.startswith("0001-01-01"):
        return "Never"
    return f"{human_duration((datetime.now(UTC) - parse_time(text)).total_seconds())} ago"


def until(text: str) -> str:
    """``4 minutes from now``, ``Stopping...`` in the past, ``Forever`` far ahead."""
    if int(text[:4]) >= datetime.now(UTC).year + 20:
        return "Forever"
    left = (parse_time(text) - datetime.now(UTC)).total_seconds()
    if left < 0:
        return "Stopping..."
    return "Forever" if left > _FOREVER_SECONDS else f"{human_duration(left)} from now"


def go_duration(nanoseconds: int) -> str:
    """``1.234567891s``, ``12.5ms``, ``2m3.4s``: a duration as Go prints it."""
    if nanoseconds < 1_000_000_000:
        for unit, size in (("ns", 1), ("µs", 1000), ("ms", 1_000_000)):
            if nanoseconds < size * 1000:
                return f"{trimmed(nanoseconds / size)}{unit}"
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    text = f"{seconds}.{rest:09d}".rstrip("0").rstrip(".") + "s"
    if hours:
        return f"{hours}h{minutes}m{text}"
    return f"{minutes}m{text}" if minutes else text


def trimmed(number: float) -> str:
    """The shortest decimal form, without an exponent for ordinary sizes."""
    if math.isfinite(number) and number == int(number) and abs(number) < 1e15:
        return str(int(number))
    return f"{number:.6f}".rstrip("0").rstrip(".")


def go_number(number: float) -> str:
    """``32768``, ``1e+06``, ``8.030261248e+09``: a number as Go's %g prints it."""
    sign, digits, exponent = Decimal(repr(float(number))).normalize().as_tuple()
    if not isinstance(exponent, int):
        return str(number)
    scale = len(digits) - 1 + exponent
    if number == 0 or -4 <= scale < 6:
        return f"{Decimal((sign, digits, exponent)):f}"
    text = "".join(map(str, digits))
    fraction = f".{text[1:]}" if len(text) > 1 else ""
    return f"{'-' if sign else ''}{text[0]}{fraction}e{scale:+03d}"
