"""Times as Go's encoding/json writes them: RFC 3339, up to nine digits, trailing zeros dropped."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

_second = -1
_prefix = ""

# Go's largest duration, about 292 years: how "for ever" shows in a date.
FOREVER = timedelta(microseconds=(2**63 - 1) // 1000)


def utc_now() -> str:
    """The current time in UTC with suffix Z; formats the seconds only once a second."""
    global _second, _prefix  # noqa: PLW0603 - a cache of one entry on the path of every chunk
    seconds, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
    if seconds != _second:
        _prefix = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        _second = seconds
    if not nanoseconds:
        return f"{_prefix}Z"
    return f"{_prefix}.{nanoseconds:09d}".rstrip("0") + "Z"


def local_time(seconds: float, nanoseconds: int | None = None) -> str:
    """A Unix time with the server's own offset; ``nanoseconds`` replaces the fraction."""
    moment = datetime.fromtimestamp(seconds).astimezone()
    fraction = moment.microsecond * 1000 if nanoseconds is None else nanoseconds
    digits = f".{fraction:09d}".rstrip("0") if fraction else ""
    offset = moment.strftime("%z")
    zone = "Z" if offset == "+0000" else f"{offset[:3]}:{offset[3:5]}"
    return f"{moment.strftime('%Y-%m-%dT%H:%M:%S')}{digits}{zone}"
