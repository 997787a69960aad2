from __future__ import annotations

import io

import pytest
from rich.console import Console

from ollama_server.cli.markdown import Block, Tail, block_end


def drawn(text: str, *, height: int = 40, tail: bool = False) -> list[str]:
    """The lines that a terminal of 40 columns shows."""
    console = Console(file=io.StringIO(), width=40, height=height, force_terminal=False)
    with console.capture() as captured:
        block = Block(text)
        console.print(Tail(block) if tail else block)
    return [line.rstrip() for line in captured.get().splitlines()]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("Some **bold** `code`.", ["Some bold code."]),
        ("- one\n- two", [" • one", " • two"]),
        ("word " * 10, ["word word word word word word word word", "word word"]),
        ("字" * 25, ["字" * 20, "字" * 5]),
    ],
)
def test_markdown_is_drawn(text: str, lines: list[str]) -> None:
    assert drawn(text) == lines


@pytest.mark.parametrize(
    "text",
    [
        "Roses are red,\nviolets are blue.",
        "Write <br> and <b>bold</b>.",
        "<details>\n<p>Hello</p>",
        r"So \( x_1 = \frac{1}{2} \) and \[ y \].",
        r"$\{a \\ b\}$, \% and a\,b",
    ],
)
def test_what_is_no_markdown_stays_as_it_is(text: str) -> None:
    assert drawn(text) == text.split("\n")


def test_escaped_marks_are_marks() -> None:
    assert drawn(r"2 \* 3 \* 4, \#1, a\_b\_c, \$5") == ["2 * 3 * 4, #1, a_b_c, $5"]


def test_a_link_shows_where_it_leads() -> None:
    assert drawn("See [this](http://x.test/a).") == ["See this (http://x.test/a)."]


def test_a_block_has_no_empty_lines_around_it() -> None:
    for text in ("- a\n- b", "| a | b |\n|---|---|\n| 1 | 2 |", "# Title", "> quote"):
        lines = drawn(text)
        assert lines[0], text
        assert lines[-1], text


def test_of_a_long_block_the_terminal_shows_the_end() -> None:
    text = "\n".join(f"- {number}" for number in range(30))
    assert drawn(text, height=10, tail=True) == [f" • {number}" for number in range(22, 30)]


def test_a_block_ends_at_an_empty_line_outside_fences() -> None:
    assert block_end("a\n") is None
    assert block_end("a\n\n") is None
    assert block_end("a\n\nb") == 3
    assert block_end("```\na\n\nb") is None
    assert block_end("```\na\n\n```\n\nb") == 12
    assert block_end("- a\n\n  more of a") is None
