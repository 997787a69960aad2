"""Runs a parsed template over its data, within bounds."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ollama_server.chat.template.go import nodes
from ollama_server.chat.template.go.functions import FUNCTIONS, NAMES, FunctionError
from ollama_server.chat.template.go.parser import parse_source
from ollama_server.chat.template.go.printing import plain, show, sorted_keys
from ollama_server.chat.template.go.values import Array, Object, Ordered, Struct, truth, type_name
from ollama_server.chat.template.limits import DEFAULT_LIMITS, Budget, Limits, spending
from ollama_server.errors import TemplateError

_MISSING = object()
# Messages may show values, and values may be long.
_LONGEST_MESSAGE = 4096


class _Break(Exception):
    pass


class _Continue(Exception):
    pass


class Template:
    """A template and the named ones it came with. ``root`` may be swapped for a cut copy."""

    def __init__(
        self, source: str, root: nodes.Block, defined: dict[str, nodes.Block], name: str = ""
    ) -> None:
        self.source = source
        self.root = root
        self.defined = defined
        self.name = name

    def with_root(self, root: nodes.Block) -> Template:
        """The same template with another tree."""
        return Template(self.source, root, self.defined, self.name)

    def execute(self, data: Any, limits: Limits = DEFAULT_LIMITS) -> str:
        """The output for this data. Raises TemplateError with the place of the failure."""
        budget = Budget(limits)
        with spending(budget):
            try:
                return _Run(self, budget).render(data)
            except RecursionError as error:
                message = "exceeded maximum template depth"
                raise TemplateError(f"template: {self.name}: {message}") from error


def parse(source: str, name: str = "", limits: Limits = DEFAULT_LIMITS) -> Template:
    """Parse a template. Raises TemplateError with the line of the mistake."""
    if len(source) > limits.source:
        raise TemplateError(f"template: {name}:1: template is too long")
    root, defined = parse_source(source, NAMES, name)
    return Template(source, root, defined, name)


class _Run:
    def __init__(self, template: Template, budget: Budget) -> None:
        self.template = template
        self.budget = budget
        self.variables: list[tuple[str, Any]] = []
        self.out: list[str] = []
        self.depth = 0
        self.name = template.name

    def render(self, data: Any) -> str:
        self.variables = [("$", data)]
        self.walk(data, self.template.root)
        return "".join(self.out)

    def fail(self, node: nodes.Node, message: str) -> TemplateError:
        before = self.template.source[: node.pos]
        line = before.count("\n") + 1
        column = len(before.rpartition("\n")[2].encode())
        context = str(node)
        if len(context) > 20:
            context = context[:20] + "..."
        place = f"{self.template.name}:{line}:{column}"
        message = message[:_LONGEST_MESSAGE]
        return TemplateError(
            f'template: {place}: executing "{self.name}" at <{context}>: {message}'
        )

    # --- nodes ------------------------------------------------------------------------------------

    def walk(self, dot: Any, node: nodes.Node) -> None:
        self.budget.step()
        match node:
            case nodes.Block():
                for item in node.nodes:
                    self.walk(dot, item)
            case nodes.Text():
                self.emit(node.text)
            case nodes.Action():
                value = self.pipeline(dot, node.pipe)
                if not node.pipe.declared:
                    self.emit(show(value))
            case nodes.Branch(keyword="range"):
                self.range(dot, node)
            case nodes.Branch():
                self.branch(dot, node)
            case nodes.Call():
                self.call(dot, node)
            case nodes.Break():
                raise _Break
            case nodes.Continue():
                raise _Continue

    def emit(self, text: str) -> None:
        self.budget.emit(len(text))
        self.out.append(text)

    def branch(self, dot: Any, node: nodes.Branch) -> None:
        mark = len(self.variables)
        value = self.pipeline(dot, node.pipe)
        if truth(value):
            self.walk(value if node.keyword == "with" else dot, node.body)
        elif node.otherwise is not None:
            self.walk(dot, node.otherwise)
        del self.variables[mark:]

    def range(self, dot: Any, node: nodes.Branch) -> None:
        outer = len(self.variables)
        value = self.pipeline(dot, node.pipe)
        mark = len(self.variables)
        passed = False
        for index, element in self.elements(node, value):
            passed = True
            self.budget.step()
            self.assign_range(node.pipe, index, element)
            try:
                self.walk(element, node.body)
            except _Continue:
                pass
            except _Break:
                break
            finally:
                del self.variables[mark:]
        if not passed and node.otherwise is not None:
            self.walk(dot, node.otherwise)
        del self.variables[outer:]

    def elements(self, node: nodes.Branch, value: Any) -> Iterable[tuple[Any, Any]]:
        if isinstance(value, list | tuple):
            return enumerate(value)
        if isinstance(value, dict):
            return ((key, value[key]) for key in sorted_keys(value))
        if value is None:
            return ()
        if isinstance(value, int) and not isinstance(value, bool):
            if len(node.pipe.declared) > 1:
                message = f"can't use {value} to iterate over more than one variable"
                raise self.fail(node.pipe.commands[-1], message)
            return ((i, i) for i in range(value))
        raise self.fail(node.pipe.commands[-1], f"range can't iterate over {plain(value)}")

    def assign_range(self, pipe: nodes.Pipeline, index: Any, element: Any) -> None:
        names = pipe.declared
        if not names:
            return
        if pipe.assigns:
            values = (element,) if len(names) == 1 else (index, element)
            for variable, value in zip(names, values, strict=True):
                self.assign(variable, value)
            return
        self.variables[-1] = (self.variables[-1][0], element)
        if len(names) > 1:
            self.variables[-2] = (self.variables[-2][0], index)

    def call(self, dot: Any, node: nodes.Call) -> None:
        body = self.template.defined.get(node.name)
        if body is None:
            raise self.fail(node, f'template "{node.name}" not defined')
        if self.depth >= self.budget.limits.depth:
            raise self.fail(node, f"exceeded maximum template depth ({self.budget.limits.depth})")
        argument = self.pipeline(dot, node.pipe)
        outer = self.variables, self.name
        self.variables, self.name = [("$", argument)], node.name
        self.depth += 1
        self.walk(argument, body)
        self.depth -= 1
        self.variables, self.name = outer

    # --- variables --------------------------------------------------------------------------------

    def assign(self, variable: nodes.Variable, value: Any) -> None:
        name = variable.path[0]
        for position in range(len(self.variables) - 1, -1, -1):
            if self.variables[position][0] == name:
                self.variables[position] = (name, value)
                return
        raise self.fail(variable, f"undefined variable: {name}")

    def lookup(self, variable: nodes.Variable) -> Any:
        name = variable.path[0]
        for known, value in reversed(self.variables):
            if known == name:
                return value
        raise self.fail(variable, f"undefined variable: {name}")

    # --- pipelines --------------------------------------------------------------------------------

    def pipeline(self, dot: Any, pipe: nodes.Pipeline) -> Any:
        value: Any = _MISSING
        for command in pipe.commands:
            value = self.command(dot, command, value)
        for variable in pipe.declared:
            if pipe.assigns:
                self.assign(variable, value)
            else:
                self.variables.append((variable.path[0], value))
        return value

    def command(self, dot: Any, command: nodes.Command, final: Any) -> Any:
        self.budget.step()
        first = command.args[0]
        args = command.args[1:]
        has_arguments = bool(args) or final is not _MISSING
        match first:
            case nodes.Identifier():
                return self.function(dot, first, command, final)
            case nodes.Field():
                return self.path(first, dot, first.path, has_arguments)
            case nodes.Chain():
                return self.path(first, self.base(dot, first), first.path, has_arguments)
            case nodes.Variable():
                return self.path(first, self.lookup(first), first.path[1:], has_arguments)
        if has_arguments:
            raise self.fail(first, f"can't give argument to non-function {first}")
        if isinstance(first, nodes.Nil):
            raise self.fail(first, "nil is not a command")
        return self.argument(dot, first)

    def argument(self, dot: Any, node: nodes.Node) -> Any:
        match node:
            case nodes.Constant():
                if isinstance(node.value, int) and node.value >= 2**63:
                    raise self.fail(node, f"{node.source} overflows int")
                return node.value
            case nodes.Dot():
                return dot
            case nodes.Nil():
                return None
            case nodes.Pipeline():
                return self.pipeline(dot, node)
            case nodes.Identifier():
                return self.function(dot, node, nodes.Command(node.pos, [node]), _MISSING)
            case nodes.Field():
                return self.path(node, dot, node.path)
            case nodes.Variable():
                return self.path(node, self.lookup(node), node.path[1:])
            case nodes.Chain():
                return self.path(node, self.base(dot, node), node.path)
        raise self.fail(node, f"can't handle {node}")

    def base(self, dot: Any, chain: nodes.Chain) -> Any:
        return self.argument(dot, chain.base)

    def path(
        self, node: nodes.Node, value: Any, path: list[str], has_arguments: bool = False
    ) -> Any:
        if has_arguments and not path:
            raise self.fail(node, f"can't give argument to non-function {node}")
        held = ""
        for position, name in enumerate(path):
            self.budget.step()
            last = position == len(path) - 1
            inner = self.field(node, value, name, has_arguments and last, held)
            # What a map holds is of any type, as Go's messages have it.
            held = "interface {}" if isinstance(value, dict) else ""
            value = inner
        return value

    def field(self, node: nodes.Node, value: Any, name: str, has_arguments: bool, held: str) -> Any:
        """``held`` is the declared type of the value where that is not its own."""
        if value is None:
            return None
        if name == "String" and isinstance(value, Object | Ordered | Array):
            return plain(value)
        if isinstance(value, Struct):
            if name not in value.fields:
                if name == "String" and value.json is not None:
                    return plain(value)
                raise self.fail(node, f"can't evaluate field {name} in type {value.type_name}")
            if has_arguments:
                message = f"{name} has arguments but cannot be invoked as function"
                raise self.fail(node, message)
            return value.fields[name]
        if isinstance(value, dict):
            if has_arguments:
                raise self.fail(node, f"{name} is not a method but has arguments")
            return value.get(name)
        raise self.fail(node, f"can't evaluate field {name} in type {held or type_name(value)}")

    # --- functions --------------------------------------------------------------------------------

    def function(
        self, dot: Any, identifier: nodes.Identifier, command: nodes.Command, final: Any
    ) -> Any:
        name = identifier.name
        args = command.args[1:]
        if name in ("and", "or"):
            return self.junction(dot, identifier, args, final)
        function, fewest, most = FUNCTIONS[name]
        count = len(args) + (final is not _MISSING)
        if count < fewest or (most is not None and count > most):
            wanted = f"at least {fewest}" if most is None else str(fewest)
            message = f"wrong number of args for {name}: want {wanted} got {count}"
            raise self.fail(identifier, message)
        values = [self.argument(dot, arg) for arg in args]
        if final is not _MISSING:
            values.append(final)
        if name == "printf" and not isinstance(values[0], str):
            shown = type_name(values[0])
            place = args[0] if args else identifier
            raise self.fail(place, f"wrong type for value; expected string; got {shown}")
        return self.invoke(name, command, function, values)

    def invoke(
        self, name: str, command: nodes.Command, function: Callable[..., Any], values: list[Any]
    ) -> Any:
        try:
            return function(*values)
        except (FunctionError, TemplateError) as error:
            raise self.fail(command, f"error calling {name}: {error}") from error

    def junction(
        self, dot: Any, identifier: nodes.Identifier, args: list[nodes.Node], final: Any
    ) -> Any:
        """``and`` and ``or`` stop at the argument that decides, and return it."""
        if not args and final is _MISSING:
            message = f"wrong number of args for {identifier.name}: want at least 1 got 0"
            raise self.fail(identifier, message)
        value: Any = None
        for arg in args:
            value = self.argument(dot, arg)
            if truth(value) == (identifier.name == "or"):
                return value
        return value if final is _MISSING else final
