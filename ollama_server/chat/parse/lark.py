"""Grammars in llguidance's dialect of Lark, built from pieces."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from llguidance import LLMatcher

from ollama_server.chat.parse.derive import ANY_ID, ID, NUMBER
from ollama_server.chat.parse.schema import styled

SPACE = r"/[ \t\r\n]{0,4}/"
"""The little white space that models put before an answer."""
GAP = r"/[ \t\r\n]{0,8}/"
"""The white space that they put between calls."""

_JSON_PIECE = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]]|[^"{}\[\]]+|"')
_SLASH = re.compile(r"(?<!\\)((?:\\\\)*)/")
_ESCAPED_SLASH = r"\1\/"
_PLACES = re.compile(f"([{ID}{NUMBER}{ANY_ID}])")
_PLACE_RULES = {ID: "/[a-zA-Z0-9]{9}/", NUMBER: "/[0-9]{1,3}/", ANY_ID: "/[a-zA-Z0-9]{1,9}/"}


def text(literal: str) -> str:
    """An expression for a text, in which placeholders stand for ids and numbers.

    White space at its beginning stands alone: the lexer takes the longest piece that may stand at a
    place and does not go back, so that a line break is not taken for the beginning of a marker.
    """
    rest = literal.lstrip()
    space = literal[: len(literal) - len(rest)]
    pieces = [piece for piece in (space, *_PLACES.split(rest)) if piece]
    # The engine looks for special tokens in the text of a grammar: no escapes beyond the needed.
    return " ".join(
        _PLACE_RULES.get(piece) or json.dumps(piece, ensure_ascii=False) for piece in pieces
    )


def json_text(literal: str) -> str:
    """An expression for a part of a JSON text, in the pieces that the rules of a schema consist of.

    The lexer takes the longest piece that may stand at a place and does not go back: a call's
    beginning in one piece would shut out other JSON that begins like it.
    """
    return sequence(*(text(piece) for piece in _JSON_PIECE.findall(literal)))


def sequence(*expressions: str) -> str:
    """One expression after the other; empty ones vanish."""
    return " ".join(expression for expression in expressions if expression)


def choice(expressions: Sequence[str]) -> str:
    """One of several expressions."""
    distinct = list(dict.fromkeys(expressions))
    return distinct[0] if len(distinct) == 1 else f"({' | '.join(distinct)})"


class Grammar:
    """Rules with generated names; ``source`` is the whole."""

    def __init__(self) -> None:
        self._rules: dict[str, str] = {}
        self._later: list[tuple[str, Callable[[], str]]] = []
        self._bodies: list[str] = []

    def rule(self, body: str, attributes: str = "") -> str:
        """The name of a rule with this body; the same body has the same name."""
        definition = f"{attributes}: {body}"
        return self._rules.setdefault(definition, f"r{len(self._rules)}")

    def later(self, build: Callable[[], str]) -> str:
        """The name of a rule whose body is built with the source: it may contain the name."""
        self._later.append((f"later{len(self._later)}", build))
        return self._later[-1][0]

    def json(self, schema: Mapping[str, Any]) -> str:
        """A rule for values of a JSON Schema."""
        return self.rule("%json " + json.dumps(styled(schema), ensure_ascii=False))

    def until(self, end: str) -> str:
        """A rule for any text up to and with ``end``."""
        return self.rule(r"/(?s:.*)/", f"[suffix={json.dumps(end, ensure_ascii=False)}]")

    def matching(self, expressions: Sequence[str], layout: str, end: str) -> str:
        """A rule for a text that fits regular expressions, with perhaps ``layout``, and ``end``.

        Empty where llguidance does not take them.
        """
        wanted = [*expressions, rf"(?s:.*){re.escape(end)}(?s:.*)"]
        *parts, no_end = (f"/{_SLASH.sub(_ESCAPED_SLASH, part)}/" for part in wanted)
        between = f"({text(layout)})?" if layout else ""
        body = sequence(f"({' & '.join([*parts, f'~{no_end}'])})", between, text(end))
        definition = f": {body}"
        if lark_problem(f"start: T\nT{definition}\n"):
            return ""
        return self._rules.setdefault(definition, f"T{len(self._rules)}")

    def in_order(self, items: Sequence[tuple[str, bool]], separator: str) -> str:
        """Expressions in their order with separators between them; True marks required ones."""
        tail = tail_with_separator = ""
        for expression, required in reversed(items):
            here = sequence(expression, tail_with_separator)
            led = sequence(separator, here)
            if required:
                tail, tail_with_separator = here, led
            else:
                with_separator = self.rule(choice([led, tail_with_separator or '""']))
                tail = self.rule(choice([here, tail or '""']))
                tail_with_separator = with_separator
        return tail

    def source(self, start: str) -> str:
        """The grammar of a start expression."""
        while len(self._bodies) < len(self._later):
            name, build = self._later[len(self._bodies)]
            self._bodies.append(f"{name}: {build()}")
        rules = [f"{name}{definition}" for definition, name in self._rules.items()] + self._bodies
        return "\n".join([f"start: {start or text('')}", *rules]) + "\n"


@lru_cache(maxsize=256)
def lark_problem(source: str) -> str:
    """What llguidance has against a grammar in Lark, empty for nothing."""
    return str(LLMatcher.validate_grammar(LLMatcher.grammar_from_lark(source), None))
