from __future__ import annotations

import pytest

from ollama_server.durations import parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("5m", 300),
        ("1h30m", 5400),
        ("1.5h", 5400),
        ("100ms", 0.1),
        ("2us", 2e-6),
        ("2µs", 2e-6),
        ("0", 0),
        ("-1m", -60),
        ("+3s", 3),
        (".5s", 0.5),
        ("2562047h", 2562047 * 3600),
    ],
)
def test_durations_add_up(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("10", 'time: missing unit in duration "10"'),
        ("-1", 'time: missing unit in duration "-1"'),
        ("", 'time: invalid duration ""'),
        ("abc", 'time: invalid duration "abc"'),
        ("1d", 'time: unknown unit "d" in duration "1d"'),
        ("1h2", 'time: missing unit in duration "1h2"'),
        ("2562048h", 'time: invalid duration "2562048h"'),
    ],
)
def test_what_is_no_duration_is_refused_in_gos_words(text: str, error: str) -> None:
    with pytest.raises(ValueError, match="time") as caught:
        parse_duration(text)
    assert str(caught.value) == error
