"""Grammars for tool calls, in the spelling that a model's template uses."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ollama_server.chat.parse.arguments import ArgumentGrammar
from ollama_server.chat.parse.derive import ANY_ID, ID, NUMBER
from ollama_server.chat.parse.enforceable import parameters
from ollama_server.chat.parse.format import OutputFormat, ToolFormat
from ollama_server.chat.parse.lark import GAP, Grammar, choice, json_text, sequence, text
from ollama_server.chat.parse.tools import harmony_names
from ollama_server.chat.types import Tool

MAX_CALLS = 16
"""How many calls one answer may make: a model that cannot stop must be stopped."""


class CallGrammar:
    """Expressions for the calls of several tools in one format."""

    def __init__(self, fmt: OutputFormat, tools: Sequence[Tool]) -> None:
        if fmt.tools is None and tools:
            raise ValueError("a format without tool calls")
        self._output = fmt
        self._format = fmt.tools or ToolFormat("json")
        self._tools = tools
        self.grammar = Grammar()

    def calls(self, *, parallel: bool) -> str:
        """One call or, with ``parallel``, several where the format knows how."""
        if self._output.messages:
            return self._messages(parallel)
        fmt = self._format
        calls = [self._call(tool, fmt.call_start.lstrip()) for tool in self._tools]
        one, opening, closing = choice(calls), self._opening(), self._closing()
        if not parallel or fmt.single:
            return sequence(opening, one, closing)
        between = self._between(opening, closing)
        # Objects with nothing around each: models may have learnt a section for every one of them.
        plain = fmt.encoding == "json" and not (fmt.array or fmt.call_start.strip())
        lone = plain and self._is_shared
        again = choice([between, sequence(closing, GAP, opening)]) if lone else between
        more = f"({sequence(again, one)}){{0,{MAX_CALLS - 1}}}"
        # A section's end ends the answer. Elsewhere a line break may follow, and then nothing.
        ended = fmt.array or (self._is_shared and not lone)
        return sequence(opening, one, more, closing, "" if ended else GAP)

    @property
    def _is_shared(self) -> bool:
        """Whether all calls stand between two markers."""
        fmt = self._format
        return bool(fmt.section_start.strip() and fmt.section_end.strip()) and (
            not fmt.section_per_call
        )

    def _opening(self) -> str:
        fmt = self._format
        if fmt.array:
            return sequence(text(fmt.section_start.strip()), GAP, text("["), GAP)
        return text(fmt.section_start.lstrip())

    def _closing(self) -> str:
        fmt = self._format
        if fmt.array:
            return sequence(GAP, text("]"), text(fmt.section_end.rstrip()))
        if self._is_shared:
            # A separator's white space must not begin a longer text that may stand there as well.
            return sequence(GAP, text(fmt.section_end.strip()))
        end = text(fmt.section_end.rstrip())
        return f"({end})?" if end and not fmt.section_start.strip() else end

    def _between(self, opening: str, closing: str) -> str:
        """What stands between two calls; its white space is free, as models differ in it."""
        fmt = self._format
        mark = fmt.separator.strip()
        # A list without commas is a flaw of the template: models have learnt JSON.
        written = text(mark) if mark else '(",")?' if fmt.array else ""
        led = GAP if mark and fmt.separator[0].isspace() else ""
        between = sequence(led, written, GAP)
        return sequence(closing, between, opening) if fmt.section_per_call else between

    def _call(self, tool: Tool, start: str) -> str:
        fmt, schema = self._format, parameters(tool)
        if fmt.encoding == "json":
            inside = self._json_call(tool, schema)
            return self.grammar.rule(sequence(text(start), inside, text(fmt.call_end.rstrip())))
        header = self._header(tool.name)
        arguments = ArgumentGrammar(fmt, self.grammar, schema)
        match fmt.encoding:
            case "tag_json":
                fence = text("```json\n") if fmt.fence else ""
                body = sequence(text(header), fence, self.grammar.json(schema))
            case "tagged":
                body = sequence(text(header), arguments.tagged())
            case "python":
                body = sequence(text(f"{tool.name}("), arguments.python(), text(")"))
            case "quoted":
                body = sequence(text(tool.name), arguments.quoted())
        return self.grammar.rule(sequence(text(start), body, text(fmt.call_end.rstrip())))

    def _header(self, name: str) -> str:
        fmt = self._format
        call_id = ID if fmt.keep_id else ANY_ID
        before = call_id + fmt.id_end if fmt.id_end else ""
        number = fmt.counter + NUMBER if fmt.counter else ""
        behind = fmt.id_start + call_id if fmt.id_start else ""
        attributes = fmt.header_attributes + fmt.header_end
        return f"{before}{fmt.name_prefix}{name}{number}{behind}{fmt.name_end}{attributes}"

    def _json_call(self, tool: Tool, schema: Mapping[str, Any]) -> str:
        fmt = self._format
        start, middle, end = fmt.object_start, fmt.object_middle, fmt.object_end
        if not start:
            wrapped = f'"type": "function", "{fmt.wrapper}": {{' if fmt.wrapper else ""
            number = f'"{fmt.id_field}": "{NUMBER}", ' if fmt.id_field else ""
            start = f'{{{wrapped}{number}"{fmt.name_field}": "'
            middle = f'", "{fmt.arguments_field}": '
            end = "}}" if fmt.wrapper else "}"
            if fmt.name_is_key:
                start, middle, end = '{"', '": ', "}"
        name = json.dumps(tool.name)[1:-1]
        return sequence(json_text(start + name + middle), self.grammar.json(schema), json_text(end))

    # --- messages ---------------------------------------------------------------------------------

    def _messages(self, parallel: bool) -> str:
        """Calls that are messages of their own; the first one's header may have begun already."""
        messages = self._output.messages
        assert messages is not None
        if messages.kind == "harmony":
            return choice([self._harmony_call(tool) for tool in self._tools])
        if messages.kind == "arrows":
            calls = [
                sequence(text(tool.name + "\n"), self.grammar.json(parameters(tool)))
                for tool in self._tools
            ]
            again = sequence(text(messages.start), choice(calls))
        else:
            fmt = self._format
            calls = [
                sequence(
                    text(f" to={tool.name}{messages.header_end}{fmt.section_start}"),
                    self._call(tool, fmt.call_start),
                    text(fmt.section_end),
                )
                for tool in self._tools
            ]
            between = messages.ends[0] + messages.start + messages.primed
            again = sequence(text(between), choice(calls))
        more = f"({again}){{0,{MAX_CALLS - 1}}}" if parallel else ""
        return sequence(choice(calls), more)

    def _harmony_call(self, tool: Tool) -> str:
        name = harmony_names([t.name for t in self._tools])[tool.name]
        header = f"<|channel|>commentary to=functions.{name} <|constrain|>json<|message|>"
        return sequence(text(header), self.grammar.json(parameters(tool)))
