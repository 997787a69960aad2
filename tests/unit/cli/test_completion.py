from __future__ import annotations

import pytest

from ollama_server.cli.completion import before_colon, step_behind_colon


@pytest.mark.parametrize(
    ("words", "index", "head"),
    [
        ("ollama-server show ti", 2, ""),
        ("ollama-server show tiny : la", 4, "tiny:"),
        ("ollama-server show host : 5000/mine/tiny : la", 6, "host:5000/mine/tiny:"),
        ("ollama-server cp tiny : latest ot", 5, ""),
    ],
)
def test_what_bash_cut_off_is_found_again(words: str, index: int, head: str) -> None:
    assert before_colon({"COMP_WORDS": words, "COMP_CWORD": str(index)}) == head


def test_at_a_colon_the_tag_is_completed() -> None:
    environment = {"COMP_WORDS": "ollama-server show tiny :", "COMP_CWORD": "3"}
    step_behind_colon(environment)
    assert environment["COMP_CWORD"] == "4"
    assert before_colon(environment) == "tiny:"


def test_outside_bash_nothing_is_cut_off() -> None:
    environment: dict[str, str] = {}
    step_behind_colon(environment)
    assert before_colon(environment) == ""
    assert environment == {}
