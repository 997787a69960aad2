"""From a template to the parser of its model's answers."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ollama_server.chat.parse.derive import derive_tools
from ollama_server.chat.parse.families import FALLBACK, FAMILIES, PARSERS
from ollama_server.chat.parse.format import OutputFormat, ThinkingFormat, ToolFormat
from ollama_server.chat.parse.markers import (
    begins_with_marker,
    derive_stops,
    derive_thinking,
    derive_wrappers,
)
from ollama_server.chat.parse.messages import MessageParser
from ollama_server.chat.parse.parser import OutputParser
from ollama_server.chat.parse.probe import Probe, are_partners, tokens
from ollama_server.chat.parse.stream import StreamParser, triggers
from ollama_server.chat.parse.tape import Tape
from ollama_server.chat.parse.tools import ToolBox, random_id
from ollama_server.chat.template.base import PromptTemplate
from ollama_server.chat.types import Message, Think, Tool

_CACHED_TEMPLATES = 256
_PYTHON_TAG = "<|python_tag|>"
_derived: OrderedDict[tuple[str, str], OutputFormat] = OrderedDict()
_cache = threading.Lock()


def output_format(template: PromptTemplate, parser_name: str = "") -> OutputFormat:
    """How the model of a template writes its answers.

    A known ``parser_name`` (the template's own when empty) decides; otherwise a family that the
    template's text belongs to, and else what rendering the template shows. Found once per text.
    """
    named = PARSERS.get(parser_name or template.parser)
    if named:
        return named.format
    key = (template.kind, template.text)
    with _cache:
        found = _derived.get(key)
        if found is not None:
            _derived.move_to_end(key)
            return found
    found = _find(template)  # not under the lock: a hostile template may take its time
    with _cache:
        _derived[key] = found
        if len(_derived) > _CACHED_TEMPLATES:
            _derived.popitem(last=False)
    return found


def _find(template: PromptTemplate) -> OutputFormat:
    family = next((f for f in FAMILIES if f.matches(template.text)), None)
    fmt = family.format if family else _derive(template)
    if template.kind == "go" and not fmt.messages:
        # Go templates say where reasoning stands, and Ollama looks for it only when it is wanted.
        known = template.thinking_markers
        thinking = (
            ThinkingFormat(known.open, known.close, trim=False, only_when_asked=True)
            if known
            else None
        )
        fmt = replace(fmt, thinking=thinking)
    return fmt


def _derive(template: PromptTemplate) -> OutputFormat:
    probe = Probe(template)
    thinking = derive_thinking(probe)
    known = template.thinking_markers
    if thinking is None and known:
        thinking = ThinkingFormat(known.open, known.close)
    wrappers = derive_wrappers(probe, thinking)
    tools = derive_tools(probe)
    tools = FALLBACK if tools is None else _cleaned(tools, thinking, wrappers, template.text)
    # In Ollama's way with Go templates, calls in the thinking are thoughts.
    if template.kind != "go" and begins_with_marker(tools):
        tools = replace(tools, ends_open_thinking=True)
    return OutputFormat(thinking, tools, wrappers, stops=derive_stops(probe))


def _cleaned(
    tools: ToolFormat, thinking: ThinkingFormat | None, wrappers: Sequence[str], text: str
) -> ToolFormat:
    """A derived format without the marks of empty reasoning or content before the calls."""
    start = tools.section_start
    for mark in (*((thinking.open, thinking.close) if thinking else ()), *wrappers):
        start = start.replace(mark, "") if mark else start
    tools = replace(tools, section_start=start if start.strip() else "")
    pieces = [token for token in tokens(start) if not token.isspace()]
    if len(pieces) == 2 and are_partners(*pieces):
        # They stand around a content that is empty here; the model puts them around its calls.
        marks = (start.strip(), pieces[0])
        tools = replace(tools, section_start="", section_end=pieces[1], extra_triggers=marks)
    if tools.encoding in ("json", "python") and not (
        tools.section_start or tools.call_start.strip()
    ):
        # Llama 3 may announce its calls with the marker of its built-in tools.
        announced = (_PYTHON_TAG,) if _PYTHON_TAG in text else ()
        tools = replace(tools, bare=True, extra_triggers=(*tools.extra_triggers, *announced))
    return tools


def starts_inside(
    thinking: ThinkingFormat,
    think: Think,
    prompt: str,
    *,
    has_tools: bool = False,
    last: Message | None = None,
) -> bool:
    """Whether the answer to ``prompt`` begins in the middle of its thinking.

    What the prompt ends with decides; then whether it continues an answer, the ``last`` message;
    then the family's rule.
    """
    end = prompt.rstrip()
    if thinking.open and end.endswith(thinking.open):
        return True
    if end.endswith(thinking.close):
        return False
    if last is not None and last.role == "assistant" and not last.tool_calls:
        if last.content:
            return False
        if last.thinking:
            return prompt.rfind(thinking.open) > prompt.rfind(thinking.close)
    if thinking.without_tools and has_tools:
        return False
    match thinking.start:
        case "always":
            return True
        case "on":
            return think is not False
        case "asked":
            return bool(think)
        case _:
            return False


@dataclass(frozen=True, slots=True)
class Wake:
    """When a grammar begins: behind ``after``, or at once unless the answer opens with ``unless``.

    Both empty: with the first token. Texts of ``left_by`` end thinking without ``after``.
    """

    after: str = ""
    unless: str = ""
    left_by: tuple[str, ...] = ()


def thinking_end(
    template: PromptTemplate,
    *,
    parser_name: str = "",
    think: Think = None,
    prompt: str = "",
    has_tools: bool = False,
    last: Message | None = None,
) -> Wake:
    """When the part of an answer that a grammar may constrain begins."""
    fmt = output_format(template, parser_name)
    thinking = fmt.thinking
    if thinking is None or (thinking.only_when_asked and not think):
        return Wake()
    left_by = thinking.other_closes
    if has_tools and fmt.tools and fmt.tools.ends_thinking:
        left_by += tuple(triggers(fmt.tools))
    if starts_inside(thinking, think, prompt, has_tools=has_tools, last=last):
        return Wake(thinking.close, left_by=left_by)
    if prompt.rstrip().endswith(thinking.close):
        return Wake()
    if last is not None and last.role == "assistant" and last.content:
        return Wake()
    return Wake(thinking.close, thinking.open, left_by)


def make_parser(
    template: PromptTemplate,
    *,
    parser_name: str = "",
    tools: Sequence[Tool] = (),
    think: Think = None,
    prompt: str = "",
    last: Message | None = None,
    new_id: Callable[[], str] = random_id,
    tape: Tape | None = None,
) -> OutputParser:
    """The parser for one answer to ``prompt``; without ``tools``, calls are ordinary text.

    ``last`` is the conversation's last message: an assistant's is continued by the answer.
    """
    fmt = output_format(template, parser_name)
    return parser_for(
        fmt, tools=tools, think=think, prompt=prompt, last=last, new_id=new_id, tape=tape
    )


def parser_for(
    fmt: OutputFormat,
    *,
    tools: Sequence[Tool] = (),
    think: Think = None,
    prompt: str = "",
    last: Message | None = None,
    new_id: Callable[[], str] = random_id,
    tape: Tape | None = None,
) -> OutputParser:
    """The parser for one answer in a known format."""
    calls = fmt.tools
    box = ToolBox(
        tools,
        any_name=bool(calls and calls.any_name),
        aliases=calls.aliases if calls else (),
        keep_id=bool(calls and calls.keep_id),
        new_id=new_id,
    )
    if fmt.messages:
        return MessageParser(fmt, box, prompt=prompt, tape=tape)
    thinking = fmt.thinking
    if thinking and thinking.only_when_asked and not think:
        thinking = None
        fmt = replace(fmt, thinking=None)
    if not thinking and not fmt.wrappers and not (calls and box):
        return OutputParser()
    inside = thinking is not None and starts_inside(
        thinking, think, prompt, has_tools=bool(box), last=last
    )
    continued = last is not None and last.role == "assistant" and bool(last.thinking)
    return StreamParser(fmt, box, inside_thinking=inside, continued=continued, tape=tape)
