"""Small conversations with known words, rendered to see what a template prints around them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from ollama_server.chat.template.base import PromptTemplate
from ollama_server.chat.template.limits import Patience
from ollama_server.chat.types import Message, Think, Tool, ToolCall
from ollama_server.errors import ServerError

USER, CONTENT, REASONING = "Uprobeword", "Cprobeword", "Rprobeword"
FIRST, SECOND = "firstprobe", "secondprobe"
ARGUMENTS = {"alphakey": "Avalueword", "betakey": "Bvalueword"}
KEYS = tuple(ARGUMENTS)
VALUES = tuple(ARGUMENTS.values())
CALL_ID = "call00001"  # nine letters and digits: some templates refuse any other length

_ATOM = re.compile(r"<[^<>]*>|\[/?[A-Z][A-Z_ ]*\]|.", re.DOTALL)


def tokens(text: str) -> list[str]:
    """``text`` in pieces that a marker never begins or ends inside of."""
    return _ATOM.findall(text)


def is_atom(token: str) -> bool:
    """Whether a token is a whole marker."""
    return len(token) > 1


def common_prefix(a: Sequence[str], b: Sequence[str]) -> int:
    """The number of tokens at the beginning that are the same."""
    count = 0
    for left, right in zip(a, b, strict=False):
        if left != right:
            break
        count += 1
    return count


def common_suffix(a: Sequence[str], b: Sequence[str]) -> int:
    """The number of tokens at the end that are the same."""
    return common_prefix(a[::-1], b[::-1])


def closing_of(marker: str) -> str:
    """The usual closing marker of an opening one."""
    return marker[0] + "/" + marker[1:]


def are_partners(opening: str, closing: str) -> bool:
    """Whether the names of two markers say that they belong together."""
    if closing == closing_of(opening):
        return True
    pairs = (("START", "END"), ("start", "end"), ("begin", "end"), ("prefix", "suffix"))
    return any(closing == opening.replace(a, b) != opening for a, b in pairs)


def tool(name: str) -> Tool:
    """A declaration with everything in it that templates read without asking whether it exists."""
    properties = {key: {"type": "string", "description": "a text"} for key in KEYS}
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    return Tool(name, "a tool", schema)


class Probe:
    """What follows the user's words in several continuations; empty where the template refuses."""

    def __init__(self, template: PromptTemplate) -> None:
        self._template = template
        self._patience = Patience()

    def render(
        self,
        *answer: Message,
        tools: Sequence[Tool] = (),
        think: Think = None,
        generate: bool = False,
    ) -> str:
        """The text behind the user's message, empty when it is not rendered at all."""
        messages = [Message("user", USER), *answer]
        try:
            with self._patience:
                text = self._template.render(messages, tools, think, add_generation_prompt=generate)
        except (ServerError, RecursionError):
            return ""
        return text.rpartition(USER)[2] if USER in text else ""

    def calls(self, *names: str, thinking: str = "", arguments: Any = None) -> str:
        """An answer that calls tools with all of their arguments."""
        calls = [
            ToolCall(name, dict(arguments or ARGUMENTS), CALL_ID, index)
            for index, name in enumerate(names)
        ]
        answer = Message("assistant", "", thinking, tool_calls=calls)
        return self.render(answer, tools=self.tools, think=True if thinking else None)

    @cached_property
    def tools(self) -> list[Tool]:
        """The tools that probes call."""
        return [tool(FIRST), tool(SECOND)]

    @cached_property
    def content(self) -> str:
        """An answer with content only, in a conversation with tools."""
        return self.render(Message("assistant", CONTENT), tools=self.tools)

    @cached_property
    def before_content(self) -> list[str]:
        """The tokens between the user's words and an answer's."""
        return tokens(self.content.partition(CONTENT)[0]) if CONTENT in self.content else []

    @cached_property
    def after_content(self) -> list[str]:
        """The tokens behind an answer."""
        return tokens(self.content.partition(CONTENT)[2])

    def without_header(self, answer: str) -> str:
        """``answer`` without what stands in front of every answer."""
        pieces = tokens(answer)
        return "".join(pieces[common_prefix(pieces, self.before_content) :])

    def without_turn_end(self, text: str) -> str:
        """``text`` without what stands behind every answer."""
        pieces = tokens(text)
        pieces = pieces[: len(pieces) - common_suffix(pieces, self.after_content)]
        end = next((token for token in self.after_content if is_atom(token)), None)
        if end in pieces:
            pieces = pieces[: pieces.index(end)]
        return "".join(pieces)
