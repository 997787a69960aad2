"""Grammars for the parts of an answer that a request wants to be certain of."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ollama_server.chat.parse.callgrammar import CallGrammar
from ollama_server.chat.parse.format import OutputFormat, ToolFormat
from ollama_server.chat.parse.lark import (
    SPACE,
    Grammar,
    choice,
    lark_problem,
    sequence,
    text,
)
from ollama_server.chat.parse.make import Wake
from ollama_server.chat.parse.schema import schema_problem, styled
from ollama_server.chat.types import Tool
from ollama_server.engine import protocol
from ollama_server.errors import BadRequest, ServerError

_ANY_OBJECT = {"type": "object"}
_HARMONY_FINAL = "<|channel|>final<|message|>"
_HARMONY_ANALYSIS = "<|channel|>analysis"


def requested_schema(format: Any) -> dict[str, Any] | None:
    """The JSON Schema of a request's ``format``, None for free text.

    Raises ServerError (500, as Ollama does) for what is no format at all, and BadRequest with
    llguidance's own words for a schema that it cannot enforce.
    """
    if format is None or format == "":
        return None
    if format == "json":
        return _ANY_OBJECT
    if not isinstance(format, dict):
        written = json.dumps(json.dumps(format, ensure_ascii=False), ensure_ascii=False)
        raise ServerError(
            f'invalid format: {written}; expected "json" or a valid JSON Schema object'
        )
    problem = schema_problem(format)
    if problem:
        raise BadRequest(f"invalid format: {problem}")
    return format


def format_grammar(
    format: Any, output: OutputFormat, wake: Wake | None = None
) -> protocol.Grammar | None:
    """The grammar for a request's ``format``, None for free text; errors as `requested_schema`.

    ``wake`` says when the answer proper begins, behind its thinking.
    """
    schema = requested_schema(format)
    if schema is None:
        return None
    wake = wake or Wake()
    source = json.dumps(styled(schema), ensure_ascii=False)
    if not (wake.after or output.wrappers or output.messages):
        return protocol.Grammar("json_schema", source)
    grammar = Grammar()
    body = grammar.json(schema)
    if output.messages and output.messages.kind == "harmony":
        body = sequence(_harmony_start(output), text(_HARMONY_FINAL), body)
        return _lark(grammar.source(body), Wake("<|end|>", _HARMONY_ANALYSIS))
    if output.messages and output.messages.kind == "arrows":
        body = sequence(f"({text('all' + output.messages.header_end)})?", body)
    elif output.messages:
        again = text("<|eom|><|start|>assistant")
        body = sequence(f"({again})?", text(" to=user<|message|>"), body)
    if output.wrappers:
        allowed = choice([text(wrapper) for wrapper in output.wrappers])
        body = sequence(f"({allowed}){{0,2}}", body, f"({allowed})?")
    return _lark(grammar.source(sequence(SPACE, body)), wake)


def tool_grammar(
    output: OutputFormat,
    tools: Sequence[Tool],
    *,
    mode: str = "auto",
    name: str = "",
    parallel: bool = True,
    wake: Wake | None = None,
) -> protocol.Grammar | None:
    """The grammar for a request's tools.

    "required" forces a call, "named" one of the tool ``name``; both raise BadRequest when the
    model's format knows no calls, or no tool has that name. "auto" gives a grammar that sleeps
    until a call begins, None where calls begin without a marker or in "none".
    """
    wake = wake or Wake()
    if mode == "none" or not tools:
        return None
    if mode == "auto":
        return _lazy(output, tools, parallel, wake)
    if mode == "named":
        tools = [tool for tool in tools if tool.name == name]
        if not tools:
            raise BadRequest(f'tool_choice names the tool "{name}", which is not in tools')
        parallel = False
    if output.tools is None:
        raise BadRequest("tool_choice cannot be enforced: the model has no format for tool calls")
    return forced_tool_grammar(output, tools, parallel=parallel, wake=wake)


def forced_tool_grammar(
    output: OutputFormat, tools: Sequence[Tool], *, parallel: bool = True, wake: Wake | None = None
) -> protocol.Grammar:
    """A grammar that makes the answer consist of calls, behind its thinking."""
    builder = CallGrammar(output, tools)
    calls = builder.calls(parallel=parallel)
    messages = output.messages
    if messages and messages.kind == "harmony":
        source = builder.grammar.source(sequence(_harmony_start(output), calls))
        return _lark(source, Wake("<|end|>", _HARMONY_ANALYSIS))
    if messages:
        if messages.kind == "recipient":
            calls = sequence(f"({text('<|eom|><|start|>assistant')})?", calls)
        return _lark(builder.grammar.source(calls), wake or Wake())
    return _lark(builder.grammar.source(sequence(SPACE, calls)), wake or Wake())


def _lazy(
    output: OutputFormat, tools: Sequence[Tool], parallel: bool, wake: Wake
) -> protocol.Grammar | None:
    trigger = lazy_trigger(output.tools) if output.tools and not output.messages else ""
    if not trigger:
        return None
    builder = CallGrammar(output, tools)
    grammar = _lark(builder.grammar.source(builder.calls(parallel=parallel)), wake)
    grammar.trigger = trigger
    return grammar


def lazy_trigger(fmt: ToolFormat) -> str:
    """The text that nothing but a call begins with; empty where there is none."""
    start = fmt.section_start.strip()
    if start and fmt.array and start[-1] not in ">]":
        return start + "["
    return start or fmt.call_start.strip()


def _harmony_start(output: OutputFormat) -> str:
    """What stands before the channel: nothing in a first message, a new header behind another."""
    assert output.messages is not None
    return f"({text(output.messages.start + output.messages.primed)})?"


def _lark(source: str, wake: Wake) -> protocol.Grammar:
    problem = lark_problem(source)
    if problem:
        raise BadRequest(f"tools cannot be enforced: {problem}")
    return protocol.Grammar("lark", source, after=wake.after, unless_thinking=wake.unless)
