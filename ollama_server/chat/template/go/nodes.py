"""The tree of a parsed template. ``str(node)`` is the node as Go's error messages show it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Node:
    pos: int


@dataclass(slots=True)
class Text(Node):
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(slots=True)
class Nil(Node):
    def __str__(self) -> str:
        return "nil"


@dataclass(slots=True)
class Dot(Node):
    def __str__(self) -> str:
        return "."


@dataclass(slots=True)
class Constant(Node):
    """A bool, number, rune or string; ``source`` is how it was written."""

    value: Any
    source: str

    def __str__(self) -> str:
        return self.source


@dataclass(slots=True)
class Identifier(Node):
    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(slots=True)
class Field(Node):
    """``.A.B``"""

    path: list[str]

    def __str__(self) -> str:
        return "".join(f".{name}" for name in self.path)


@dataclass(slots=True)
class Variable(Node):
    """``$x.A.B``; the first name includes the dollar sign."""

    path: list[str]

    def __str__(self) -> str:
        return ".".join(self.path)


@dataclass(slots=True)
class Chain(Node):
    """``(…).A.B``"""

    base: Node
    path: list[str]

    def __str__(self) -> str:
        base = f"({self.base})" if isinstance(self.base, Pipeline) else str(self.base)
        return base + "".join(f".{name}" for name in self.path)


@dataclass(slots=True)
class Command(Node):
    args: list[Node]

    def __str__(self) -> str:
        return " ".join(f"({a})" if isinstance(a, Pipeline) else str(a) for a in self.args)


@dataclass(slots=True)
class Pipeline(Node):
    commands: list[Command] = field(default_factory=list)
    declared: list[Variable] = field(default_factory=list)
    assigns: bool = False

    def __str__(self) -> str:
        text = " | ".join(map(str, self.commands))
        if not self.declared:
            return text
        names = ", ".join(map(str, self.declared))
        return f"{names} {'=' if self.assigns else ':='} {text}"


@dataclass(slots=True)
class Action(Node):
    pipe: Pipeline

    def __str__(self) -> str:
        return f"{{{{{self.pipe}}}}}"


@dataclass(slots=True)
class Block(Node):
    """A list of nodes."""

    nodes: list[Node] = field(default_factory=list)

    def __str__(self) -> str:
        return "".join(map(str, self.nodes))


@dataclass(slots=True)
class Branch(Node):
    """``if``, ``range`` or ``with``; ``otherwise`` is None when there is no else."""

    keyword: str
    pipe: Pipeline
    body: Block
    otherwise: Block | None = None

    def __str__(self) -> str:
        otherwise = f"{{{{else}}}}{self.otherwise}" if self.otherwise else ""
        return f"{{{{{self.keyword} {self.pipe}}}}}{self.body}{otherwise}{{{{end}}}}"


@dataclass(slots=True)
class Break(Node):
    def __str__(self) -> str:
        return "{{break}}"


@dataclass(slots=True)
class Continue(Node):
    def __str__(self) -> str:
        return "{{continue}}"


@dataclass(slots=True)
class Call(Node):
    """``{{template "name" pipeline}}``"""

    name: str
    pipe: Pipeline

    def __str__(self) -> str:
        return f'{{{{template "{self.name}" {self.pipe}}}}}'


@dataclass(slots=True)
class End(Node):
    def __str__(self) -> str:
        return "{{end}}"


@dataclass(slots=True)
class Else(Node):
    def __str__(self) -> str:
        return "{{else}}"
