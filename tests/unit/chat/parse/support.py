"""What the tests of the output parsers share: tools, templates, ways to feed a parser."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from ollama_server.chat.parse.families import PARSERS
from ollama_server.chat.parse.format import OutputFormat
from ollama_server.chat.parse.make import output_format, parser_for
from ollama_server.chat.parse.parser import OutputParser
from ollama_server.chat.parse.tape import Kind, Tape
from ollama_server.chat.template.jinja.prompt import JinjaPrompt
from ollama_server.chat.types import Delta, Message, Think, Tool, ToolCall

ROOT = Path(__file__).parents[4]
PORT_AND_DAYS = {
    "type": "object",
    "properties": {
        "port": {"type": "string", "description": "a harbour"},
        "days": {"type": "integer", "description": "how many days"},
    },
    "required": ["port"],
}
TIDE = Tool("tide", "Tide table", PORT_AND_DAYS)
WAVE = Tool("wave", "Wave heights", PORT_AND_DAYS)
TOOLS = [TIDE, WAVE]
BREST = {"port": "Brest", "days": 2}


def templates_folder() -> Path:
    """The chat templates that llama.cpp's source carries."""
    source = Path(os.environ.get("LLAMA_CPP_SOURCE") or ROOT / ".build" / "llama.cpp")
    folder = source / "models" / "templates"
    if not folder.is_dir():
        pytest.skip(f"no llama.cpp source at {source}: set LLAMA_CPP_SOURCE")
    return folder


@cache
def template(name: str) -> JinjaPrompt:
    """A template of llama.cpp's by its file name without the ending."""
    text = (templates_folder() / f"{name}.jinja").read_text(encoding="utf-8")
    return JinjaPrompt(text, bos="<BOS>", eos="<EOS>")


def format_of(source: str) -> OutputFormat:
    """The format of a named parser, or of a template when the name starts with "@"."""
    if source.startswith("@"):
        return output_format(template(source[1:]))
    return PARSERS[source].format


@dataclass
class Answer:
    """What a parser made of a text, put together."""

    content: str = ""
    thinking: str = ""
    calls: list[ToolCall] = field(default_factory=list)

    def add(self, delta: Delta) -> None:
        self.content += delta.content
        self.thinking += delta.thinking
        self.calls += delta.tool_calls

    @property
    def named(self) -> list[tuple[str, dict[str, Any]]]:
        return [(call.name, call.arguments) for call in self.calls]


class Recorder(Tape):
    """A tape that remembers what was taken from it."""

    pass_plain_text = False

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[tuple[Kind, str]] = []

    def take(self, end: int, kind: Kind) -> None:
        if end > 0:
            self.taken.append((kind, self.text[:end]))
        super().take(end, kind)


def numbered_ids() -> Any:
    """Ids that tests can know: call_1, call_2 and so on."""
    numbers = iter(range(1, 1_000_000))
    return lambda: f"call_{next(numbers)}"


def parser(
    fmt: OutputFormat,
    *,
    tools: Sequence[Tool] = TOOLS,
    think: Think = None,
    prompt: str = "",
    last: Message | None = None,
    tape: Tape | None = None,
) -> OutputParser:
    return parser_for(
        fmt, tools=tools, think=think, prompt=prompt, last=last, new_id=numbered_ids(), tape=tape
    )


def parse(
    pieces: Iterable[str], fmt: OutputFormat, *, truncated: bool = False, **how: Any
) -> Answer:
    """Everything that comes out for text in these pieces."""
    reader = parser(fmt, **how)
    answer = Answer()
    for piece in pieces:
        answer.add(reader.feed(piece))
    answer.add(reader.finish(truncated=truncated))
    return answer


def splits(text: str) -> Iterator[list[str]]:
    """The text as one piece, in two pieces in every way, and character by character."""
    yield [text]
    for at in range(1, len(text)):
        yield [text[:at], text[at:]]
    yield list(text)


def call(name: str = "tide", arguments: Mapping[str, Any] = BREST) -> tuple[str, dict[str, Any]]:
    return name, dict(arguments)
