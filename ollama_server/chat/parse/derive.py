"""Finding a template's tool-call markers: render known calls, look what stands around them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import Any

from ollama_server.chat.parse.format import ToolFormat
from ollama_server.chat.parse.probe import (
    CALL_ID,
    FIRST,
    KEYS,
    SECOND,
    VALUES,
    Probe,
    are_partners,
    common_prefix,
    common_suffix,
    is_atom,
    tokens,
)

ID = "\0"
"""Stands for a call's id in the texts of a `ToolFormat` that a grammar reproduces."""
NUMBER = "\1"
"""Stands for a call's number there."""
ANY_ID = "\2"
"""Stands for either: a number where the template prints one, and an id as the model writes it."""
TYPE = "{type}"
"""Stands for the type of an argument in ``other_attribute``."""

_LONE_DIGIT = re.compile(r"(?<![\w\0])\d(?![\w\0])")
_PLACE = re.compile(f"[{ID}{NUMBER}]")
_FENCE = re.compile(r"```(?:json)?\s*\Z")
_DECODER = json.JSONDecoder()


def derive_tools(probe: Probe) -> ToolFormat | None:
    """The format of a template's tool calls, None when it prints none that can be read."""
    text = probe.without_header(probe.calls(FIRST, SECOND))
    single = FIRST not in text or SECOND not in text
    if single:
        text = probe.without_header(probe.calls(FIRST))
        if FIRST not in text:
            return None
    for find in (_json_format, _marked_format):
        fmt = find(probe, text, single)
        if fmt is not None:
            return replace(fmt, section_end=_up_to_partner(fmt.section_start, fmt.section_end))
    return None


def _up_to_partner(opening: str, closing: str) -> str:
    """``closing`` up to the marker that belongs to ``opening``'s: the turn may end behind it."""
    first = next((token for token in tokens(opening) if is_atom(token)), "")
    pieces = tokens(closing)
    for index, token in enumerate(pieces):
        if is_atom(token) and are_partners(first, token):
            return "".join(pieces[: index + 1])
    return closing


# --- one JSON object per call ---------------------------------------------------------------------


def _json_format(probe: Probe, text: str, single: bool) -> ToolFormat | None:
    first = _object_around(text, FIRST, SECOND)
    if first is None:
        return None
    start, end, value = first
    fields = _fields(value)
    if fields is None:
        return None
    fmt = _with_object_text(fields, text[start:end])
    before = text[:start]
    if single:
        behind = probe.without_turn_end(text[end:])
        return _outside(replace(fmt, single=True), before, "", behind)
    second = _object_around(text[end:], SECOND, FIRST)
    if second is None:
        return None
    between = text[end : end + second[0]]
    return _outside(fmt, before, between, probe.without_turn_end(text[end + second[1] :]))


def _object_around(text: str, name: str, other: str) -> tuple[int, int, dict[str, Any]] | None:
    """Start, end and value of the outermost object with ``name`` and the arguments in it."""
    at = text.find(name)
    for found in re.finditer(r"\{", text):
        if found.start() > at:
            return None
        try:
            value, end = _DECODER.raw_decode(text, found.start())
        except (ValueError, RecursionError):
            continue
        inside = text[found.start() : end]
        if end > at and other not in inside and KEYS[0] in inside and isinstance(value, dict):
            return found.start(), end, value
    return None


def _holds_arguments(value: Any) -> bool:
    if isinstance(value, str):
        return KEYS[0] in value
    return isinstance(value, dict) and KEYS[0] in value


def _fields(value: dict[str, Any]) -> ToolFormat | None:
    id_field = next((k for k, v in value.items() if v == CALL_ID), "")
    wrapper = ""
    for key, inner in value.items():
        if isinstance(inner, dict) and FIRST in inner.values():
            wrapper, value = key, inner
            break
    if FIRST in value and len(value) == 1:
        return ToolFormat("json", name_is_key=True)
    name = next((k for k, v in value.items() if v == FIRST), None)
    arguments = next((k for k, v in value.items() if _holds_arguments(v)), None)
    if name is None or arguments is None:
        return None
    return ToolFormat(
        "json",
        name_field=name,
        arguments_field=arguments,
        id_field=id_field,
        keep_id=bool(id_field),
        wrapper=wrapper,
    )


def _with_object_text(fmt: ToolFormat, text: str) -> ToolFormat:
    """Remember how the object is spelled around name and arguments."""
    before, _, rest = text.partition(FIRST)
    start = rest.find("{")
    if KEYS[0] in before or start < 0:
        return fmt
    try:
        _, end = _DECODER.raw_decode(rest, start)
    except ValueError:
        return fmt
    pieces = (before, rest[:start], rest[end:])
    before, between, behind = (
        _LONE_DIGIT.sub(NUMBER, piece.replace(CALL_ID, ID)) for piece in pieces
    )
    return replace(fmt, object_start=before, object_middle=between, object_end=behind)


def _outside(fmt: ToolFormat, before: str, between: str, behind: str) -> ToolFormat:
    """Tell the markers of the section from those of every call."""
    bracketed = before.rstrip().endswith("[") and behind.lstrip().startswith("]")
    if bracketed and (fmt.single or between.strip() in ("", ",")):
        return replace(
            fmt,
            section_start=before.rstrip()[:-1],
            section_end=behind.lstrip().removeprefix("]"),
            separator=between,
            array=True,
        )
    if fmt.single:
        return replace(fmt, call_start=before, call_end=behind)
    first, middle, last = tokens(before), tokens(between), tokens(behind)
    count = common_prefix(middle, last)
    call_end, middle = "".join(middle[:count]), middle[count:]
    section_end = "".join(last[count:])
    count = common_suffix(first, middle)
    cut = len(first) - count
    call_start, section_start = "".join(first[cut:]), "".join(first[:cut])
    separator = "".join(middle[: len(middle) - count])
    if not call_start.strip():
        separator += call_start
        section_start, call_start = section_start + call_start, ""
    if not call_end.strip():
        separator, section_end, call_end = call_end + separator, call_end + section_end, ""
    return replace(
        fmt,
        section_start=section_start,
        section_end=section_end if section_start.strip() else "",
        call_start=call_start,
        call_end=call_end,
        separator=separator,
    )


# --- the name between markers ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Layout:
    """What stands around the names of two calls, or of one."""

    section_start: str
    head: str
    rest: str
    separator: str
    section_end: str


def _marked_format(probe: Probe, text: str, single: bool) -> ToolFormat | None:
    layout = _layout(probe, text, single)
    if layout is None:
        return None
    fmt = ToolFormat(
        "tagged",
        section_start=layout.section_start,
        section_end=layout.section_end if layout.section_start.strip() else "",
        separator=layout.separator,
        call_start=layout.head,
        single=single,
    )
    for find in (_python_format, _tag_json_format, _tagged_format):
        found = find(probe, fmt, layout.rest)
        if found is not None:
            return None if NUMBER in found.call_start + found.name_end else _split_section(found)
    return None


def _layout(probe: Probe, text: str, single: bool) -> _Layout | None:
    text = _LONE_DIGIT.sub(NUMBER, text.replace(CALL_ID, ID))
    at = text.find(KEYS[0])
    first = text.rfind(FIRST, 0, at)
    if at < 0 or first < 0:
        return None
    before = tokens(text[:first])
    behind = text[first + len(FIRST) :]
    if single:
        return _Layout("", "".join(before), probe.without_turn_end(behind), "", "")
    # Some templates print the tools once more behind the last message.
    at = behind.find(KEYS[0], max(behind.find(SECOND), 0))
    second = behind.rfind(SECOND, 0, at)
    if at < 0 or second < 0:
        return None
    between, last = tokens(behind[:second]), tokens(behind[second + len(SECOND) :])
    rest = common_prefix(between, last)
    between, rest_text = between[rest:], "".join(between[:rest])
    head = common_suffix(before, between)
    cut = len(before) - head
    return _Layout(
        "".join(before[:cut]),
        "".join(before[cut:]),
        rest_text,
        "".join(between[: len(between) - head]),
        probe.without_turn_end("".join(last[rest:])),
    )


def _python_format(probe: Probe, fmt: ToolFormat, rest: str) -> ToolFormat | None:
    if not re.match(rf"\({KEYS[0]}\s*=", rest):
        return None
    start = fmt.section_start + fmt.call_start
    array = start.rstrip().endswith("[")
    end = fmt.section_end or rest.rpartition(")")[2]
    return replace(
        fmt,
        encoding="python",
        section_start=start.rstrip().removesuffix("["),
        section_end=end.lstrip().removeprefix("]"),
        call_start="",
        array=array,
    )


def _tag_json_format(probe: Probe, fmt: ToolFormat, rest: str) -> ToolFormat | None:
    start = rest.find("{")
    if start < 0:
        return None
    try:
        value, end = _DECODER.raw_decode(rest, start)
    except (ValueError, RecursionError):
        return None
    if not _holds_arguments(value):
        return None
    call_start, name_end, id_end, id_start, counter = fmt.call_start, rest[:start], "", "", ""
    if found := re.match(rf"([^\w\s<\[]){NUMBER}", name_end):
        counter, name_end = found.group(1), name_end[found.end() :]
    keep_id = ID in call_start + name_end or bool(counter)
    if ID in call_start:
        call_start, _, id_end = call_start.partition(ID)
    if found := _PLACE.search(name_end):
        id_start, name_end = name_end[: found.start()], name_end[found.end() :]
    fence = bool(_FENCE.search(name_end))
    return replace(
        fmt,
        encoding="tag_json",
        call_start=call_start,
        id_end=id_end,
        id_start=id_start,
        name_end=_FENCE.sub("", name_end),
        counter=counter,
        keep_id=keep_id,
        fence=fence,
        call_end=rest[end:],
    )


def _tagged_format(probe: Probe, fmt: ToolFormat, rest: str) -> ToolFormat | None:
    pieces = []
    for word in (KEYS[0], VALUES[0], KEYS[1], VALUES[1]):
        piece, found, rest = rest.partition(word)
        if not found:
            return None
        pieces.append(piece)
    before, middle, between, same_middle = pieces
    if middle != same_middle or not middle.strip():
        return None
    before_tokens, between_tokens, last = tokens(before), tokens(between), tokens(rest)
    count = common_suffix(before_tokens, between_tokens)
    arg_start = "".join(before_tokens[len(before_tokens) - count :])
    name_end = "".join(before_tokens[: len(before_tokens) - count])
    between_tokens = between_tokens[: len(between_tokens) - count]
    count = common_prefix(between_tokens, last)
    value_end, call_end = "".join(last[:count]), "".join(last[count:])
    if not arg_start.strip() or not value_end.strip():
        return None
    found_format = replace(
        fmt,
        name_end=name_end,
        arg_start=arg_start,
        key_end=middle,
        value_end=value_end,
        arg_separator="".join(between_tokens[count:]),
        trim_values=middle[-1].isspace() or value_end[0].isspace(),
        call_end=call_end,
    )
    return _with_attributes(probe, found_format)


def _with_attributes(probe: Probe, fmt: ToolFormat) -> ToolFormat:
    """Find out whether the text between key and value tells strings from other values."""
    number = 31415
    text = probe.calls(FIRST, arguments={KEYS[0]: VALUES[0], KEYS[1]: number})
    found = re.search(rf"{KEYS[1]}(.*?){number}", text, re.DOTALL)
    if not found or found.group(1) == fmt.key_end:
        return fmt
    of_string, of_number = fmt.key_end, found.group(1)
    before = common_prefix(of_string, of_number)
    while before and of_string[before - 1].isalnum():  # the attribute is a whole word
        before -= 1
    behind = common_suffix(of_string[before:], of_number[before:])
    while behind and of_string[-behind].isalnum():
        behind -= 1
    key_end, end = of_string[:before], of_string[len(of_string) - behind :]
    if not key_end.strip() or not end.strip():
        return fmt
    mark = of_string[before : len(of_string) - behind]
    other = of_number[before : len(of_number) - behind].replace("number", TYPE)
    return replace(
        fmt, key_end=key_end, attributes_end=end, string_attribute=mark, other_attribute=other
    )


def _split_section(fmt: ToolFormat) -> ToolFormat:
    """Take the outer of two markers around every call for a section of one call.

    Models leave it out now and then, or put several calls into one.
    """
    pieces = tokens(fmt.call_start)
    outer = next((i for i, token in enumerate(pieces) if is_atom(token)), None)
    if fmt.section_start.strip() or outer is None:
        return fmt
    inner = "".join(pieces[outer + 1 :])
    if not inner.strip() or inner.lstrip()[0] not in "<[":
        return fmt
    ends = tokens(fmt.call_end)
    last = next((i for i, token in enumerate(ends) if is_atom(token)), len(ends))
    space = len(inner) - len(inner.lstrip())
    return replace(
        fmt,
        section_start="".join(pieces[: outer + 1]) + inner[:space],
        call_start=inner[space:],
        call_end="".join(ends[: last + 1]),
        section_end="".join(ends[last + 1 :]),
        section_per_call=True,
    )
