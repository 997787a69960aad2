"""The search tool that hosted APIs run on their side.

A model is offered it where the request asks for it. There is no search here: a call of it is
answered with each family's own form of "unavailable".
"""

from __future__ import annotations

from ollama_server.chat.types import Tool

NAME = "web_search"
UNAVAILABLE = "web search is not available on this server"

TOOL = Tool(
    NAME,
    "Search the web for current information.",
    {
        "type": "object",
        "properties": {"query": {"type": "string", "description": "What to search for"}},
        "required": ["query"],
    },
)


def is_search(kind: str) -> bool:
    """Whether a tool's type names the hosted search, in any of its dated versions."""
    return kind.startswith("web_search") and kind != "web_search_preview"
