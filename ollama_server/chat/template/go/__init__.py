"""Go's text/template: lexer, parser and evaluator of the language that registry models use."""

from ollama_server.chat.template.go.evaluator import Template, parse

__all__ = ["Template", "parse"]
