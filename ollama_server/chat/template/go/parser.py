"""Tokens to trees, with Go's messages for what is wrong."""

from __future__ import annotations

from ollama_server.chat.template.go import literals, nodes
from ollama_server.chat.template.go.lexer import Token, tokenize
from ollama_server.errors import TemplateError

_MAX_DEPTH = 60
_MAX_VARIABLES = 1000  # at a time; each look-up goes through all of them
_OPERANDS = frozenset(
    ("bool", "char", "dot", "field", "identifier", "number", "nil", "rawstring", "string")
) | {"variable", "("}
_INERT = (nodes.Constant, nodes.Dot, nodes.Nil)


def parse_source(
    source: str, functions: frozenset[str], name: str = ""
) -> tuple[nodes.Block, dict[str, nodes.Block]]:
    """The root and the named templates of a source. Raises TemplateError with the line."""
    parser = _Parser(source, functions, name)
    try:
        root = parser.parse()
    except RecursionError as error:
        raise parser.error("template nests too deeply") from error
    return root, parser.defined


class _Parser:
    def __init__(self, source: str, functions: frozenset[str], name: str) -> None:
        self.functions = functions
        self.name = name
        self.tokens = tokenize(source)
        self.index = 0
        self.variables = ["$"]
        self.ranges = 0
        self.depth = 0
        self.action_line = 0
        self.defined: dict[str, nodes.Block] = {}

    # --- tokens -----------------------------------------------------------------------------------

    def next(self) -> Token:
        token = self.peek()
        self.index += 1
        return token

    def peek(self) -> Token:
        return self.tokens[min(self.index, len(self.tokens) - 1)]

    def next_solid(self) -> Token:
        token = self.next()
        while token.kind == "space":
            token = self.next()
        return token

    def peek_solid(self) -> Token:
        while self.peek().kind == "space":
            self.index += 1
        return self.peek()

    def expect(self, kind: str, context: str) -> Token:
        token = self.next_solid()
        if token.kind != kind:
            raise self.unexpected(token, context)
        return token

    def error(self, message: str) -> TemplateError:
        last = self.tokens[min(max(self.index - 1, 0), len(self.tokens) - 1)]
        return TemplateError(f"template: {self.name}:{last.line}: {message}")

    def unexpected(self, token: Token, context: str) -> TemplateError:
        if token.kind != "error":
            return self.error(f"unexpected {_shown(token)} in {context}")
        extra = ""
        if self.action_line and self.action_line != token.line:
            extra = f" in action started at {self.name}:{self.action_line}"
            if token.text.endswith(" action"):
                extra = extra.removeprefix(" in action")
        return self.error(f"{token.text}{extra}")

    # --- templates --------------------------------------------------------------------------------

    def parse(self) -> nodes.Block:
        root = nodes.Block(0)
        while self.peek().kind != "eof":
            if self.peek().kind == "left":
                start = self.index
                self.next()
                if self.next_solid().kind == "define":
                    self._definition()
                    continue
                self.index = start
            node = self._text_or_action()
            if isinstance(node, nodes.End | nodes.Else):
                raise self.error(f"unexpected {node}")
            root.nodes.append(node)
        return root

    def _definition(self) -> None:
        name = self._template_name("define clause")
        self.expect("right", "define clause")
        self._define(name, self._own_body("define clause"))

    def _own_body(self, context: str) -> nodes.Block:
        """The body of a named template, which sees no variables or ranges from outside."""
        outer = self.variables, self.ranges
        self.variables, self.ranges = ["$"], 0
        body, end = self._list()
        self.variables, self.ranges = outer
        if not isinstance(end, nodes.End):
            raise self.error(f"unexpected {end} in {context}")
        return body

    def _define(self, name: str, body: nodes.Block) -> None:
        if name in self.defined and not _is_empty(self.defined[name]):
            if _is_empty(body):
                return
            raise self.error(f"template: multiple definition of template {literals.quote(name)}")
        self.defined[name] = body

    def _template_name(self, context: str) -> str:
        token = self.next_solid()
        if token.kind not in ("string", "rawstring"):
            raise self.unexpected(token, context)
        return self._unquoted(token)

    def _unquoted(self, token: Token) -> str:
        try:
            return literals.unquote(token.text)
        except ValueError as error:
            raise self.error(str(error)) from error

    def _list(self) -> tuple[nodes.Block, nodes.Node]:
        """Nodes up to ``{{end}}`` or ``{{else}}``, which is returned beside them."""
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise self.error("template nests too deeply")
        block = nodes.Block(self.peek_solid().pos)
        while self.peek_solid().kind != "eof":
            node = self._text_or_action()
            if isinstance(node, nodes.End | nodes.Else):
                self.depth -= 1
                return block, node
            block.nodes.append(node)
        self.next()
        raise self.error("unexpected EOF")

    def _text_or_action(self) -> nodes.Node:
        token = self.next_solid()
        if token.kind == "text":
            return nodes.Text(token.pos, token.text)
        if token.kind == "left":
            self.action_line = token.line
            try:
                return self._action()
            finally:
                self.action_line = 0
        raise self.unexpected(token, "input")

    def _action(self) -> nodes.Node:
        token = self.next_solid()
        match token.kind:
            case "if" | "range" | "with":
                return self._branch(token)
            case "else":
                return self._else(token)
            case "end":
                self.expect("right", "end")
                return nodes.End(token.pos)
            case "template":
                return self._call()
            case "block":
                return self._block(token)
            case "break" | "continue":
                return self._jump(token)
        self.index -= 1
        start = self.peek()
        return nodes.Action(start.pos, self._pipeline("command", "right"))

    def _jump(self, token: Token) -> nodes.Node:
        following = self.next_solid()
        if following.kind != "right":
            raise self.unexpected(following, f"{{{{{token.kind}}}}}")
        if self.ranges == 0:
            raise self.error(f"{{{{{token.kind}}}}} outside {{{{range}}}}")
        return nodes.Break(token.pos) if token.kind == "break" else nodes.Continue(token.pos)

    def _else(self, token: Token) -> nodes.Node:
        if self.peek_solid().kind not in ("if", "with"):
            self.expect("right", "else")
        return nodes.Else(token.pos)

    def _branch(self, keyword: Token) -> nodes.Node:
        mark = len(self.variables)
        pipe = self._pipeline(keyword.kind, "right")
        self.ranges += keyword.kind == "range"
        body, following = self._list()
        self.ranges -= keyword.kind == "range"
        otherwise = None
        if isinstance(following, nodes.Else):
            otherwise = self._otherwise(keyword)
        del self.variables[mark:]
        return nodes.Branch(keyword.pos, keyword.kind, pipe, body, otherwise)

    def _otherwise(self, keyword: Token) -> nodes.Block:
        token = self.peek()
        if token.kind in ("if", "with"):
            if token.kind != keyword.kind or keyword.kind == "range":
                self.next()
                raise self.unexpected(token, "else")
            self.depth += 1
            if self.depth > _MAX_DEPTH:
                raise self.error("template nests too deeply")
            block = nodes.Block(token.pos, [self._branch(self.next())])
            self.depth -= 1
            return block
        block, end = self._list()
        if not isinstance(end, nodes.End):
            raise self.error(f"expected end; found {end}")
        return block

    def _call(self) -> nodes.Node:
        place = self.peek_solid().pos
        name = self._template_name("template clause")
        if self.next_solid().kind == "right":
            # Go allows it; here it could only print nothing, and Ollama refuses it.
            raise TemplateError("undefined template specified")
        self.index -= 1
        return nodes.Call(place, name, self._pipeline("template clause", "right"))

    def _block(self, token: Token) -> nodes.Node:
        name = self._template_name("block clause")
        pipe = self._pipeline("block clause", "right")
        self._define(name, self._own_body("block clause"))
        return nodes.Call(token.pos, name, pipe)

    # --- pipelines --------------------------------------------------------------------------------

    def _pipeline(self, context: str, end: str) -> nodes.Pipeline:
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise self.error("template nests too deeply")
        pipe = nodes.Pipeline(self.peek_solid().pos)
        self._declarations(pipe, context)
        while True:
            token = self.next_solid()
            if token.kind == end:
                self._check(pipe, context)
                self.depth -= 1
                return pipe
            if token.kind not in _OPERANDS:
                raise self.unexpected(token, context)
            self.index -= 1
            pipe.commands.append(self._command())

    def _declarations(self, pipe: nodes.Pipeline, context: str) -> None:
        while self.peek_solid().kind == "variable":
            start = self.index
            variable = self.next()
            following = self.peek_solid()
            if following.kind in ("assign", "declare"):
                pipe.assigns = following.kind == "assign"
                self.next()
                self._declare(pipe, variable)
                return
            if following.kind != "comma":
                self.index = start
                return
            self.next()
            self._declare(pipe, variable)
            if context != "range" or len(pipe.declared) >= 2:
                raise self.error(f"too many declarations in {context}")
            if self.peek_solid().kind not in ("variable", "right", ")"):
                raise self.error("range can only initialize variables")

    def _declare(self, pipe: nodes.Pipeline, variable: Token) -> None:
        pipe.declared.append(nodes.Variable(variable.pos, [variable.text]))
        self.variables.append(variable.text)
        if len(self.variables) > _MAX_VARIABLES:
            raise self.error("too many variables")

    def _check(self, pipe: nodes.Pipeline, context: str) -> None:
        if not pipe.commands:
            raise self.error(f"missing value for {context}")
        for stage, command in enumerate(pipe.commands[1:], 2):
            if isinstance(command.args[0], _INERT):
                raise self.error(f"non executable command in pipeline stage {stage}")

    def _command(self) -> nodes.Command:
        command = nodes.Command(self.peek_solid().pos, [])
        while True:
            self.peek_solid()
            operand = self._operand()
            if operand is not None:
                command.args.append(operand)
            token = self.next()
            if token.kind == "space":
                continue
            if token.kind in ("right", ")"):
                self.index -= 1
            elif token.kind != "pipe":
                raise self.unexpected(token, "operand")
            break
        if not command.args:
            raise self.error("empty command")
        return command

    def _operand(self) -> nodes.Node | None:
        term = self._term()
        if term is None or self.peek().kind != "field":
            return term
        place = self.peek().pos  # of what stands behind the first point, as in Go
        path = []
        while self.peek().kind == "field":
            path.append(self.next().text[1:])
        if isinstance(term, nodes.Field | nodes.Variable):
            return type(term)(place, term.path + path)
        if isinstance(term, _INERT):
            raise self.error(f"unexpected . after term {literals.quote(str(term))}")
        return nodes.Chain(place, term, path)

    def _term(self) -> nodes.Node | None:
        token = self.next_solid()
        match token.kind:
            case "identifier":
                if token.text not in self.functions:
                    raise self.error(f"function {literals.quote(token.text)} not defined")
                return nodes.Identifier(token.pos, token.text)
            case "dot":
                return nodes.Dot(token.pos)
            case "nil":
                return nodes.Nil(token.pos)
            case "variable":
                if token.text not in self.variables:
                    raise self.error(f"undefined variable {literals.quote(token.text)}")
                return nodes.Variable(token.pos, [token.text])
            case "field":
                return nodes.Field(token.pos, [token.text[1:]])
            case "bool":
                return nodes.Constant(token.pos, token.text == "true", token.text)
            case "number" | "char" | "string" | "rawstring":
                return self._constant(token)
            case "(":
                return self._pipeline("parenthesized pipeline", ")")
        self.index -= 1
        return None

    def _constant(self, token: Token) -> nodes.Node:
        if token.kind in ("string", "rawstring"):
            return nodes.Constant(token.pos, self._unquoted(token), token.text)
        if token.kind == "char":
            text = self._unquoted(token)
            if len(text) != 1:
                raise self.error(f"malformed character constant: {token.text}")
            return nodes.Constant(token.pos, ord(text), token.text)
        try:
            return nodes.Constant(token.pos, literals.number(token.text), token.text)
        except (ValueError, OverflowError) as error:
            reason = (
                "illegal number syntax" if isinstance(error, ValueError) else "integer overflow"
            )
            raise self.error(f"{reason}: {literals.quote(token.text)}") from error


def _is_empty(block: nodes.Block) -> bool:
    return all(isinstance(node, nodes.Text) and not node.text.strip() for node in block.nodes)


def _shown(token: Token) -> str:
    if token.kind == "eof":
        return "EOF"
    if token.kind in ("if", "range", "with", "else", "end", "template", "block", "define"):
        return f"<{token.text}>"
    if token.kind in ("break", "continue", "nil"):
        return f"<{token.text}>"
    if len(token.text) > 10:
        return literals.quote(token.text[:10]) + "..."
    return literals.quote(token.text)
