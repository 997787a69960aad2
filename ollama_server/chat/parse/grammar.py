"""Grammars for the parts of an answer that a request wants to be certain of."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ollama_server.chat.parse.callgrammar import CallGrammar
from ollama_server.chat.parse.derive import ID, NUMBER
from ollama_server.chat.parse.format import OutputFormat, ToolFormat
from ollama_server.chat.parse.lark import SPACE, Grammar, choice, lark_problem, sequence, text
from ollama_server.chat.parse.make import Wake, output_format, thinking_end
from ollama_server.chat.parse.probe import is_atom, tokens
from ollama_server.chat.parse.schema import schema_problem, styled
from ollama_server.chat.template.base import PromptTemplate
from ollama_server.chat.types import Message, Think, Tool
from ollama_server.engine import protocol
from ollama_server.errors import BadRequest, ServerError

_ANY_OBJECT = {"type": "object"}
_MARKUP = re.compile(r"[^\w\s:;,.!?'\"(){}\[\]`*#-]")
_WORD = re.compile(r"(?<!```)\b[^\W\d_]")  # a fence's language is none


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


def answer_grammar(
    template: PromptTemplate,
    *,
    format: Any = None,
    tools: Sequence[Tool] = (),
    mode: str = "auto",
    name: str = "",
    parallel: bool = True,
    parser_name: str = "",
    think: Think = None,
    prompt: str = "",
    last: Message | None = None,
) -> protocol.Grammar | None:
    """The grammar for an answer to ``prompt``, None when nothing is certain about it.

    ``mode`` is the choice of tools: "required" forces a call, "named" one of the tool ``name``,
    "none" forbids them. In "auto" an answer in a ``format`` may be a call instead, and without a
    format the grammar sleeps until a call begins. Errors as `format_grammar`, and BadRequest for a
    call that cannot be forced.
    """
    output = output_format(template, parser_name)
    wake = thinking_end(
        template,
        parser_name=parser_name,
        think=think,
        prompt=prompt,
        has_tools=bool(tools),
        last=last,
    )
    schema = requested_schema(format)
    if mode == "named":
        tools = [tool for tool in tools if tool.name == name]
        if not tools:
            raise BadRequest(f'tool "{name}" is not among the tools of the request')
        parallel = False
    if mode == "none" or output.tools is None:
        if tools and mode in ("required", "named"):
            raise BadRequest("a tool call cannot be forced: the model has no format for them")
        tools = ()
    if tools and mode in ("required", "named"):
        return forced_tool_grammar(output, tools, parallel=parallel, wake=wake)
    if schema is not None:
        return format_grammar(schema, output, wake, tools=tools, parallel=parallel)
    return lazy_tool_grammar(output, tools, parallel=parallel, wake=wake) if tools else None


def format_grammar(
    schema: Mapping[str, Any],
    output: OutputFormat | None = None,
    wake: Wake | None = None,
    *,
    tools: Sequence[Tool] = (),
    parallel: bool = True,
) -> protocol.Grammar:
    """The grammar of an answer that is JSON, or calls of ``tools`` instead.

    ``wake`` says when the answer proper begins, behind its thinking.
    """
    output = output or OutputFormat()
    wake = wake or Wake()
    if not (wake.after or output.wrappers or output.messages or tools):
        source = json.dumps(styled(schema), ensure_ascii=False)
        return protocol.Grammar("json_schema", source)
    builder = CallGrammar(output, tools)
    calls = builder.calls(parallel=parallel) if tools else ""
    answer = _framed(output, builder.grammar.json(schema))
    body = choice([answer, f"({calls})"]) if calls else answer
    return _whole(builder.grammar, output, body, wake)


def forced_tool_grammar(
    output: OutputFormat, tools: Sequence[Tool], *, parallel: bool = True, wake: Wake | None = None
) -> protocol.Grammar:
    """A grammar that makes the answer consist of calls, behind its thinking."""
    builder = CallGrammar(output, tools)
    calls = builder.calls(parallel=parallel)
    return _whole(builder.grammar, output, calls, wake or Wake())


def lazy_tool_grammar(
    output: OutputFormat, tools: Sequence[Tool], *, parallel: bool = True, wake: Wake | None = None
) -> protocol.Grammar | None:
    """A grammar that sleeps until a call begins; None where calls begin without a marker.

    It is a help and no promise: tools that llguidance cannot describe leave the answer free.
    """
    trigger = lazy_trigger(output.tools) if output.tools and not output.messages else ""
    if not trigger:
        return None
    builder = CallGrammar(output, tools)
    source = builder.grammar.source(builder.calls(parallel=parallel))
    if lark_problem(source):
        return None
    wake = wake or Wake()
    return protocol.Grammar("lark", source, wake.after, wake.unless, trigger)


def lazy_trigger(fmt: ToolFormat) -> str:
    """The text that nothing but a call begins with; empty where there is none.

    Markers are never prose. Words and brackets are, and JSON of other kinds is: words count
    together with the beginning of the JSON behind them, and a bracket or a fence alone does not.
    """
    start = fmt.section_start.strip() or fmt.call_start.strip()
    if _MARKUP.search(start) or any(is_atom(token) for token in tokens(start)):
        return start
    if fmt.encoding != "json" or not _WORD.search(start):
        return ""
    if fmt.array:
        return fmt.section_start.lstrip() + "["
    name = re.split(f"[{ID}{NUMBER}]", fmt.object_start)[0]
    return fmt.section_start.lstrip() + fmt.call_start.lstrip() + name if name else ""


def _framed(output: OutputFormat, body: str) -> str:
    """An answer with the markers that the model puts around its content."""
    messages = output.messages
    if messages is None:
        if not output.wrappers:
            return body
        allowed = choice([text(wrapper) for wrapper in output.wrappers])
        return sequence(f"({allowed}){{0,2}}", body, f"({allowed})?")
    if messages.kind == "harmony":
        return sequence(text("<|channel|>final" + messages.header_end), body)
    if messages.kind == "arrows":
        return sequence(f"({text('all' + messages.header_end)})?", body)
    return sequence(text(" to=user" + messages.header_end), body)


def _whole(grammar: Grammar, output: OutputFormat, body: str, wake: Wake) -> protocol.Grammar:
    """The grammar of a whole answer, or of its part behind the thinking."""
    messages = output.messages
    if messages is None:
        return _checked(grammar.source(sequence(SPACE, f"({body})")), wake)
    if messages.kind == "arrows":
        return _checked(grammar.source(body), wake)
    # A first message's header has begun in the prompt; behind thinking there is a new one.
    again = text(messages.start + messages.primed)
    thinking = output.thinking
    if thinking is None:
        raise ValueError("a format of messages with thinking, and no markers for it")
    source = grammar.source(sequence(f"({again})?", f"({body})"))
    return _checked(source, Wake(thinking.close, thinking.open, thinking.other_closes))


def _checked(source: str, wake: Wake) -> protocol.Grammar:
    problem = lark_problem(source)
    if problem:
        raise BadRequest(f"the answer cannot be constrained: {problem}")
    return protocol.Grammar(
        "lark", source, after=wake.after, unless_thinking=wake.unless, left_by=wake.left_by
    )
