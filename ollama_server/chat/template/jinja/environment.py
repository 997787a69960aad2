"""The Jinja that chat templates are written for, in a sandbox that bounds what they may do.

As transformers and llama.cpp have it: blocks trimmed, loop controls, a pass-through ``generation``
tag, ``raise_exception``, ``strftime_now``, a ``tojson`` that escapes nothing, lists that may be
appended to. On top: every loop pass, call, operator and output is paid for from a `Budget`.
"""

from __future__ import annotations

import datetime
import types
from collections.abc import Callable, Mapping
from typing import Any

from jinja2 import TemplateError as JinjaError
from jinja2 import TemplateSyntaxError, nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.exceptions import SecurityError
from jinja2.ext import Extension, loopcontrols
from jinja2.filters import FILTERS
from jinja2.parser import Parser
from jinja2.runtime import LoopContext, Macro, Undefined
from jinja2.sandbox import SandboxedEnvironment
from jinja2.tests import TESTS

from ollama_server.chat.template.jinja import guards
from ollama_server.chat.template.limits import (
    DEFAULT_LIMITS,
    Budget,
    Limits,
    current_budget,
    spending,
)
from ollama_server.errors import TemplateError

_COUNT = "counted by the sandbox"
# Filters that pass on or pick what they get, without looking inside it.
_SHALLOW_FILTERS = frozenset(
    (
        *("abs", "attr", "count", "d", "default", "first", "float", "int", "items", "last"),
        *("length", "list", "map", "reject", "rejectattr", "reverse", "round", "select"),
        *("selectattr",),
    )
)
_SIZED = (str, list, tuple, dict)
_DROPPED_FILTERS = ("urlize", "wordwrap", "striptags", "xmlattr", "pprint", "random")


class _Generator(CodeGenerator):
    """Compiles templates so that joins, comparisons and loops go through the guards."""

    def _output_child_to_const(self, node: nodes.Expr, frame: Frame, finalize: Any) -> str:
        if not isinstance(node, nodes.TemplateData):
            raise nodes.Impossible  # nothing but text is evaluated while compiling
        return super()._output_child_to_const(node, frame, finalize)

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:
        self.write("environment.joined((")
        for part in node.nodes:
            self.visit(part, frame)
            self.write(", ")
        self.write("))")

    def visit_Compare(self, node: nodes.Compare, frame: Frame) -> None:
        literal = any(isinstance(side, nodes.Const) for side in (node.expr, *_sides(node)))
        self.write("(")
        self._guarded(node.expr, frame, "" if literal else "comparable")
        for operand in node.ops:
            self.write(f" {_OPERATORS[operand.op]} ")
            searched = operand.op in ("in", "notin")
            guard = "searchable" if searched else "" if literal else "comparable"
            self._guarded(operand.expr, frame, guard)
        self.write(")")

    def visit_Getitem(self, node: nodes.Getitem, frame: Frame) -> None:
        if not isinstance(node.arg, nodes.Slice):
            super().visit_Getitem(node, frame)
            return
        self._guarded(node.node, frame, "sliceable")
        self.write("[")
        self.visit(node.arg, frame)
        self.write("]")

    def _guarded(self, node: nodes.Expr, frame: Frame, guard: str) -> None:
        self.write(f"environment.{guard}(" if guard else "(")
        self.visit(node, frame)
        self.write(")")

    def visit_Dict(self, node: nodes.Dict, frame: Frame) -> None:
        self.write("{")
        for item in node.items:
            self.write("environment.hashable(")
            self.visit(item.key, frame)
            self.write("): ")
            self.visit(item.value, frame)
            self.write(", ")
        self.write("}")


def _sides(node: nodes.Compare) -> list[nodes.Expr]:
    return [operand.expr for operand in node.ops]


_OPERATORS = {
    "eq": "==",
    "ne": "!=",
    "gt": ">",
    "gteq": ">=",
    "lt": "<",
    "lteq": "<=",
    "in": "in",
    "notin": "not in",
}


def _static_text(node: nodes.Node) -> int:
    return sum(len(data.data) for data in node.find_all(nodes.TemplateData))


class _Generation(Extension):
    """``{% generation %}…{% endgeneration %}`` marks training spans; the text passes through."""

    tags = {"generation"}  # noqa: RUF012  (Jinja reads it from the class)

    def parse(self, parser: Parser) -> nodes.Node:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.Scope(body, lineno=line)


class ChatEnvironment(SandboxedEnvironment):
    """Mutable, since templates append to lists; nothing beyond plain values can be reached."""

    code_generator_class = _Generator
    intercepted_binops = frozenset(("+", "*", "**", "%"))
    joined = staticmethod(guards.joined)
    comparable = staticmethod(guards.comparable)
    searchable = staticmethod(guards.searchable)
    sliceable = staticmethod(guards.sliceable)
    hashable = staticmethod(guards.hashable)

    def __init__(self) -> None:
        super().__init__(
            trim_blocks=True,
            lstrip_blocks=True,
            optimized=False,
            finalize=_finalize,
            extensions=[loopcontrols, _Generation],
            cache_size=0,
        )
        self.macro_cost = 1
        self.filters = _filters()
        self.tests = _tests()
        for name in ("lipsum", "cycler", "joiner"):
            self.globals.pop(name, None)
        self.globals.update(
            range=guards.bounded_range,
            raise_exception=_raise_exception,
            strftime_now=_strftime_now,
        )

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        for loop in tree.find_all(nodes.For):
            cost = nodes.Const(1 + _static_text(loop) // 64)
            counted = nodes.Filter(loop.iter, _COUNT, [cost], [], None, None)
            loop.iter = counted.set_lineno(loop.lineno).set_environment(self)
        return tree

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if operator == "+":
            # As llama.cpp has it: text and something undefined is the text.
            if isinstance(left, str) and isinstance(right, Undefined):
                return left
            if isinstance(right, str) and isinstance(left, Undefined):
                return right
        guards.binary_operator(operator, left, right)
        return super().call_binop(context, operator, left, right)

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        format_text = super().wrap_str_format(value)
        if format_text is None:
            return None

        def guarded(*args: Any, **kwargs: Any) -> str:
            guards.brace_format(value.__self__, (*args, *kwargs.values()))
            return format_text(*args, **kwargs)

        return guarded

    def call(__self, __context: Any, __obj: Any, *args: Any, **kwargs: Any) -> Any:
        budget = current_budget()
        if isinstance(__obj, Macro):
            budget.step(__self.macro_cost)
        elif isinstance(__obj, LoopContext):
            budget.step(__self.macro_cost)
            args = (guards.counted(args[0], __self.macro_cost), *args[1:]) if args else args
        else:
            budget.step(1 + sum(len(arg) for arg in args if isinstance(arg, _SIZED)) // 256)
            owner = __obj.__self__ if isinstance(__obj, types.BuiltinMethodType) else None
            if owner is not None and not isinstance(owner, types.ModuleType):
                guards.method(owner, __obj.__name__, args, kwargs)
        return super().call(__context, __obj, *args, **kwargs)


def _finalize(value: Any) -> str:
    return guards.printable(value)


def _raise_exception(message: Any) -> None:
    raise JinjaError(guards.text_of(message))


def _strftime_now(pattern: str) -> str:
    if len(pattern) > 256:
        raise TemplateError("template uses a date format that is too long")
    return datetime.datetime.now().strftime(pattern)


def _filters() -> dict[str, Any]:
    filters: dict[str, Any] = {
        name: guards.sized(function, deep=name not in _SHALLOW_FILTERS)
        for name, function in FILTERS.items()
    }
    for name in _DROPPED_FILTERS:
        filters.pop(name, None)
    for name, size, position in (
        ("center", "width", 0),
        ("indent", "width", 0),
        ("batch", "linecount", 0),
        ("slice", "slices", 0),
        ("round", "precision", 0),
        ("truncate", "length", 0),
    ):
        filters[name] = guards.sized(FILTERS[name], size, position)
    filters.update(
        {
            _COUNT: guards.counted,
            "tojson": guards.to_json,
            "list": guards.bounded_list,
            "string": guards.text_of,
            "join": guards.join_filter,
            "replace": guards.replace_filter,
            "format": guards.format_filter,
            "indent": guards.indent_filter,
            "upper": guards.sized(_upper),
        }
    )
    return filters


def _upper(value: Any) -> str:
    return guards.text_of(value).upper()


def _tests() -> dict[str, Any]:
    return {name: _guarded_test(test) for name, test in TESTS.items()}


def _guarded_test(test: Any) -> Any:
    if hasattr(test, "jinja_pass_arg"):
        return test

    def guarded(left: Any, *others: Any) -> Any:
        if isinstance(left, str):
            guards.comparable(left)
        for other in others:
            guards.searchable(other)
            if not isinstance(left, guards.ATOMS):
                guards.comparable(left)
                guards.comparable(other)
        return test(left, *others)

    return guarded


class JinjaTemplate:
    """A compiled chat template. Raises TemplateError when the text is not a template."""

    def __init__(self, text: str, limits: Limits = DEFAULT_LIMITS) -> None:
        self.text = text
        self.limits = limits
        if len(text) > limits.source:
            raise TemplateError("template is too long")
        self._environment = ChatEnvironment()
        self._environment.macro_cost = 1 + len(text) // 1024
        with spending(Budget(limits)):
            try:
                self._template = self._environment.from_string(text)
            except TemplateSyntaxError as error:
                raise TemplateError(f"template: line {error.lineno}: {error.message}") from error
            except Exception as error:
                # Whatever the compiler runs into, the text is not a template that can be used.
                raise TemplateError(f"template: {_reason(error)}") from error

    def render(self, variables: Mapping[str, Any]) -> str:
        """The text for these variables; absent ones are undefined, which prints as nothing."""
        with spending(Budget(self.limits)):
            try:
                return self._template.render(variables)
            except TemplateError:
                raise
            except Exception as error:
                # Whatever a template's expressions run into is the template's failure.
                raise TemplateError(_reason(error)) from error


def _reason(error: BaseException) -> str:
    if isinstance(error, RecursionError):
        return "template nests too deeply"
    return str(error) or type(error).__name__


__all__ = ["ChatEnvironment", "JinjaTemplate", "SecurityError", "Undefined"]
