"""Grammars for the arguments of calls that are not written as one JSON object."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from ollama_server.chat.parse.declared import (
    Declared,
    as_mapping,
    required_of,
    types_of,
    values_of,
)
from ollama_server.chat.parse.derive import TYPE
from ollama_server.chat.parse.enforceable import enforceable_part
from ollama_server.chat.parse.format import ToolFormat
from ollama_server.chat.parse.lark import Grammar, choice, sequence, text

_KEY = "/[A-Za-z_][A-Za-z0-9_-]*/"
_TRUTHS = ("true", "false", "True", "False")
_SYNTAX = frozenset(":,{}[]\"'")
_TRIMMED = r"(?s:[^\n]|[^\n].*[^\n])?"  # no line break that the reader takes for layout
_MOST_COUNTED = 1000
"""A longer list or text is as good as one of any length, and much easier to follow."""

Option = Mapping[str, Any]


class ArgumentGrammar:
    """Expressions for the arguments of one tool, whose parameters are ``schema``."""

    def __init__(self, fmt: ToolFormat, grammar: Grammar, schema: Mapping[str, Any]) -> None:
        self._format = fmt
        self._grammar = grammar
        self._root = schema
        self._trims = fmt.encoding == "tagged" and fmt.trim_values
        self._rules: dict[str, str] = {}

    def tagged(self) -> str:
        """Arguments between markers of their own."""
        return self._each(self._tagged)

    def python(self) -> str:
        """Arguments of a Python call."""
        return self._each(self._python)

    def quoted(self) -> str:
        """An object with bare keys and strings in special quotes."""
        return self._each(self._quoted_object)

    def _each(self, write: Callable[[Option], str]) -> str:
        return choice([write(option) for option in self._declared(self._root).options])

    def _declared(self, schema: Mapping[str, Any]) -> Declared:
        return Declared(schema, self._root)

    def _rule(self, kind: str, declared: Declared, build: Callable[[], str]) -> str:
        """A rule for values that may contain others of their kind."""
        key = kind + json.dumps(declared.schema)
        if key not in self._rules:
            self._rules[key] = self._grammar.later(build)
        return self._rules[key]

    def _parameters(self, option: Option) -> list[tuple[str, Declared, bool]]:
        """Name, schema and necessity of an object's properties, the required ones first."""
        needed = required_of(option)
        declared = self._declared(option).properties
        named = [(key, value, key in needed) for key, value in declared.items()]
        named += [(key, self._declared({}), True) for key in needed if key not in declared]
        return sorted(named, key=lambda item: not item[2])

    def _json(self, schema: Mapping[str, Any]) -> str:
        return self._grammar.json(enforceable_part(schema, self._root))

    # --- between markers --------------------------------------------------------------------------

    def _tagged(self, option: Option) -> str:
        fmt = self._format
        parts = self._parameters(option)
        further = option.get("additionalProperties")
        if not parts and further is not False and "{key}" not in fmt.value_end:

            def any_key(behind: str) -> str:
                return sequence(text(fmt.arg_start), _KEY, text(fmt.key_end + behind))

            value = self._declared(as_mapping(further))
            return f"({self._argument(any_key, value, fmt.value_end)})*"
        items = []
        for key, value, needed in parts:
            end = fmt.value_end.replace("{key}", key)
            start = fmt.arg_start + key + fmt.key_end
            items.append((self._argument(partial(_both, start), value, end), needed))
        return self._grammar.in_order(items, text(fmt.arg_separator))

    def _argument(self, start: Callable[[str], str], value: Declared, end: str) -> str:
        """One argument, whose attributes tell text from anything else where there are any."""
        fmt = self._format
        if not fmt.attributes_end:
            return sequence(start(""), self._text_value(value, end))
        found = []
        if texts := self._texts(value, end):
            found.append(sequence(start(fmt.string_attribute + fmt.attributes_end), choice(texts)))
        for kind, others in self._by_attribute(value).items():
            attributes = fmt.other_attribute.replace(TYPE, kind) + fmt.attributes_end
            found.append(sequence(start(attributes), self._json(_any_of(others)), text(end)))
        return choice(found)

    def _by_attribute(self, value: Declared) -> dict[str, list[Option]]:
        """The alternatives that are no strings, by the type that the attributes name."""
        if TYPE not in self._format.other_attribute:
            return {"": value.others} if value.others else {}
        found: dict[str, list[Option]] = {}
        for option in value.others:
            for name in types_of(option):
                kind = "number" if name == "integer" else name
                found.setdefault(kind, []).append({**option, "type": name})
        return found

    def _text_value(self, value: Declared, end: str) -> str:
        """A value and the marker behind it: text as it is, anything else as JSON."""
        found = self._texts(value, end)
        if not any(_is_free(option) for option in value.texts) and (other := self._others(value)):
            found.append(sequence(choice(other), text(end)))
        return choice(found)

    def _texts(self, value: Declared, end: str) -> list[str]:
        """Strings as they are, each with the marker behind it."""
        mark = end.strip()
        at = end.find(mark)
        layout, behind = end[:at], text(end[at + len(mark) :])
        if any(_is_free(option) for option in value.texts):
            return [sequence(self._grammar.until(mark), behind)]
        found = [sequence(self._string(option, mark, layout), behind) for option in value.texts]
        return found + [sequence(text(word), text(end)) for word in value.words]

    def _string(self, option: Option, mark: str, layout: str = "") -> str:
        """A string up to and with a marker, of the length and the pattern that are declared."""
        if _is_free(option):
            return self._grammar.until(mark)
        least, most = _count(option, "minLength") or 0, _count(option, "maxLength")
        length = f"(?s:.{{{least},{'' if most is None else most}}})"
        pattern = option.get("pattern")
        patterns = [_whole_pattern(pattern)] if isinstance(pattern, str) else []
        limits = [length, *([_TRIMMED] if self._trims else [])]
        return (
            self._grammar.matching([*limits, *patterns], layout, mark)
            or self._grammar.matching(limits, layout, mark)
            or self._grammar.until(mark)
        )

    def _others(self, value: Declared) -> list[str]:
        """Values that are no text: lists and objects in tags where models have learnt that."""
        found, rest = [], []
        for option in value.others:
            nested = self._nested(option) if self._format.namespace else ""
            if nested:
                found.append(nested)
            elif option == {**option, "type": ["boolean"]}:
                found += [text(word) for word in _TRUTHS]
            else:
                rest.append(option)
        # The schema as it was declared says the same, and perhaps more than its parts.
        typed = all("type" in option for option in value.options)
        whole = typed and len(rest) == len(value.options) and not (value.words or value.texts)
        if rest:
            found.append(self._json(value.schema if whole else _any_of(rest)))
        return found

    def _nested(self, option: Option) -> str:
        """A list or an object in tags; empty where the schema does not say what is in it."""
        types = types_of(option)
        if types == ["array"] and isinstance(option.get("items"), Mapping):
            item = self._tag("item", self._declared(option).items)
            return _many(item, "", option, "Items", text("[]"))
        if types != ["object"]:
            return ""
        parts = [(self._tag(key, part), needed) for key, part, needed in self._parameters(option)]
        return self._grammar.in_order(parts, "")

    def _tag(self, name: str, value: Declared) -> str:
        marker = self._format.namespace

        def build() -> str:
            inside = self._text_value(value, f"{marker}</{name}>")
            return sequence(text(f"{marker}<{name}>"), inside)

        return self._rule(name, value, build)

    # --- like program text ------------------------------------------------------------------------

    def _python(self, option: Option) -> str:
        items = []
        for key, value, needed in self._parameters(option):
            if value.types == {"boolean"}:
                written = choice([text(word) for word in _TRUTHS])
            else:
                written = self._json(value.schema)
            items.append((sequence(text(f"{key}="), written), needed))
        return self._grammar.in_order(items, text(", "))

    def _quoted_object(self, option: Option) -> str:
        """An object in braces; models that write it have learnt it with sorted keys."""
        properties = sorted(self._parameters(option), key=lambda item: item[0])
        further = option.get("additionalProperties")
        if properties or further is False:
            items = [
                (sequence(text(f"{self._quoted_key(key)}:"), self._quoted_value(value)), needed)
                for key, value, needed in properties
            ]
            inside = self._grammar.in_order(items, text(","))
        elif further:
            pair = f'{_KEY} ":" {self._quoted_value(self._declared(as_mapping(further)))}'
            inside = _many(pair, text(","), option, "Properties")
        else:
            return self._quoted_anything("object")
        return sequence(text("{"), inside, text("}"))

    def _quoted_key(self, key: str) -> str:
        bare = not any(char.isspace() or char in _SYNTAX for char in key)
        return key if bare else self._format.quote + key + self._format.quote

    def _quoted_list(self, option: Option) -> str:
        value = self._quoted_value(self._declared(as_mapping(option.get("items"))))
        first = option.get("prefixItems")
        if not isinstance(first, list) or not first:
            inside = _many(value, text(","), option, "Items")
            return sequence(text("["), inside, text("]"))
        # All of the first ones and no more than must be, although there may be fewer or more.
        written = [
            self._quoted_value(self._declared(as_mapping(part)))
            for part in first[: _count(option, "maxItems")]
        ]
        written += [value] * ((_count(option, "minItems") or 0) - len(written))
        return sequence(text("["), f" {text(',')} ".join(written), text("]"))

    def _quoted_value(self, value: Declared) -> str:
        return self._rule("value", value, lambda: choice(self._quoted_options(value)))

    def _quoted_options(self, value: Declared) -> list[str]:
        quote = text(self._format.quote)
        if any(_is_free(option) and not types_of(option) for option in value.texts):
            return [self._quoted_anything("any")]
        found = [sequence(quote, text(word), quote) for word in value.words]
        found += [sequence(quote, self._string(o, self._format.quote)) for o in value.texts]
        rest = []
        for option in value.others:
            types = types_of(option)
            if values_of(option) is not None:
                rest.append(option)
                continue
            found += [self._quoted_object(option)] if "object" in types else []
            found += [self._quoted_list(option)] if "array" in types else []
            plain = [name for name in types if name not in ("object", "array")]
            rest += [{**option, "type": plain}] if plain else []
        return found + ([self._json(_any_of(rest))] if rest else [])

    def _quoted_anything(self, kind: str) -> str:
        string = sequence(text(self._format.quote), self._grammar.until(self._format.quote))
        number = self._grammar.json({"type": ["number", "boolean", "null"]})
        values = choice([string, number])
        # Two levels of free structure are enough for a schema that says nothing.
        for _ in range(2):
            pair = f'{_KEY} ":" {values}'
            obj = self._grammar.rule(f'"{{" ({pair} ("," {pair})*)? "}}"')
            array = self._grammar.rule(f'"[" ({values} ("," {values})*)? "]"')
            values = self._grammar.rule(choice([string, number, obj, array]))
        return obj if kind == "object" else values


def _both(start: str, behind: str) -> str:
    return text(start + behind)


def _any_of(options: Sequence[Option]) -> Mapping[str, Any]:
    return options[0] if len(options) == 1 else {"anyOf": list(options)}


def _is_free(option: Option) -> bool:
    """Whether a string may be any."""
    return not any(keyword in option for keyword in ("minLength", "maxLength", "pattern"))


def _whole_pattern(pattern: str) -> str:
    """A regular expression for the whole of a text in which ``pattern`` is somewhere."""
    start = pattern.startswith("^")
    end = pattern.endswith("$") and not pattern.endswith("\\$")
    inside = pattern[1 if start else 0 : -1 if end else None]
    return f"{'' if start else '(?s:.*)'}({inside}){'' if end else '(?s:.*)'}"


def _many(one: str, separator: str, option: Option, what: str, none: str = "") -> str:
    """As many of the same as the option's limits of Items or Properties say."""
    least, most = _count(option, f"min{what}") or 0, _count(option, f"max{what}")
    if most == 0:
        return none
    most = None if most is None else max(most, least)
    further = f"{{{max(least, 1) - 1},{'' if most is None else most - 1}}}"
    some = one if most == 1 else f"{one} ({sequence(separator, one)}){further}"
    if least:
        return some
    return choice([some, none]) if none else f"({some})?"


def _count(option: Option, keyword: str) -> int | None:
    """A limit; None where there is none, or one that is hardly any."""
    value = option.get(keyword)
    return int(value) if isinstance(value, int | float) and 0 <= value <= _MOST_COUNTED else None
