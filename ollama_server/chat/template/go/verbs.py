"""printf: Go's verbs with flags, widths and numbered operands, and its ways of showing mistakes."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from ollama_server.chat.template.go import literals
from ollama_server.chat.template.go.printing import MAX_DEPTH, compound, general, plain
from ollama_server.chat.template.go.values import Array, Object, Ordered, Struct, Union, type_name
from ollama_server.chat.template.limits import current_budget
from ollama_server.errors import TemplateError

_INDEX = r"(\[[^\]]{0,12}\])?"
_SIZE = r"(\d+|\*)?"
_VERB = re.compile(rf"%([-+# 0]*){_INDEX}{_SIZE}(?:(\.){_INDEX}{_SIZE})?{_INDEX}(.)?", re.DOTALL)
_BASES = {"d": "d", "v": "d", "b": "b", "o": "o", "O": "o", "x": "x", "X": "X"}
_PREFIXES = {"b": "0b", "o": "0", "x": "0x", "X": "0X"}
_WIDEST = 1_000_000
_FINEST = 1000


def sprintf(template: str, values: tuple[Any, ...]) -> str:
    """The template with each verb replaced by its operand; operands left over are shown."""
    operands = _Operands(values)
    budget = current_budget()
    out: list[str] = []
    last = size = 0
    for match in _VERB.finditer(template):
        out += (template[last : match.start()], _replaced(match, operands))
        last = match.end()
        size += len(out[-2]) + len(out[-1])
        budget.text(size)
    out.append(template[last:])
    extra = [
        "<nil>" if value is None else f"{type_name(value)}={plain(value)}"
        for value in operands.left_over()
    ]
    if extra:
        budget.text(size + sum(map(len, extra)))
        out.append(f"%!(EXTRA {', '.join(extra)})")
    return "".join(out)


class _Operands:
    """The values, taken one after the other unless an index such as ``[2]`` names another."""

    def __init__(self, values: tuple[Any, ...]) -> None:
        self._values = values
        self._at = 0
        self._reordered = False

    def seek(self, index: str | None) -> bool:
        """Go on at an index, if there is one; False when no operand has that number."""
        if index is None:
            return True
        self._reordered = True
        number = int(index[1:-1]) if re.fullmatch("[0-9]{1,9}", index[1:-1]) else 0
        if not 1 <= number <= len(self._values):
            return False
        self._at = number - 1
        return True

    def take(self) -> Iterator[Any]:
        """The next operand, nothing when none is left."""
        if self._at < len(self._values):
            self._at += 1
            yield self._values[self._at - 1]

    def left_over(self) -> tuple[Any, ...]:
        return () if self._reordered else self._values[self._at :]


def _replaced(match: re.Match[str], operands: _Operands) -> str:
    flags, first, wide, dot, second, fine, third, letter = match.groups()
    mistakes = ""
    found = operands.seek(first) and not (first and wide and wide != "*")
    width = _size(wide, operands)
    if wide == "*" and width is None:
        mistakes += "%!(BADWIDTH)"
    found = operands.seek(second) and found
    precision = _size(fine, operands) if fine else (0 if dot else None)
    if fine == "*" and precision is None:
        mistakes += "%!(BADPREC)"
    found = operands.seek(third) and found
    if letter is None or letter == "%":
        return mistakes + ("%" if letter else "%!(NOVERB)")
    if not found:
        return f"{mistakes}%!{letter}(BADINDEX)"
    if width is not None and width < 0:
        flags, width = flags + "-", -width
    if precision is not None and precision < 0:
        precision = None
    for value in operands.take():
        return mistakes + _Verb(letter, flags, width, precision).format(value)
    return f"{mistakes}%!{letter}(MISSING)"


def _size(written: str | None, operands: _Operands) -> int | None:
    """A width or precision, which ``*`` takes from the operands."""
    if not written:
        return None
    if written == "*":
        taken = next(operands.take(), None)
        if not isinstance(taken, int) or isinstance(taken, bool):
            return None
        size = taken
    else:
        size = int(written) if len(written) < 10 else _WIDEST + 1
    if abs(size) > _WIDEST:
        raise TemplateError("template uses a width that is too large")
    return size


@dataclass(slots=True)
class _Verb:
    """``written`` counts characters: each item of a list has the width, and there may be many."""

    letter: str
    flags: str
    width: int | None
    precision: int | None
    written: int = 0

    def format(self, value: Any) -> str:
        """What the verb makes of an operand."""
        if self.letter == "T":
            return self._padded(type_name(value))
        if value is None:
            return self._padded("<nil>") if self.letter == "v" else f"%!{self.letter}(<nil>)"
        return self._any(value, 0)

    def _any(self, value: Any, depth: int) -> str:
        current_budget().step()
        if depth > MAX_DEPTH:
            raise TemplateError("template prints a value that nests too deeply")
        if value is None:
            return "<nil>"
        if self.letter in "vsqxX" and _has_text(value):
            value = plain(value)
        if isinstance(value, list | tuple | dict | Struct):
            names = self.letter == "v" and "+" in self.flags
            return compound(value, lambda part: self._any(part, depth + 1), names=names)
        shown = self._leaf(value)
        if shown is not None:
            return shown
        plainly = replace(self, letter="v")
        shown = plainly._any(value, depth)
        self.written = plainly.written
        return f"%!{self.letter}({type_name(value)}={shown})"

    def _leaf(self, value: Any) -> str | None:
        """A text, number or boolean; None when the verb is not for it."""
        if isinstance(value, bool):
            return self._padded(plain(value)) if self.letter in "tv" else None
        if isinstance(value, str):
            text = self._text(value)
            return None if text is None else self._padded(text)
        if isinstance(value, float):
            return self._float(value)
        return self._integer(value) if isinstance(value, int) else None

    def _text(self, value: str) -> str | None:
        cut = value[: self.precision]
        match self.letter:
            case "v":
                return _quoted(cut) if "#" in self.flags else cut
            case "s":
                return cut
            case "q":
                return _quoted(cut)
            case "x" | "X":
                data = value.encode("utf-8", "surrogatepass")[: self.precision]
                prefix = "0x" if "#" in self.flags and data else ""
                text = data.hex(" ").replace(" ", " " + prefix) if " " in self.flags else data.hex()
                text = prefix + text
                return text.upper() if self.letter == "X" else text
        return None

    def _integer(self, value: int) -> str | None:
        if self.letter in _BASES:
            sign = "-" if value < 0 else self._plus
            digits = format(abs(value), _BASES[self.letter])
            if self.precision is not None:
                digits = digits.rjust(self.precision, "0") if value or self.precision else ""
            elif self._zeros:
                digits = digits.rjust((self.width or 0) - len(sign), "0")
            prefix = "0o" if self.letter == "O" else ""
            if "#" in self.flags:
                prefix = _PREFIXES.get(self.letter, prefix)
            return self._padded(sign + prefix + digits, zeros=False)
        if self.letter not in "cqU":
            return None
        char = chr(value) if 0 <= value < 0xD800 or 0xE000 <= value < 0x110000 else "\ufffd"
        if self.letter == "U":
            return self._padded(f"U+{value:04X}", zeros=False)
        return self._padded(char if self.letter == "c" else f"'{_quoted(char)[1:-1]}'")

    def _float(self, value: float) -> str | None:
        letter = "g" if self.letter == "v" else self.letter
        if letter not in "feEFgG":
            return None
        sign = "-" if math.copysign(1, value) < 0 else self._plus
        if not math.isfinite(value):
            return self._padded(general(value), zeros=False)
        if letter in "gG" and self.precision is None:
            text = general(abs(value))
        else:
            precision = 6 if self.precision is None else min(self.precision, _FINEST)
            text = f"{abs(value):.{precision}{letter}}"
        text = text.upper() if letter == "G" else text
        if self._zeros:
            text = text.rjust((self.width or 0) - len(sign), "0")
        return self._padded(sign + text, zeros=False)

    @property
    def _plus(self) -> str:
        """What stands before numbers that are not negative."""
        if "+" in self.flags and self.letter != "v":
            return "+"
        return " " if " " in self.flags else ""

    @property
    def _zeros(self) -> bool:
        return "0" in self.flags and "-" not in self.flags

    def _padded(self, text: str, *, zeros: bool = True) -> str:
        width = self.width or 0
        budget = current_budget()
        self.written += max(width, len(text))
        if self.written > budget.limits.text:
            raise TemplateError("template makes a text that is too long")
        budget.text(max(width, len(text)))
        if "-" in self.flags:
            return text.ljust(width)
        return text.rjust(width, "0" if zeros and self._zeros else " ")


def _has_text(value: Any) -> bool:
    """Whether a value has a form as text of its own, as those have that print as JSON."""
    if isinstance(value, Struct):
        return value.json is not None
    return isinstance(value, Object | Ordered | Array | Union)


def _quoted(text: str) -> str:
    """Go's ``%q``, paid for by the character: each of them is looked at."""
    current_budget().step(1 + len(text) // 8)
    return literals.quote(text)
