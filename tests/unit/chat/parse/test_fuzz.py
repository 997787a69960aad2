"""Random texts, cut at random places: nothing raises, nothing is lost, nothing comes twice.

Every character of the text is either content, thinking, part of a marker or part of a call that is
reported. PARSER_FUZZ sets how many texts every parser gets; of names that stand for one and the
same parser, the first.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

import pytest

from ollama_server.chat.parse.families import FALLBACK, FAMILIES, PARSERS
from ollama_server.chat.parse.format import OutputFormat, ThinkingFormat, ToolFormat
from ollama_server.chat.parse.tape import Kind, words

from .samples import DERIVED
from .support import Answer, Recorder, format_of, parse

USUAL = 150
COUNT = int(os.environ.get("PARSER_FUZZ", USUAL))

PIECES = [
    *"{}[]()<>\"',:=\\ \n`|/",
    " ",
    "\n\n",
    "\t\u2003",
    "tide",
    "wave",
    "ti",
    "port",
    "days",
    '"port"',
    '"days"',
    "Brest",
    "High water at six.",
    "2",
    "-1.5e3",
    "true",
    "None",
    "null",
    '"name"',
    '"arguments"',
    '"parameters"',
    '{"name": "tide", "arguments": {"port": "Brest"}}',
    '{"name": "wave", "parameters": {"days": 2}}',
    '{"port": "Brest", "days": 2}',
    'tide(port="Brest")',
    "wave(days=2)",
    "\\ud83d",
    "é",
    "潮",
    "🌊",
    "\u0301",
    "\x00",
    "\r\n",
    "<",
    "</",
    "```json\n",
    "```",
    "all\n",
    " to=self",
    " to=functions.tide",
    " to=user",
    "assistant",
    "call:tide{",
    "functions.tide:0",
    "[TOOL_CALLS]",
    "<tool_call>",
    "</tool_call>",
    "<think>",
    "</think>",
]

FORMATS: dict[str, OutputFormat] = {
    **{name: named.format for name, named in PARSERS.items()},
    **{f"family {family.name}": family.format for family in FAMILIES},
    "fallback": OutputFormat(tools=FALLBACK),
    "go": OutputFormat(
        ThinkingFormat("<think>", "</think>", trim=False, only_when_asked=True), FALLBACK
    ),
}
TEMPLATES = sorted({sample.source for sample in DERIVED})
FIRST_NAMES: dict[OutputFormat, str] = {}


def markers_of(fmt: OutputFormat) -> list[str]:
    found = list(fmt.wrappers)
    if fmt.thinking:
        found += [fmt.thinking.open, fmt.thinking.close, *fmt.thinking.strays]
    if fmt.messages:
        found += [fmt.messages.start, fmt.messages.header_end, *fmt.messages.ends]
        found += ["<|channel|>analysis", "<|channel|>commentary", "<|channel|>final"]
    if fmt.tools:
        found += tool_markers(fmt.tools)
    return [marker for marker in found if marker]


def tool_markers(fmt: ToolFormat) -> list[str]:
    whole = [
        fmt.section_start,
        fmt.section_end,
        fmt.call_start,
        fmt.call_end,
        fmt.id_end,
        fmt.id_start,
        fmt.name_end,
        fmt.header_end,
        fmt.arg_start,
        fmt.key_end,
        fmt.attributes_end,
        fmt.string_attribute,
        fmt.value_end.replace("{key}", "port"),
        fmt.quote,
        *fmt.extra_triggers,
    ]
    return [*whole, *(word for marker in whole for word in words(marker))]


def whole_calls(fmt: ToolFormat | None) -> list[str]:
    """Calls that are almost right, so that chance meets the deeper parts of readers."""
    if fmt is None:
        return []
    value = fmt.value_end.replace("{key}", "port")
    argument = f"{fmt.arg_start}port{fmt.key_end}{fmt.attributes_end}Brest{value}"
    inner = {
        "json": '{"name": "tide", "arguments": {"port": "Brest"}}',
        "tag_json": f'tide{fmt.id_start}{fmt.name_end}{{"port": "Brest"}}',
        "tagged": f"tide{fmt.name_end}{fmt.header_end}{argument}",
        "python": 'tide(port="Brest")',
        "quoted": f"tide{{port:{fmt.quote}Brest{fmt.quote}}}",
    }[fmt.encoding]
    call = f"{fmt.call_start}{inner}{fmt.call_end}"
    return [call, f"{fmt.section_start}{call}{fmt.section_end}", f"{fmt.section_start}[{call}"]


def texts(name: str, fmt: OutputFormat) -> Iterator[tuple[random.Random, str]]:
    rng = random.Random(name)
    own = [*markers_of(fmt), *whole_calls(fmt.tools)] or ["x"]
    is_first = FIRST_NAMES.setdefault(fmt, name) == name
    for _ in range(COUNT if is_first else min(COUNT, USUAL)):
        pieces = []
        for _ in range(rng.randrange(1, 14)):
            piece = rng.choice(own if rng.random() < 0.5 else PIECES)
            if rng.random() < 0.12 and len(piece) > 1:
                piece = piece[: rng.randrange(1, len(piece))]
            pieces.append(piece)
        yield rng, "".join(pieces)


def cut(rng: random.Random, text: str) -> list[str]:
    pieces = []
    longest = rng.choice((1, 3, 9, 40))
    while text:
        size = rng.randrange(1, longest + 1)
        pieces.append(text[:size])
        text = text[size:]
    return pieces


def check(name: str, fmt: OutputFormat) -> None:
    prompts = ["", "<|im_start|>assistant\n"]
    if fmt.thinking and fmt.thinking.open:
        prompts.append(fmt.thinking.open + "\n")
    known = {word for marker in markers_of(fmt) for word in (*words(marker), marker.strip())}
    for rng, text in texts(name, fmt):
        how = {
            "think": rng.choice((None, True, False)),
            "prompt": rng.choice(prompts),
            "truncated": rng.random() < 0.3,
        }
        whole = parse([text], fmt, **how)
        pieces = cut(rng, text)
        assert parse(pieces, fmt, **how) == whole, (text, pieces, how)
        tape = Recorder()
        # What comes out is the same, so that what was taken for it is looked at in pieces
        # only now and then: most of the time goes into feeding them.
        recorded = pieces if rng.random() < 0.2 else [text]
        assert parse(recorded, fmt, tape=tape, **how) == whole
        check_nothing_lost(fmt, text, tape, whole)
        for kind, piece in tape.taken:
            if kind is Kind.MARKER:
                assert is_marker(piece, known, fmt), (piece, text)


def check_nothing_lost(fmt: OutputFormat, text: str, tape: Recorder, answer: Answer) -> None:
    if not tape.taken:  # a parser without anything to look for has no tape
        assert answer.content == text
        return
    assert "".join(piece for _, piece in tape.taken) == text
    assert joined(tape, Kind.CONTENT) == answer.content
    assert joined(tape, Kind.THINKING) == answer.thinking
    calls = sum(kind is Kind.CALL for kind, _ in tape.taken)
    if fmt.messages:  # a header and nothing behind it may be a call, too
        assert calls <= len(answer.calls)
    else:
        assert calls == len(answer.calls)


def joined(tape: Recorder, kind: Kind) -> str:
    return "".join(piece for found, piece in tape.taken if found is kind)


def is_marker(piece: str, known: set[str], fmt: OutputFormat) -> bool:
    """Whether a dropped piece is white space, a marker, or a message's header."""
    bare = piece.strip()
    if bare in known or bare in ("", "]", "```"):
        return True
    if fmt.messages:
        return piece.endswith(fmt.messages.header_end)
    return False


@pytest.mark.parametrize("name", FORMATS)
def test_random_texts_survive_described_parsers(name: str) -> None:
    check(name, FORMATS[name])


@pytest.mark.parametrize("source", TEMPLATES)
def test_random_texts_survive_derived_parsers(source: str) -> None:
    check(source, format_of(source))
