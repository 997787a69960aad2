"""From generated text to content, thinking and tool calls; grammars for what must be written."""

from ollama_server.chat.parse.families import PARSERS, NamedParser
from ollama_server.chat.parse.make import (
    Wake,
    make_parser,
    output_format,
    starts_inside,
    thinking_end,
)
from ollama_server.chat.parse.parser import OutputParser
from ollama_server.chat.parse.tools import harmony_names, random_id

__all__ = [
    "PARSERS",
    "NamedParser",
    "OutputParser",
    "Wake",
    "harmony_names",
    "make_parser",
    "output_format",
    "random_id",
    "starts_inside",
    "thinking_end",
]
