from __future__ import annotations

import pytest

from ollama_server.cli.checks import parse_streams
from ollama_server.cli.errors import CliError
from ollama_server.cli.main import flag_values
from ollama_server.cli.run import check_keep_alive, parse_format, parse_think


def test_a_bare_think_does_not_take_the_next_word() -> None:
    assert flag_values(["run", "m", "--think", "hi"]) == ["run", "m", "--think=true", "hi"]


def test_words_after_two_dashes_are_left_alone() -> None:
    assert flag_values(["run", "m", "--", "--think"]) == ["run", "m", "--", "--think"]


def test_switches_take_true_and_false() -> None:
    words = ["--verbose=true", "--insecure=false", "--truncate=false"]
    assert flag_values(words) == ["--verbose", "--no-truncate"]


@pytest.mark.parametrize(
    ("text", "value"),
    [(None, None), ("", True), ("true", True), ("false", False), ("high", "high"), ("max", "max")],
)
def test_think_is_a_switch_or_a_level(text: str | None, value: bool | str | None) -> None:
    assert parse_think(text) == value


def test_another_think_value_is_refused() -> None:
    expected = 'invalid value for --think: "x" (must be true, false, high, medium, low, or max)'
    with pytest.raises(CliError, match="invalid value") as caught:
        parse_think("x")
    assert str(caught.value) == expected


def test_a_format_is_json_or_a_schema() -> None:
    assert parse_format("json") == '"json"'
    assert parse_format('{"type":"object"}') == '{"type":"object"}'
    with pytest.raises(CliError):
        parse_format("yaml")


def test_streams_are_numbers_from_1() -> None:
    assert parse_streams("1, 4,16") == [1, 4, 16]
    for text in ("0", "x", "", "1,", "-1", "1.5", "\u0661", "99999"):
        with pytest.raises(CliError, match=f'^invalid argument "{text}" for "--streams" flag: '):
            parse_streams(text)


def test_a_keep_alive_needs_a_unit() -> None:
    assert check_keep_alive("1h30m") == "1h30m"
    with pytest.raises(CliError, match='time: missing unit in duration "10"'):
        check_keep_alive("10")
