"""What a template's tree says: the variables it reads, its reasoning markers, where to cut it."""

from __future__ import annotations

from collections.abc import Iterator

from ollama_server.chat.template.base import ThinkingMarkers
from ollama_server.chat.template.go import nodes
from ollama_server.chat.template.go.evaluator import Template


def identifiers(template: Template) -> frozenset[str]:
    """The names, in lower case, of all fields and variables that a template reads."""
    found: set[str] = set()
    for root in (template.root, *template.defined.values()):
        for node in _walk(root):
            if isinstance(node, nodes.Field | nodes.Variable):
                found.update(name.lower() for name in node.path)
    return frozenset(found)


def _walk(node: nodes.Node) -> Iterator[nodes.Node]:
    stack = [node]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(reversed(_children(node)))


def _children(node: nodes.Node) -> list[nodes.Node]:
    match node:
        case nodes.Block():
            return node.nodes
        case nodes.Branch():
            return [node.pipe, node.body, *([node.otherwise] if node.otherwise else [])]
        case nodes.Action():
            return [node.pipe]
        case nodes.Call():
            return [node.pipe]
        case nodes.Pipeline():
            return [arg for command in node.commands for arg in command.args]
        case nodes.Chain():
            return [node.base]
    return []


def thinking_markers(template: Template) -> ThinkingMarkers | None:
    """The texts around ``.Thinking`` where a template prints a message's reasoning.

    Looked for inside a range over ``.Messages``: the first and the last text of the list of nodes
    that prints it. What stands around a mere condition on ``.Thinking`` counts only where nothing
    prints it.
    """
    printed, tested = ["", ""], ["", ""]
    for field, ancestors in _with_ancestors(template.root, ()):
        if field.path[0] != "Thinking" or not _inside_messages(ancestors):
            continue
        siblings = next(a for a in reversed(ancestors) if isinstance(a, nodes.Block))
        in_condition = not isinstance(_statement(ancestors), nodes.Action)
        found = tested if in_condition else printed
        for side, edge in ((0, siblings.nodes[0]), (1, siblings.nodes[-1])):
            if isinstance(edge, nodes.Text):
                found[side] = edge.text.strip()
    markers = [a or b for a, b in zip(printed, tested, strict=True)]
    return ThinkingMarkers(*markers) if all(markers) else None


def _with_ancestors(
    node: nodes.Node, ancestors: tuple[nodes.Node, ...]
) -> Iterator[tuple[nodes.Field, tuple[nodes.Node, ...]]]:
    if isinstance(node, nodes.Field):
        yield node, ancestors
    for child in _children(node):
        yield from _with_ancestors(child, (*ancestors, node))


def _inside_messages(ancestors: tuple[nodes.Node, ...]) -> bool:
    for node in reversed(ancestors):
        if isinstance(node, nodes.Branch) and node.keyword == "range":
            return any(
                isinstance(n, nodes.Field | nodes.Variable) and "Messages" in n.path
                for n in _walk(node.pipe)
            )
    return False


def _statement(ancestors: tuple[nodes.Node, ...]) -> nodes.Node:
    return next(a for a in reversed(ancestors) if isinstance(a, nodes.Action | nodes.Branch))


def cut_at_response(root: nodes.Block) -> nodes.Block:
    """A copy of the tree without what follows the first ``.Response``, conditions aside."""
    return _cut(root)[0]


def _cut(block: nodes.Block) -> tuple[nodes.Block, bool]:
    kept: list[nodes.Node] = []
    for node in block.nodes:
        done = False
        if isinstance(node, nodes.Branch):
            body, done = _cut(node.body)
            otherwise = node.otherwise
            if done:
                otherwise = None
            elif otherwise is not None:
                otherwise, done = _cut(otherwise)
            node = nodes.Branch(node.pos, node.keyword, node.pipe, body, otherwise)
        elif isinstance(node, nodes.Action):
            done = any(isinstance(n, nodes.Field) and "Response" in n.path for n in _walk(node))
        kept.append(node)
        if done:
            return nodes.Block(block.pos, kept), True
    return nodes.Block(block.pos, kept), False
