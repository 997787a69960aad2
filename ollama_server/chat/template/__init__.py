"""Prompt templates: Go text/template, Jinja, and the named renderers, behind one interface."""

from ollama_server.chat.template.base import PromptTemplate, ThinkingMarkers

__all__ = ["PromptTemplate", "ThinkingMarkers"]
