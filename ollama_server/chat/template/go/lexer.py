"""Template source to tokens, with the errors and the blank trimming of Go's text/template."""

from __future__ import annotations

import re
from typing import NamedTuple

LEFT, RIGHT = "{{", "}}"
_SPACE = " \t\r\n"
_KEYWORDS = frozenset(
    (
        "block",
        "break",
        "continue",
        "define",
        "else",
        "end",
        "if",
        "nil",
        "range",
        "template",
        "with",
    )
)
_NUMBER = re.compile(
    r"""[+-]?(?:
        0[xX](?:_?[0-9a-fA-F])+(?:\.[0-9a-fA-F_]*)?(?:[pP][+-]?[0-9_]+)?
      | 0[oO](?:_?[0-7])+
      | 0[bB](?:_?[01])+
      | (?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9_]+)?
    )""",
    re.VERBOSE,
)


class Token(NamedTuple):
    """``kind`` is "text", "left", "right", "space", "field", …, or the keyword itself."""

    kind: str
    text: str
    pos: int
    line: int


class _LexError(Exception):
    """The rest of the source cannot be read."""


def tokenize(source: str) -> list[Token]:
    """The tokens of a template; the last one is "eof", or an "error" whose text says why."""
    return _Lexer(source).run()


class _Lexer:
    def __init__(self, source: str) -> None:
        self.source = source
        self.pos = 0
        self.line = 1
        self.parens = 0
        self.tokens: list[Token] = []

    def run(self) -> list[Token]:
        try:
            while self.pos < len(self.source):
                self._text()
                if self.pos < len(self.source) and self._open():
                    self._action()
        except _LexError as error:
            self.tokens.append(Token("error", str(error), self.pos, self.line))
        else:
            self.tokens.append(Token("eof", "", self.pos, self.line))
        return self.tokens

    def _emit(self, kind: str, end: int) -> None:
        text = self.source[self.pos : end]
        self.tokens.append(Token(kind, text, self.pos, self.line))
        self._skip_to(end)

    def _skip_to(self, end: int) -> None:
        self.line += self.source.count("\n", self.pos, end)
        self.pos = end

    def _text(self) -> None:
        start = self.source.find(LEFT, self.pos)
        if start < 0:
            start = len(self.source)
        end = start
        if self._trims_left(start):
            while end > self.pos and self.source[end - 1] in _SPACE:
                end -= 1
        if end > self.pos:
            self._emit("text", end)
        self._skip_to(start)

    def _trims_left(self, start: int) -> bool:
        mark = self.source[start + len(LEFT) : start + len(LEFT) + 2]
        return len(mark) == 2 and mark[0] == "-" and mark[1] in _SPACE

    def _right_delimiter(self, at: int) -> tuple[bool, bool]:
        """Whether the action ends at this place, and whether it trims the text behind it."""
        mark = self.source[at : at + 2]
        trims = len(mark) == 2 and mark[0] in _SPACE and mark[1] == "-"
        if trims and self.source.startswith(RIGHT, at + 2):
            return True, True
        return self.source.startswith(RIGHT, at), False

    def _open(self) -> bool:
        """Read ``{{``; False when it was a comment."""
        after = self.pos + len(LEFT) + (2 if self._trims_left(self.pos) else 0)
        if self.source.startswith("/*", after):
            self._comment(after + 2)
            return False
        self._emit("left", self.pos + len(LEFT))
        self._skip_to(after)
        self.parens = 0
        return True

    def _comment(self, body: int) -> None:
        end = self.source.find("*/", body)
        if end < 0:
            raise _LexError("unclosed comment")
        ends, trims = self._right_delimiter(end + 2)
        if not ends:
            raise _LexError("comment ends before closing delimiter")
        self._close(end + 2, trims, emit=False)

    def _close(self, at: int, trims: bool, *, emit: bool) -> None:
        self._skip_to(at + (2 if trims else 0))
        if emit:
            self._emit("right", self.pos + len(RIGHT))
        else:
            self._skip_to(self.pos + len(RIGHT))
        if trims:
            end = self.pos
            while end < len(self.source) and self.source[end] in _SPACE:
                end += 1
            self._skip_to(end)

    def _action(self) -> None:
        while True:
            ends, trims = self._right_delimiter(self.pos)
            if ends:
                if self.parens:
                    raise _LexError("unclosed left paren")
                self._close(self.pos, trims, emit=True)
                return
            if self.pos >= len(self.source):
                raise _LexError("unclosed action")
            self._inside(self.source[self.pos])

    def _inside(self, char: str) -> None:
        source, pos = self.source, self.pos
        following = source[pos + 1 : pos + 2]
        if char in _SPACE:
            self._space()
        elif char == ":":
            if following != "=":
                raise _LexError("expected :=")
            self._emit("declare", pos + 2)
        elif char in "=|,":
            self._emit({"=": "assign", "|": "pipe", ",": "comma"}[char], pos + 1)
        elif char == '"':
            self._quoted('"', "string", "unterminated quoted string")
        elif char == "'":
            self._quoted("'", "char", "unterminated character constant")
        elif char == "`":
            end = source.find("`", pos + 1)
            if end < 0:
                raise _LexError("unterminated raw quoted string")
            self._emit("rawstring", end + 1)
        elif char == "$":
            self._name("variable", pos + 1)
        elif char == "." and not following.isdigit():
            if self._ends_word(pos + 1):
                self._emit("dot", pos + 1)
            else:
                self._name("field", pos + 1)
        elif char in "+-." or (char.isascii() and char.isdigit()):
            self._number()
        elif _is_word(char):
            self._name("word", pos)
        elif char in "()":
            self._paren(char)
        elif char.isascii() and char.isprintable():
            self._emit("char_token", pos + 1)
        else:
            raise _LexError(f"unrecognized character in action: {_unicode(char)}")

    def _paren(self, char: str) -> None:
        self.parens += 1 if char == "(" else -1
        if self.parens < 0:
            raise _LexError("unexpected right paren")
        self._emit(char, self.pos + 1)

    def _space(self) -> None:
        end = self.pos
        while end < len(self.source) and self.source[end] in _SPACE:
            end += 1
        if self._right_delimiter(end - 1)[1]:
            end -= 1  # the last blank belongs to " -}}"
        if end > self.pos:
            self._emit("space", end)

    def _quoted(self, quote: str, kind: str, error: str) -> None:
        end = self.pos + 1
        while end < len(self.source) and self.source[end] != quote:
            if self.source[end] == "\\":
                end += 1
            if self.source[end : end + 1] in ("\n", ""):
                raise _LexError(error)
            end += 1
        if end >= len(self.source):
            raise _LexError(error)
        self._emit(kind, end + 1)

    def _number(self) -> None:
        match = _NUMBER.match(self.source, self.pos)
        end = match.end() if match else self.pos + 1
        if match is None or (end < len(self.source) and _is_word(self.source[end])):
            while end < len(self.source) and _is_word(self.source[end]):
                end += 1
            raise _LexError(f'bad number syntax: "{self.source[self.pos : end]}"')
        self._emit("number", end)

    def _name(self, kind: str, start: int) -> None:
        end = start
        while end < len(self.source) and _is_word(self.source[end]):
            end += 1
        if not self._ends_word(end):
            raise _LexError(f"bad character {_unicode(self.source[end])}")
        if kind == "word":
            word = self.source[self.pos : end]
            if word in _KEYWORDS:
                kind = word
            else:
                kind = "bool" if word in ("true", "false") else "identifier"
        self._emit(kind, end)

    def _ends_word(self, at: int) -> bool:
        if at >= len(self.source) or self.source[at] in _SPACE or self.source[at] in ".,|:()":
            return True
        return self.source.startswith(RIGHT, at)


def _is_word(char: str) -> bool:
    return char == "_" or char.isalnum()


def _unicode(char: str) -> str:
    shown = f" '{char}'" if char.isprintable() else ""
    return f"U+{ord(char):04X}{shown}"
