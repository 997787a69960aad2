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
from jinja2.parser import Parser
from jinja2.runtime import BlockReference, ChainableUndefined, LoopContext, Macro, Undefined
from jinja2.sandbox import SandboxedEnvironment

from ollama_server.chat.template.jinja import guards
from ollama_server.chat.template.jinja.filters import COUNT, guarded_filters, guarded_tests
from ollama_server.chat.template.jinja.sizes import printable, text_of, weigh
from ollama_server.chat.template.limits import (
    CHARS_PER_STEP,
    DEFAULT_LIMITS,
    Budget,
    Limits,
    current_budget,
    spending,
)
from ollama_server.errors import TemplateError

# What a template may say about why it failed, which ends up in the client's error.
_LONGEST_REASON = 4096


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
        if len(node.ops) == 1 and node.ops[0].op in ("in", "notin"):
            self.write("(not " if node.ops[0].op == "notin" else "(")
            self.write("environment.contains(")
            self.visit(node.expr, frame)
            self.write(", ")
            self.visit(node.ops[0].expr, frame)
            self.write("))")
            return
        sides = [node.expr, *(operand.expr for operand in node.ops)]
        literal = len(sides) == 2 and any(isinstance(side, nodes.Const) for side in sides)
        operators = ["", *(f" {_OPERATORS[operand.op]} " for operand in node.ops)]
        self.write("(")
        for operator, side in zip(operators, sides, strict=True):
            self.write(operator)
            self._guarded(side, frame, "" if literal else "comparable")
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
    intercepted_binops = frozenset(("+", "-", "*", "/", "//", "%", "**"))
    joined = staticmethod(guards.joined)
    comparable = staticmethod(guards.comparable)
    contains = staticmethod(guards.contains)
    sliceable = staticmethod(guards.sliceable)
    hashable = staticmethod(guards.hashable)

    def __init__(self) -> None:
        super().__init__(
            trim_blocks=True,
            lstrip_blocks=True,
            undefined=ChainableUndefined,  # as in llama.cpp, what is not there has no members
            optimized=False,
            finalize=printable,
            extensions=[loopcontrols, _Generation],
            cache_size=0,
        )
        self.recursion_cost = 1
        self.filters = guarded_filters()
        self.tests = guarded_tests()
        for name in ("lipsum", "cycler", "joiner"):
            self.globals.pop(name, None)
        self.globals.update(
            dict=guards.bounded_dict,
            range=guards.bounded_range,
            raise_exception=_raise_exception,
            strftime_now=_strftime_now,
        )

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        for loop in tree.find_all(nodes.For):
            cost = 1 + _static_text(loop) // CHARS_PER_STEP
            if loop.recursive:
                self.recursion_cost = max(self.recursion_cost, cost)
            counted = nodes.Filter(loop.iter, COUNT, [nodes.Const(cost)], [], None, None)
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

    def getitem(self, obj: Any, argument: Any) -> Any:
        return super().getitem(obj, guards.hashable(argument))

    def call(__self, __context: Any, __obj: Any, *args: Any, **kwargs: Any) -> Any:
        budget = current_budget()
        budget.step(1 + (len(args) + len(kwargs)) // 8)
        if isinstance(__obj, Macro | BlockReference | LoopContext):
            if isinstance(__obj, LoopContext) and args:
                args = (guards.counted(args[0], __self.recursion_cost), *args[1:])
            made = super().call(__context, __obj, *args, **kwargs)
            budget.step(1 + len(made) // CHARS_PER_STEP)
            return made
        owner = getattr(__obj, "__self__", None)
        if isinstance(owner, LoopContext):
            weigh(args)  # it compares them with those of the pass before
        elif isinstance(__obj, types.BuiltinMethodType) and not isinstance(owner, types.ModuleType):
            args = guards.method(owner, __obj.__name__, args, kwargs)
        return super().call(__context, __obj, *args, **kwargs)


def _raise_exception(message: Any) -> None:
    raise JinjaError(text_of(message))


def _strftime_now(pattern: str) -> str:
    if len(pattern) > 256:
        raise TemplateError("template uses a date format that is too long")
    return datetime.datetime.now().strftime(pattern)


class JinjaTemplate:
    """A compiled chat template. Raises TemplateError when the text is not a template."""

    def __init__(self, text: str, limits: Limits = DEFAULT_LIMITS) -> None:
        self.text = text
        self.limits = limits
        if len(text) > limits.source:
            raise TemplateError("template is too long")
        self._environment = ChatEnvironment()
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
    return str(error)[:_LONGEST_REASON] or type(error).__name__


__all__ = ["ChatEnvironment", "JinjaTemplate", "SecurityError", "Undefined"]
