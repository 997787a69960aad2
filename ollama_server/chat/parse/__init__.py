"""From generated text to content, thinking and tool calls; grammars for what must be written."""

from ollama_server.chat.parse.families import PARSERS, NamedParser
from ollama_server.chat.parse.grammar import (
    answer_grammar,
    forced_tool_grammar,
    format_grammar,
    lazy_tool_grammar,
    requested_schema,
)
from ollama_server.chat.parse.make import (
    Wake,
    make_parser,
    output_format,
    starts_inside,
    thinking_end,
)
from ollama_server.chat.parse.parser import OutputParser
from ollama_server.chat.parse.tools import harmony_names, random_id, with_harmony_names

__all__ = [
    "PARSERS",
    "NamedParser",
    "OutputParser",
    "Wake",
    "answer_grammar",
    "forced_tool_grammar",
    "format_grammar",
    "harmony_names",
    "lazy_tool_grammar",
    "make_parser",
    "output_format",
    "random_id",
    "requested_schema",
    "starts_inside",
    "thinking_end",
    "with_harmony_names",
]
